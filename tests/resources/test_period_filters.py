from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from mediasflow_async import BadRequest, CampaignRequest, Dialect, MediaType, Recipient, Session
from mediasflow_async.sandbox import DeliveryPlan, Fault, Sandbox, User
from mediasflow_async.search import field, item
from tests.support.inspection import MINUTE, connected


@pytest.fixture
async def three_people(session: Session) -> datetime:
    """Campaigns of today to three people; returns when today began."""
    for number, ref, text in (
        ("+33612345678", "A", "Hello world"),
        ("+33699123456", "B", "Bonjour"),
        ("+33600002078", "A", "Hello you"),
    ):
        person = Recipient(number, fields={"REF": ref})
        await session.campaigns.send(CampaignRequest(msg=text, recipients=[person]))
    return datetime.now(UTC) - timedelta(hours=1)


async def numbers(rows: Any) -> list[str]:
    return [row.mobile async for row in rows]


@pytest.mark.anyio
async def test_rows_can_be_searched_by_their_fields(
    session: Session, three_people: datetime
) -> None:
    for search in (field("REF") == "A", "fields.REF==A"):
        found = session.reports.period(three_people, search=search)
        assert await numbers(found) == ["+33612345678", "+33600002078"]
        listed = session.reports.period_csv(three_people, search=search)
        assert await numbers(listed) == ["+33612345678", "+33600002078"]


@pytest.mark.anyio
async def test_searches_can_be_combined(session: Session, three_people: datetime) -> None:
    search = (field("REF") == "A") & (item == "+33612345678") | (field("REF") == "B")

    found = session.reports.period(three_people, search=search)

    assert await numbers(found) == ["+33612345678", "+33699123456"]


@pytest.mark.anyio
async def test_a_prefix_finds_only_what_starts_with_it(
    session: Session, three_people: datetime
) -> None:
    search = item.startswith("3361234")

    assert await numbers(session.reports.period(three_people, search=search)) == ["+33612345678"]


@pytest.mark.anyio
async def test_a_prefix_that_the_server_reads_too_widely_is_filtered_here(
    session: Session, three_people: datetime
) -> None:
    wide = await numbers(session.reports.period(three_people, search="item=re=336990*"))
    narrow = await numbers(session.reports.period(three_people, search=item.startswith("336990")))

    assert wide == ["+33699123456"]
    assert narrow == []


@pytest.mark.anyio
async def test_rows_can_be_filtered_by_status(
    session: Session, sandbox: Sandbox, three_people: datetime
) -> None:
    rows = await session.reports.period(three_people, status=[20, 21])

    assert [row.mobile for row in rows] == ["+33600002078"]
    assert sandbox.requests[-1].query["status"] == "20;21"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("types", "written", "count"),
    [(["SMS", "VOCAL"], "SMS;VOCAL", 3), ([MediaType.EMAIL], "EMAIL", 0), ([], None, 3)],
)
async def test_rows_can_be_filtered_by_media(
    *,
    session: Session,
    sandbox: Sandbox,
    three_people: datetime,
    types: list[MediaType | str],
    written: str | None,
    count: int,
) -> None:
    rows = await session.reports.period(three_people, types=types)

    assert len(rows) == count
    assert sandbox.requests[-1].query.get("types") == written


@pytest.mark.anyio
async def test_rows_can_be_filtered_by_user(hello: CampaignRequest) -> None:
    plain = User("plain", "secret", admin=False)
    with Sandbox(users=[plain], delivery=DeliveryPlan.instant()).serve_in_thread() as sandbox:
        async with connected(sandbox) as admin:
            await admin.campaigns.send(hello)
            async with Session("plain", "secret", base_url=sandbox.base_url) as session:
                await session.campaigns.send(hello)
            since = datetime.now(UTC) - timedelta(hours=1)
            everyone = await admin.reports.period(since)
            one = await admin.reports.period(since, user_id=sandbox.users[1].id)

    assert [row.campaign_id for row in everyone] == [943, 944]
    assert [row.campaign_id for row in one] == [944]


@pytest.mark.anyio
async def test_a_csv_report_of_a_period_has_the_wanted_columns(
    session: Session, sandbox: Sandbox
) -> None:
    fields = {"REF": "A", "Ville": "Lyon", "Nom": "X"}
    people = [Recipient("0612345678", fields=fields)]
    await session.campaigns.send(CampaignRequest(msg="Bonjour", recipients=people))
    since = datetime.now(UTC) - timedelta(hours=1)

    report = session.reports.period_csv(since, key_fields=["Nom", "REF"])
    (row,) = [row async for row in report]

    assert row.fields == {"Nom": "X", "REF": "A"}
    assert sandbox.requests[-1].query["keyField"] == "Nom;REF"


@pytest.mark.anyio
async def test_a_window_that_the_server_refuses_is_told(session: Session, sandbox: Sandbox) -> None:
    body = b'{"error": "PERIOD_TOO_LONG", "message": "7 days"}'
    sandbox.faults.add(Fault(operation="period_json", status=400, body=body))

    with pytest.raises(BadRequest) as caught:
        await session.reports.period(date(2026, 1, 1), date(2026, 2, 1))

    assert caught.value.code == "PERIOD_TOO_LONG"


@pytest.mark.anyio
async def test_a_refusal_of_what_two_windows_share_is_told(connect: Any, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(operation="period_json", status=400, skip=1))
    dialect = Dialect(window=timedelta(hours=1), overlap=MINUTE)
    since = datetime(2026, 1, 1, tzinfo=UTC)

    async with connect(dialect=dialect) as session:
        with pytest.raises(BadRequest):
            await session.reports.period(since, since + timedelta(hours=2))


@pytest.mark.anyio
async def test_windows_are_asked_for_as_they_are_needed(
    session: Session, operations: Callable[[], list[str]], hello: CampaignRequest
) -> None:
    await session.campaigns.send(hello)
    report = session.reports.period(datetime.now(UTC) - timedelta(hours=1), date(2030, 1, 1))

    rows = report.__aiter__()
    await anext(rows)

    assert operations().count("period_json") < 10
