from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import anyio
import httpx
import pytest
from attrs import evolve, frozen
from hypothesis import given
from hypothesis import strategies as st

from mediasflow_async import BadRequest, NotFound, ReportRow
from mediasflow_async.dates import Window, split_period, to_minute_text, widened
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


class Odd(httpx.AsyncBaseTransport):
    """A server that reads a period of no length in a way of its own, or answers by whole days."""

    def __init__(self, sandbox: Sandbox, reading: str) -> None:
        self._transport = sandbox.transport
        self._reading = reading

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        params = request.url.params
        if "from" not in params:
            return await self._transport.handle_async_request(request)
        is_empty = params["from"] >= params["to"]
        if is_empty and self._reading == "refuses":
            return httpx.Response(400, json={"error": "EMPTY", "message": "from is not before to"})
        if self._reading == "whole days" or (is_empty and self._reading == "the whole day"):
            days = params["from"][:10], params["to"][:10]
            params = params.set("from", f"{days[0]} 00:00").set("to", f"{days[1]} 23:59")
            request = httpx.Request(
                "GET", request.url.copy_with(params=params), headers=request.headers
            )
        answer = await self._transport.handle_async_request(request)
        await answer.aread()
        if self._reading == "not found" and answer.json() == []:
            return httpx.Response(404)
        return answer


@pytest.mark.anyio
@both_edges
@pytest.mark.parametrize("reading", ["refuses", "the whole day", "whole days", "not found"])
async def test_a_server_with_a_reading_of_its_own_gives_every_row_once(
    edge: Any, reading: str
) -> None:
    sandbox = Sandbox(rules=ServerRules(window_end=edge), delivery=DeliveryPlan.instant())
    since = sandbox.clock.now().replace(second=0, microsecond=0) + 2 * MINUTE
    seams = [since + timedelta(hours=hour) for hour in (1, 2)]
    options = {"base_url": "http://localhost/MediasflowApi/v1/", "transport": Odd(sandbox, reading)}
    dialect = evolve(HOURLY, empty_report_statuses=(404,) if reading == "not found" else ())
    async with connected(sandbox, dialect=dialect, **options) as session:
        await send_at(session, seams, sandbox)
        rows = await session.reports.period(since, since + timedelta(hours=3))
    try:
        assert [row.campaign_id for row in rows] == [943, 943, 944, 944]
    finally:
        sandbox.close()


Row = tuple[int, str]


DAY = 2 * 24 * 60
OF_NO_LENGTH = ["the same", "refused", "nothing", "the whole day", "not found"]


