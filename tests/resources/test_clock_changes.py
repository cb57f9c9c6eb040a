from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mediasflow_async.sandbox import DeliveryPlan, Sandbox, ServerRules
from tests.support.inspection import both_edges, connected, send_at

PARIS = ZoneInfo("Europe/Paris")


@pytest.mark.anyio
@pytest.mark.parametrize("day", [date(2027, 3, 28), date(2027, 10, 31)])
@both_edges
async def test_the_days_on_which_the_clocks_change_have_every_row(edge: Any, day: date) -> None:
    rules = ServerRules(window_end=edge)
    with Sandbox(rules=rules, delivery=DeliveryPlan.instant()).serve_in_thread() as sandbox:
        midnight = datetime.combine(day, datetime.min.time(), PARIS).astimezone(UTC)
        moments = [midnight + timedelta(minutes=20 * step) for step in range(15)]
        async with connected(sandbox) as session:
            await send_at(session, moments, sandbox)
            rows = await session.reports.period(day, day)
            weeks = await session.reports.period(day - timedelta(days=10), day + timedelta(days=10))

        sent = [(m.campaign_id, m.line) for m in sandbox.messages]
        assert [(row.campaign_id, row.line) for row in rows] == sent
        assert [(row.campaign_id, row.line) for row in weeks] == sent


@pytest.mark.anyio
@pytest.mark.parametrize("minutes", [0, 15, 30, 60, 75, 90, 120])
async def test_a_period_may_start_in_the_hour_that_comes_twice(minutes: int) -> None:
    with Sandbox(delivery=DeliveryPlan.instant()).serve_in_thread() as sandbox:
        first_two = datetime(2027, 10, 31, 0, 0, tzinfo=UTC)
        since = first_two + timedelta(minutes=minutes)
        async with connected(sandbox) as session:
            await send_at(session, [since + timedelta(minutes=3)], sandbox)
            rows = await session.reports.period(since, since + timedelta(days=20))

        assert len(rows) == 2


@pytest.mark.anyio
@pytest.mark.parametrize("minutes", [15, 45, 60, 75, 105, 120])
async def test_a_period_may_end_in_the_hour_that_comes_twice(minutes: int) -> None:
    with Sandbox(delivery=DeliveryPlan.instant()).serve_in_thread() as sandbox:
        first_two = datetime(2027, 10, 31, 0, 0, tzinfo=UTC)
        until = first_two + timedelta(minutes=minutes)
        async with connected(sandbox) as session:
            await send_at(session, [until - timedelta(minutes=3)], sandbox)
            rows = await session.reports.period(until - timedelta(minutes=10), until)

        assert len(rows) == 2
