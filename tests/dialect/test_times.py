"""Dates, schedules and periods.

The server and the session are switched together, and apart.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any

import pytest

from mediasflow_async.converter import TwelveOClockWarning
from mediasflow_async.dates import split_period, to_minute_text
from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import BadRequest, InvalidRequest
from mediasflow_async.models import CampaignRequest, CampaignStatus, Recipient
from mediasflow_async.sandbox import Sandbox, ServerRules
from mediasflow_async.session import Session

pytestmark = pytest.mark.anyio

ONE = CampaignRequest(
    msg="Bonjour ${REF}", recipients=[Recipient("0612345678", fields={"REF": "x"})]
)
ROWS = [{"mobile": "0612345678", "REF": "é"}, {"mobile": "0612345679", "REF": ""}]
Connect = Callable[..., AbstractAsyncContextManager[tuple[Sandbox, Session]]]


# 16. Dates.


@pytest.mark.parametrize("release", ["jdk8", "jdk17", "jdk20"])
@pytest.mark.parametrize("zone", ["Europe/Paris", "America/Cayenne"])
async def test_dates_are_read_in_the_servers_zone(
    connect: Connect, release: Any, zone: str
) -> None:
    rules = ServerRules(campaign_dates=release, server_tz=zone)
    async with connect(rules, Dialect(server_tz=zone)) as (sandbox, session):
        before = sandbox.clock.now()
        campaign = await session.campaigns.send(ONE)
        (row,) = await session.reports.campaign(campaign.id)
        (record,) = [r async for r in session.reports.campaign_csv(campaign.id)]
        uploaded = await session.lists.upload(ROWS, filename="clients.csv")
        for moment in (
            campaign.creation_date,
            row.sent_at,
            row.delivered_at,
            record.delivered_at,
            uploaded.creation_date,
        ):
            assert moment is not None
            assert abs(moment - before) < timedelta(minutes=1)
        assert (
            len(
                await session.reports.period(
                    before - timedelta(hours=1), before + timedelta(hours=1)
                )
            )
            == 1
        )


# 17. The schedule.


async def test_a_schedule_is_written_in_the_zone_that_the_server_reads(connect: Connect) -> None:
    rules, dialect = ServerRules(schedule_tz="Europe/Paris"), Dialect(schedule_tz="Europe/Paris")
    async with connect(rules, dialect) as (sandbox, session):
        moment = sandbox.clock.now().replace(microsecond=0) + timedelta(days=2)
        moment = moment.replace(hour=8)
        request = CampaignRequest(msg="Bonjour", recipients=["0612345678"], schedule_on=moment)
        assert (await session.campaigns.send(request)).status is CampaignStatus.SCHEDULED
        assert [campaign.starts_at for campaign in sandbox.campaigns] == [moment]


async def test_a_schedule_in_the_wrong_zone_that_is_over_is_refused(connect: Connect) -> None:
    async with connect(ServerRules(schedule_tz="Asia/Tokyo")) as (sandbox, session):
        moment = sandbox.clock.now() + timedelta(minutes=30)
        request = CampaignRequest(msg="Bonjour", recipients=["0612345678"], schedule_on=moment)
        quiet = session.with_options(dialect=Dialect(twelve_oclock="shift"))
        with pytest.raises(BadRequest) as caught:
            await quiet.campaigns.send(request)
        assert caught.value.field == "scheduleOn"
        assert sandbox.messages == ()


def noon_in_two_days(sandbox: Sandbox) -> CampaignRequest:
    moment = sandbox.clock.now() + timedelta(days=2)
    moment = moment.replace(hour=12, minute=30, second=0, microsecond=0)
    return CampaignRequest(msg="Bonjour", recipients=["0612345678"], schedule_on=moment)


async def test_twelve_oclock_is_shifted_for_a_server_that_reads_midnight(connect: Connect) -> None:
    rules = ServerRules(schedule_format="hh12")
    async with connect(rules, Dialect(twelve_oclock="shift")) as (sandbox, session):
        request = noon_in_two_days(sandbox)
        await session.campaigns.send(request)
        assert request.schedule_on is not None
        assert sandbox.campaigns[0].starts_at == request.schedule_on + timedelta(minutes=30)


async def test_twelve_oclock_is_refused_where_the_dialect_says_so(connect: Connect) -> None:
    async with connect(dialect=Dialect(twelve_oclock="raise")) as (sandbox, session):
        with pytest.raises(InvalidRequest, match="schedule_on"):
            await session.campaigns.send(noon_in_two_days(sandbox))
        assert sandbox.requests == ()


async def test_twelve_oclock_is_warned_of_with_good_reason(connect: Connect) -> None:
    async with connect(ServerRules(schedule_format="hh12")) as (sandbox, session):
        request = noon_in_two_days(sandbox)
        with pytest.warns(TwelveOClockWarning):
            await session.campaigns.send(request)
        assert request.schedule_on is not None
        assert sandbox.campaigns[0].starts_at == request.schedule_on - timedelta(hours=12)


# 18. The windows of a period.


async def over_three_weeks(sandbox: Sandbox, session: Session) -> tuple[datetime, list[int]]:
    """Send five campaigns over three weeks, one on each likely seam; return the start and ids."""
    start = sandbox.clock.now().replace(second=0, microsecond=0)
    ids = []
    for at in (0, 7 * 1440 - 1, 7 * 1440, 14 * 1440 - 2, 20 * 1440):
        passed = sandbox.clock.now() - start
        sandbox.clock.advance(max(timedelta(minutes=at, seconds=20) - passed, timedelta(0)))
        ids.append((await session.campaigns.send(ONE)).id)
    return start, ids


@pytest.mark.parametrize("end", ["exclusive", "inclusive"])
@pytest.mark.parametrize(
    ("window", "overlap", "count"),
    [
        (timedelta(days=7) - timedelta(minutes=1), timedelta(0), 4),
        (timedelta(days=7), timedelta(0), 3),
        (timedelta(days=2), timedelta(hours=12), 14),
    ],
    ids=["default", "week", "overlap"],
)
async def test_a_long_period_is_whole_at_its_seams(
    connect: Connect, end: Any, window: timedelta, overlap: timedelta, count: int
) -> None:
    dialect = Dialect(window=window, overlap=overlap)
    async with connect(ServerRules(window_end=end), dialect) as (sandbox, session):
        start, ids = await over_three_weeks(sandbox, session)
        until = start + timedelta(days=21)
        rows = await session.reports.period(start, until)
        assert [row.campaign_id for row in rows] == ids
        records = [row async for row in session.reports.period_csv(start, until)]
        assert len(records) == len(ids)
        asked = [r.query for r in sandbox.requests if r.path == "campaigns/reportjson"]
        windows = {(query["from"], query["to"]) for query in asked}
        zone = dialect.server_tz
        parts = split_period(start, until, zone=zone, window=window, overlap=overlap)
        expected = {
            (to_minute_text(part.since, zone), to_minute_text(part.until, zone)) for part in parts
        }
        assert len(expected) == count
        assert expected <= windows
        assert {r.status for r in sandbox.requests if r.query} == {200}