@given(
    rows=st.lists(st.tuples(st.integers(0, 400), st.sampled_from("abc")), max_size=40).map(sorted),
    length=st.integers(1, 60),
    overlap=st.integers(0, 30),
    until=st.integers(1, 400),
    starts=st.sampled_from(["at", "after"]),
    ends=st.sampled_from(["before", "at", "minute"]),
    by_day=st.booleans(),
    of_no_length=st.sampled_from(OF_NO_LENGTH),
    size=st.integers(1, 5),
    at_once=st.integers(1, 4),
    hour=st.integers(0, 23),
)
def test_every_row_comes_once_and_in_order_whatever_the_windows(
    *,
    rows: list[Row],
    length: int,
    overlap: int,
    until: int,
    starts: str,
    ends: str,
    by_day: bool,
    of_no_length: str,
    size: int,
    at_once: int,
    hour: int,
) -> None:
    """The times of the rows are in half minutes; the letters are all that tells them apart.

    A server may count a bound or not, answer by whole days, and read a window of no length, or
    without rows, in a way of its own.
    """
    start = datetime(2027, 1, 1, hour, tzinfo=UTC)
    windows = tuple(
        split_period(
            start,
            start + until * MINUTE,
            zone=PARIS,
            window=length * MINUTE,
            overlap=min(overlap, length // 2) * MINUTE,
        )
    )
    midnight = -120 * hour

    def found(window: Window) -> list[Row]:
        since, end = (int((bound - start) / MINUTE) * 2 for bound in (window.since, window.until))
        if by_day or (since == end and of_no_length == "the whole day"):
            since = midnight + (since - midnight) // DAY * DAY
            end = midnight + ((end - midnight) // DAY + 1) * DAY
            return [row for row in rows if since <= row[0] < end]
        if since == end and of_no_length in {"nothing", "not found"}:
            return []
        first = since + (starts == "after")
        last = end + {"before": -1, "at": 0, "minute": 1}[ends]
        return [row for row in rows if first <= row[0] <= last]

    async def blocks_of(window: Window) -> Blocks[Row]:
        if of_no_length == "refused" and window.since == window.until:
            raise BadRequest("from is not before to")
        rows = found(window)
        if of_no_length == "not found" and not rows and window not in windows:
            raise NotFound("no rows")
        for at in range(0, len(rows), size):
            yield rows[at : at + size]

    async def collected() -> list[Row]:
        blocks = WindowedRows(windows, blocks_of, identity_of, PARIS).blocks(at_once)
        return [row async for block in blocks for row in block]

    whole = found(Window(start, start + until * MINUTE))
    if by_day:
        assert Counter(anyio.run(collected)) == Counter(whole)
    else:
        assert anyio.run(collected) == whole


SECOND = timedelta(seconds=1)
CHANGES = [
    datetime(2027, 1, 1, tzinfo=UTC),
    datetime(2027, 3, 27, 22, tzinfo=UTC),  # the clocks go forward after 3 hours
    datetime(2027, 10, 30, 22, tzinfo=UTC),  # the clocks go back after 3 hours
]


@frozen(kw_only=True)
class Reading:
    """How a server reads the text of a period.

    Attributes:
        zone: the zone that it takes the bounds to be in.
        fold: which of two equal times on the clock it means.
        starts: whether the start counts, to the second or with its whole minute.
        ends: whether the end counts.
        by_day: which of the bounds stand for their whole day.
    """

    zone: ZoneInfo
    fold: int
    starts: str
    ends: str
    by_day: str

    def found(self, window: Window, rows: list[Moment]) -> list[Moment]:
        """Return the rows that are in the period of a window, which is written in Paris."""
        since, until = (
            datetime.fromisoformat(to_minute_text(bound, PARIS))
            for bound in (window.since, window.until)
        )
        after = {"at": -SECOND, "after": timedelta(0), "next": MINUTE - SECOND}[self.starts]
        before = {"before": timedelta(0), "at": SECOND, "minute": MINUTE}[self.ends]
        if self.by_day in {"both", "from"}:
            since, after = datetime.combine(since, time()), -SECOND
        if self.by_day in {"both", "to"}:
            until, before = datetime.combine(until, time()) + timedelta(days=1), timedelta(0)
        first, last = self._instant(since) + after, self._instant(until) + before
        return [row for row in rows if first < row[0] < last]

    def _instant(self, local: datetime) -> datetime:
        return local.replace(tzinfo=self.zone, fold=self.fold).astimezone(UTC)


Moment = tuple[datetime, str]


@given(
    start=st.sampled_from(CHANGES),
    rows=st.lists(st.tuples(st.integers(0, 30_000), st.sampled_from("abc")), max_size=40),
    around=st.sampled_from([10, 600, 30_000]),
    length=st.integers(1, 500),
    overlap=st.integers(0, 30),
    until=st.integers(1, 500),
    reading=st.builds(
        Reading,
        zone=st.sampled_from([PARIS, ZoneInfo("UTC")]),
        fold=st.integers(0, 1),
        starts=st.sampled_from(["at", "after", "next"]),
        ends=st.sampled_from(["before", "at", "minute"]),
        by_day=st.sampled_from(["neither", "both", "from", "to"]),
    ),
)
def test_every_row_comes_once_whatever_the_server_makes_of_the_bounds(
    *,
    start: datetime,
    rows: list[tuple[int, str]],
    around: int,
    length: int,
    overlap: int,
    until: int,
    reading: Reading,
) -> None:
    """What is asked for in windows is what one request would give, in the server's own reading."""
    windows = tuple(
        split_period(
            start,
            start + until * MINUTE,
            zone=PARIS,
            window=length * MINUTE,
            overlap=min(overlap, length // 2) * MINUTE,
        )
    )
    seams = [window.since for window in windows]
    there = sorted(
        (seams[at % len(seams)] + (at % around - around // 2) * SECOND, name) for at, name in rows
    )

    async def blocks_of(window: Window) -> Blocks[Moment]:
        yield reading.found(window, there)

    def letter_of(row: Moment) -> Hashable:
        return row[1]

    async def collected() -> list[Moment]:
        blocks = WindowedRows(windows, blocks_of, letter_of, PARIS).blocks()
        return [row async for block in blocks for row in block]

    whole = reading.found(Window(windows[0].since, windows[-1].until), there)
    found = anyio.run(collected)
    assert Counter(found) == Counter(whole)
    if reading.by_day == "neither":
        assert found == whole


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
            yield [(0, "a"), (2, "a"), (3, "b"), (3, "c")]

    found = [block async for block in WindowedRows(windows, blocks_of, identity).blocks()]

    assert found == [[(0, "a"), (2, "a")], [(3, "b")], [(3, "c")]]
    assert looked_at[-1] == (2, "a")


@pytest.mark.anyio
async def test_a_seam_without_rows_costs_one_request() -> None:
    start = datetime(2027, 1, 1, tzinfo=UTC)
    windows = tuple(split_period(start, start + timedelta(days=30), zone=PARIS))
    asked: list[Window] = []

    async def blocks_of(window: Window) -> Blocks[Row]:
        asked.append(window)
        if window in windows:
            yield [(windows.index(window), "a")]

    rows = [block async for block in WindowedRows(windows, blocks_of, identity_of).blocks()]

    assert len(rows) == len(windows) == 5
    assert len(asked) == len(windows) + 4


def test_the_window_around_a_seam_has_no_bound_in_a_repeated_hour() -> None:
    # At 1:00 UTC the clocks of Paris go back from 3:00 to 2:00.
    for hour in (0, 2):
        seam = datetime(2027, 10, 31, hour, tzinfo=UTC)
        around = widened(Window(seam, seam), PARIS)
        assert around.since < seam < around.until
        for bound in (around.since, around.until):
            local = bound.astimezone(PARIS)
            assert local.replace(fold=0).utcoffset() == local.replace(fold=1).utcoffset()
