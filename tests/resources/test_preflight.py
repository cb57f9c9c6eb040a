from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mediasflow_async import (
    CampaignRequest,
    CampaignType,
    Dialect,
    InvalidRequest,
    Recipient,
    Session,
    TinyUrl,
)
from mediasflow_async.sandbox import Sandbox
from mediasflow_async.text import Conditions, Preflight, ProblemCode, WarningCode
from tests.support.sessions import Connect

pytestmark = pytest.mark.anyio

NUMBER = "0612345678"
GOOD = "Bonjour ${NOM}, STOP 36184"
NAMED = {"NOM": "client"}
ROWS = [{"mobile": NUMBER, "NOM": "Zoé"}, {"mobile": "12", "NOM": "Léa"}]
UNNAMED: Any = {7: "x"}
LONG: dict[str, Any] = {"type": CampaignType.NOTIFICATION, "msg": "x" * 161}


def invalid(report: Preflight) -> dict[str | None, str]:
    return {each.about: each.message for each in report.find(ProblemCode.INVALID_REQUEST)}


async def arriving() -> AsyncIterator[dict[str, str]]:
    for row in ROWS:
        yield row


def once() -> Iterator[dict[str, str]]:
    yield from ROWS


@pytest.mark.every_backend
@pytest.mark.parametrize("rows", [list, once, arriving], ids=["all", "once", "arriving"])
async def test_rows_are_measured_however_they_come_and_nothing_leaves(
    session: Session, operations: Callable[[], list[str]], rows: Callable[..., Any]
) -> None:
    given = rows(ROWS) if rows is list else rows()
    report = await session.campaigns.preflight(CampaignRequest(msg=GOOD), given, credit=5)
    assert (report.recipients, report.sendable, report.credits, report.credit) == (2, 1, 1, 5)
    assert [each.code for each in report.problems] == [ProblemCode.SHORT_NUMBER]
    assert operations() == []


async def test_what_an_upload_answered_gives_the_worst_case(session: Session) -> None:
    uploaded = await session.lists.upload(ROWS, filename="people")
    request = CampaignRequest(msg=GOOD, list_ids=[uploaded.id or 0])
    report = await session.campaigns.preflight(request, uploaded, max_segments=2)
    assert not report.is_exact
    assert report.credits == 1


async def test_the_recipients_of_the_request_are_measured_without_rows(session: Session) -> None:
    people = [Recipient(NUMBER, fields={"NOM": "Zoé"})] * 51
    request = CampaignRequest(msg=GOOD, recipients=people, check_duplicate=False)
    report = await session.campaigns.preflight(request)
    assert report.credits == 51
    assert not report.problems


async def test_what_the_api_would_refuse_comes_first_and_the_rest_is_measured_all_the_same(
    session: Session,
) -> None:
    people: list[Recipient | str] = [Recipient(NUMBER, fields={"NOM": "Zoé"}), "zero six"]
    untyped: dict[str, Any] = {"billing_code": 7}
    request = CampaignRequest(msg=GOOD, recipients=people, sender="!", **untyped)
    report = await session.campaigns.preflight(request)
    assert set(invalid(report)) == {"sender", "billing_code", "recipients[1].mobile"}
    assert "3 to 11 letters" in invalid(report)["sender"]
    assert report.problems[0].code is ProblemCode.INVALID_REQUEST
    assert "sender: 3 to 11 letters" in str(report)
    assert (report.recipients, report.sendable) == (2, 1)


@pytest.mark.parametrize(
    "schedule",
    [
        datetime.now(UTC) - timedelta(days=1),
        datetime.now(UTC) + timedelta(minutes=1),
        datetime(2034, 12, 25),  # noqa: DTZ001  the missing zone is the test
        "2034-12-25",
    ],
    ids=["past", "too soon", "no zone", "no datetime"],
)
async def test_a_wrong_date_is_one_problem_and_not_two(session: Session, schedule: Any) -> None:
    request = CampaignRequest(
        msg=GOOD, recipients=[NUMBER], defaults=NAMED, schedule_on=schedule, start_now=True
    )
    report = await session.campaigns.preflight(request)
    assert [each.about for each in report.problems] == ["schedule_on"]
    assert not report.find(WarningCode.OUTSIDE_LEGAL_HOURS)
    assert not report.find(WarningCode.QUIET_DAY)


