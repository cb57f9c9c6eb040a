from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import anyio
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasflow_async import BadRequest, ReportRow
from mediasflow_async.dates import Window, split_period
from mediasflow_async.resources.periods import Blocks, WindowedRows
from mediasflow_async.sandbox import DeliveryPlan, Sandbox, ServerRules
from tests.support.inspection import HOURLY, MINUTE, both_edges, connected, send_at

PARIS = ZoneInfo("Europe/Paris")


def told(row: ReportRow) -> tuple[Any, ...]:
    return (row.list_name, row.line, row.mobile, row.status_code, row.delivered_at)


@pytest.mark.anyio
@pytest.mark.every_backend
@both_edges
async def test_rows_on_and_around_a_seam_are_given_once(edge: Any) -> None:
    rules = ServerRules(window_end=edge)
    with Sandbox(rules=rules, delivery=DeliveryPlan.instant()).serve_in_thread() as sandbox:
        since = sandbox.clock.now().replace(second=0, microsecond=0) + 2 * MINUTE
        seams = [since + timedelta(hours=hour) for hour in range(1, 4)]
        around = [
            seam + timedelta(seconds=shift) for seam in seams for shift in (-30, 0, 1, 59, 60)
        ]
        async with connected(sandbox, dialect=HOURLY) as session:
            await send_at(session, [since, *around], sandbox)
            period = (since, since + timedelta(hours=4))
            json_rows = await session.reports.period(*period)
            csv_rows = [row async for row in session.reports.period_csv(*period)]

        sent = [(m.campaign_id, m.line, m.mobile) for m in sandbox.messages]
        assert [(row.campaign_id, row.line, row.mobile) for row in json_rows] == sent
        assert [told(row) for row in csv_rows] == [told(row) for row in json_rows]


@pytest.mark.anyio
@both_edges
async def test_a_long_period_with_the_default_windows_has_every_row(edge: Any) -> None:
    rules = ServerRules(window_end=edge)
    with Sandbox(rules=rules, delivery=DeliveryPlan.instant()).serve_in_thread() as sandbox:
        since = sandbox.clock.now().replace(second=0, microsecond=0) + 2 * MINUTE
        week = timedelta(days=7) - MINUTE
        moments = [since, since + week, since + 2 * week - MINUTE, since + 2 * week]
        async with connected(sandbox) as session:
            await send_at(session, moments, sandbox)
            rows = await session.reports.period(since, since + timedelta(days=30))

        assert len(rows) == len(sandbox.messages) == 8
        assert Counter(row.campaign_id for row in rows) == dict.fromkeys(range(943, 947), 2)


class Refusing(httpx.AsyncBaseTransport):
    """A server that refuses a period of no length."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._transport = sandbox.transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        params = request.url.params
        if "from" in params and params["from"] >= params["to"]:
            return httpx.Response(400, json={"error": "EMPTY", "message": "from is not before to"})
        return await self._transport.handle_async_request(request)


@pytest.mark.anyio
@both_edges
async def test_a_server_that_refuses_a_period_of_no_length_gives_every_row_once(
    edge: Any,
) -> None:
    sandbox = Sandbox(rules=ServerRules(window_end=edge), delivery=DeliveryPlan.instant())
    since = sandbox.clock.now().replace(second=0, microsecond=0) + 2 * MINUTE
    seams = [since + timedelta(hours=hour) for hour in (1, 2)]
    options = {"base_url": "http://localhost/MediasflowApi/v1/", "transport": Refusing(sandbox)}
    async with connected(sandbox, dialect=HOURLY, **options) as session:
        await send_at(session, seams, sandbox)
        rows = await session.reports.period(since, since + timedelta(hours=3))
    try:
        assert [row.campaign_id for row in rows] == [943, 943, 944, 944]
    finally:
        sandbox.close()


Row = tuple[int, str]


@given(
    rows=st.lists(st.tuples(st.integers(0, 400), st.sampled_from("abc")), max_size=40).map(sorted),
    length=st.integers(1, 60),
    overlap=st.integers(0, 30),
    until=st.integers(1, 400),
    edge=st.sampled_from(["exclusive", "minute", "instant"]),
    refuses=st.booleans(),
    size=st.integers(1, 5),
    at_once=st.integers(1, 4),
)
def test_every_row_comes_once_and_in_order_whatever_the_windows(
    *,
    rows: list[Row],
    length: int,
    overlap: int,
    until: int,
    edge: str,
    refuses: bool,
    size: int,
    at_once: int,
) -> None:
    """The times of the rows are in half minutes; the letters are all that tells them apart."""
    start = datetime(2027, 1, 1, tzinfo=UTC)
    windows = tuple(
        split_period(
            start,
            start + until * MINUTE,
            zone=PARIS,
            window=length * MINUTE,
            overlap=min(overlap, length // 2) * MINUTE,
        )
    )
    extra = {"exclusive": 0, "minute": 2, "instant": 1}[edge]

    def found(window: Window) -> list[Row]:
        since, end = (int((bound - start) / MINUTE) * 2 for bound in (window.since, window.until))
        return [row for row in rows if since <= row[0] < end + extra]

    async def blocks_of(window: Window) -> Blocks[Row]:
        if refuses and window.since == window.until:
            raise BadRequest("from is not before to")
        rows = found(window)
        for at in range(0, len(rows), size):
            yield rows[at : at + size]

    async def collected() -> list[Row]:
        blocks = WindowedRows(windows, blocks_of, identity_of).blocks(at_once)
        return [row async for block in blocks for row in block]

    assert anyio.run(collected) == found(Window(start, start + until * MINUTE))


def identity_of(row: Row) -> Hashable:
    """Tell rows apart by less than all they hold, as a CSV report does."""
    return row[1]


@pytest.mark.anyio
async def test_rows_are_looked_at_only_until_all_that_are_shared_were_found() -> None:
    start = datetime(2027, 1, 1, tzinfo=UTC)
    windows = [Window(start, start + MINUTE), Window(start + MINUTE, start + 2 * MINUTE)]
    looked_at: list[Row] = []

    def identity(row: Row) -> Hashable:
        looked_at.append(row)
        return row

    async def blocks_of(window: Window) -> Blocks[Row]:
        if window == windows[1]:
            yield [(2, "a"), (3, "b")]
            yield [(3, "c")]
        elif window == windows[0]:
            yield [(0, "a"), (2, "a")]
        else:
            yield [(2, "a")]

    found = [block async for block in WindowedRows(windows, blocks_of, identity).blocks()]

    assert found == [[(0, "a"), (2, "a")], [(3, "b")], [(3, "c")]]
    assert looked_at == [(2, "a"), (2, "a"), (3, "b")]
