from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from mediasflow_async import CampaignRequest, Dialect, InvalidRequest, Session
from mediasflow_async.sandbox import Sandbox, ServerRules
from mediasflow_async.search import item


@pytest.mark.anyio
async def test_a_period_ends_now_by_default(
    session: Session, hello: CampaignRequest, sandbox: Sandbox
) -> None:
    await session.campaigns.send(hello)
    since = datetime.now(UTC) - timedelta(hours=1)

    assert len(await session.reports.period(since)) == 1
    assert len([row async for row in session.reports.period_csv(since)]) == 1
    assert "to" in sandbox.requests[-1].query


@pytest.mark.anyio
async def test_dates_stand_for_whole_days_where_the_server_is(
    session: Session, sandbox: Sandbox
) -> None:
    await session.reports.period(date(2026, 3, 25), date(2026, 3, 28))

    assert sandbox.requests[-1].query == {"from": "2026-03-25 00:00", "to": "2026-03-29 00:00"}


@pytest.mark.anyio
@pytest.mark.sandbox(rules=ServerRules(server_tz="Indian/Reunion"))
async def test_bounds_are_written_in_the_zone_of_the_server(connect: Any, sandbox: Sandbox) -> None:
    async with connect(dialect=Dialect(server_tz="Indian/Reunion")) as session:
        await session.reports.period(datetime(2026, 3, 25, 20, 30, tzinfo=UTC), date(2026, 3, 26))

    assert sandbox.requests[-1].query == {"from": "2026-03-26 00:30", "to": "2026-03-27 00:00"}


@pytest.mark.anyio
@pytest.mark.every_backend
async def test_a_period_can_be_awaited_summed_up_and_read_again(
    session: Session, hello: CampaignRequest
) -> None:
    await session.campaigns.send(hello)
    report = session.reports.period(datetime.now(UTC) - timedelta(days=20))

    rows = await report

    assert [row async for row in report] == rows == await report
    assert (await report.summary()).total == 1


DAY_AGO = datetime.now(UTC) - timedelta(days=1)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"since": datetime(2026, 3, 25, tzinfo=UTC).replace(tzinfo=None)}, ["since"]),
        ({"since": "2026-03-25"}, ["since"]),
        ({"since": None}, ["since"]),
        ({"since": DAY_AGO, "until": 17}, ["until"]),
        ({"since": DAY_AGO, "until": DAY_AGO}, ["until"]),
        ({"since": DAY_AGO, "until": DAY_AGO - timedelta(days=1)}, ["until"]),
        ({"since": DAY_AGO, "types": "SMS"}, ["types"]),
        ({"since": DAY_AGO, "types": ["FAX"]}, ["types"]),
        ({"since": DAY_AGO, "types": [["SMS"]]}, ["types"]),
        ({"since": DAY_AGO, "types": 5}, ["types"]),
        ({"since": DAY_AGO, "status": ["16"]}, ["status"]),
        ({"since": DAY_AGO, "status": 16}, ["status"]),
        ({"since": DAY_AGO, "user_id": 5}, ["user_id"]),
        ({"since": DAY_AGO, "search": 5}, ["search"]),
        ({"since": DAY_AGO, "windows_at_once": 0}, ["windows_at_once"]),
        ({"since": DAY_AGO, "windows_at_once": True}, ["windows_at_once"]),
        ({"since": DAY_AGO, "windows_at_once": 1.5}, ["windows_at_once"]),
        (
            {"since": "x", "until": "y", "types": ["FAX"], "status": ["16"]},
            ["since", "until", "types", "status"],
        ),
    ],
)
async def test_every_problem_of_a_period_is_told_at_once_and_nothing_leaves(
    session: Session, sandbox: Sandbox, wrong: dict[str, Any], named: list[str]
) -> None:
    for function in (session.reports.period, session.reports.period_csv):
        with pytest.raises(InvalidRequest) as caught:
            function(**wrong)
        assert sorted(problem.field for problem in caught.value.problems) == sorted(named)

    assert sandbox.requests == ()


@pytest.mark.anyio
@pytest.mark.parametrize("bounds", [(date.max, date.max), (date.min, date.min), (date.min, None)])
async def test_bounds_beyond_the_calendar_never_leave(
    session: Session, bounds: tuple[date, date | None]
) -> None:
    with pytest.raises(InvalidRequest):
        session.reports.period(*bounds)


@pytest.mark.anyio
async def test_a_search_that_cannot_be_written_never_leaves(
    session: Session, sandbox: Sandbox
) -> None:
    with pytest.raises(InvalidRequest, match="search"):
        session.reports.period(DAY_AGO, search=item.startswith("+33612"))

    assert sandbox.requests == ()


@pytest.mark.anyio
@pytest.mark.parametrize("key_fields", ["Nom", [5], [""], ["Nom;Ville"], None])
async def test_what_is_no_choice_of_columns_never_leaves(
    session: Session, sandbox: Sandbox, key_fields: Any
) -> None:
    with pytest.raises(InvalidRequest, match="key_fields"):
        session.reports.period_csv(DAY_AGO, key_fields=key_fields)

    assert sandbox.requests == ()