async def test_the_schedule_is_written_in_the_zone_of_the_dialect(connect: Connect) -> None:
    noon_in_paris = datetime(2034, 3, 14, 11, 30, tzinfo=UTC)
    request = CampaignRequest(msg=GOOD, recipients=[NUMBER], schedule_on=noon_in_paris)
    for dialect, is_noon in ((Dialect(), False), (Dialect(schedule_tz="Europe/Paris"), True)):
        async with connect(dialect=dialect) as session:
            report = await session.campaigns.preflight(request)
        assert bool(report.find(WarningCode.TWELVE_OCLOCK)) is is_noon


async def test_conditions_decide_what_time_it_is(session: Session) -> None:
    moment = datetime(2034, 3, 14, 9, tzinfo=UTC)
    request = CampaignRequest(msg=GOOD, recipients=[NUMBER], defaults=NAMED, schedule_on=moment)
    later = Conditions(now=moment + timedelta(days=1))
    assert not (await session.campaigns.preflight(request)).problems
    assert (await session.campaigns.preflight(request, conditions=later)).problems


@pytest.mark.parametrize(
    ("field", "options"),
    [
        ("msg", {"msg": None}),
        ("msg", {"msg": 7}),
        ("renderer", {"renderer": "WORD"}),
        ("defaults", {"defaults": {"NOM": 7}}),
        ("recipients", {"recipients": 7}),
        ("recipients[0]", {"recipients": [7]}),
        ("recipients[0].fields", {"recipients": [Recipient(NUMBER, fields=UNNAMED)]}),
        ("tiny_urls[0].url", {"tiny_urls": [TinyUrl(index=0)]}),
    ],
)
async def test_what_cannot_be_measured_is_told_and_nothing_else(
    session: Session, field: str, options: dict[str, Any]
) -> None:
    given: dict[str, Any] = {"msg": GOOD, "recipients": [NUMBER], **options}
    report = await session.campaigns.preflight(CampaignRequest(**given), credit=1)
    assert field in invalid(report)
    assert (report.recipients, report.credit, report.warnings) == (0, 1, ())


async def test_a_request_for_nobody_is_a_problem_unless_rows_stand_for_a_list(
    session: Session,
) -> None:
    request = CampaignRequest(msg=GOOD)
    assert "recipients" in invalid(await session.campaigns.preflight(request))
    assert not invalid(await session.campaigns.preflight(request, []))


@pytest.mark.parametrize("rows", [7, "people.csv", {"mobile": NUMBER}])
async def test_rows_that_are_none_are_refused(session: Session, rows: Any) -> None:
    with pytest.raises(InvalidRequest, match="rows as mappings"):
        await session.campaigns.preflight(CampaignRequest(msg=GOOD), rows)


@pytest.mark.parametrize("method", ["prepare", "send"])
async def test_a_preflight_with_problems_keeps_a_campaign_from_leaving(
    session: Session, operations: Callable[[], list[str]], method: str
) -> None:
    request = CampaignRequest(recipients=[NUMBER, "0712345678"], sender="!", **LONG)
    with pytest.raises(InvalidRequest) as caught:
        await getattr(session.campaigns, method)(request, preflight=True)
    assert [problem.field for problem in caught.value.problems] == ["sender", "recipients"]
    assert "2 recipients (rows 1, 2)" in caught.value.problems[1].rule
    assert NUMBER not in str(caught.value)
    assert operations() == []


async def test_a_campaign_leaves_when_its_preflight_has_no_more_than_warnings(
    session: Session, operations: Callable[[], list[str]]
) -> None:
    request = CampaignRequest(msg="Bonjour", recipients=[NUMBER])
    assert (await session.campaigns.preflight(request)).warnings
    await session.campaigns.prepare(request, preflight=True)
    await session.campaigns.send(request, preflight=True)
    assert operations() == ["inject", "inject"]


async def test_what_is_not_asked_for_is_not_examined(session: Session) -> None:
    draft = await session.campaigns.prepare(CampaignRequest(recipients=[NUMBER], **LONG))
    assert draft.count_max_credit_over == 1


def test_a_session_loads_no_preflight_before_the_first_one() -> None:
    program = (
        "import sys; from mediasflow_async import Session; Session(token='t').campaigns;"
        "sys.exit('mediasflow_async.text.preflighting' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


async def test_each_of_many_is_examined_where_that_is_asked(
    session: Session, sandbox: Sandbox
) -> None:
    good = CampaignRequest(msg=GOOD, recipients=[NUMBER], defaults=NAMED)
    hole = CampaignRequest(msg=GOOD, recipients=[NUMBER])
    async with session.campaigns.send_many([good, hole], preflight=True) as outcomes:
        errors = {outcome.index: outcome.error async for outcome in outcomes}
    assert errors[0] is None
    assert isinstance(errors[1], InvalidRequest)
    assert "there is no field NOM" in str(errors[1])
    assert len(sandbox.messages) == 1
