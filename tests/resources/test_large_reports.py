"""JSON reports that are larger than what is held of them."""

from __future__ import annotations

import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import httpx
import orjson
import pytest

from mediasflow_async import DeliveryStatus, Dialect, ResponseInvalid, Session
from mediasflow_async.resources.reports import ReportRows
from tests.support.sessions import session_with

pytestmark = pytest.mark.anyio

START = datetime(2027, 1, 1, tzinfo=UTC)
ROWS = 4_000
MEGABYTE = 2**20


class Large(httpx.AsyncByteStream):
    """A report of a few megabytes that nobody holds as a whole.

    Args:
        end: what stands behind its rows.
    """

    def __init__(self, end: bytes) -> None:
        self._end = end

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b'{"items": ['
        for first in range(0, ROWS, 100):
            lines = range(first, first + 100)
            yield b",".join([b"", *map(row, lines)] if first else map(row, lines))
        yield self._end


def row(line: int) -> bytes:
    return orjson.dumps({"idLine": line, "status": 16 if line % 4 else 20, "msg": "x" * 2000})


class Server(httpx.AsyncBaseTransport):
    """Answers with a large report, and with none for what two windows share."""

    def __init__(self, end: bytes = b"]}") -> None:
        self._end = end

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        params = request.url.params
        is_seam = "from" in params and not params["from"].endswith(":00")
        stream = httpx.ByteStream(b"[]") if is_seam else Large(self._end)
        return httpx.Response(200, stream=stream, request=request)


def connected(server: Server) -> Session:
    dialect = Dialect(window=timedelta(hours=1))
    return session_with("http://localhost/", transport=server, dialect=dialect)


async def peak(work: Callable[[], Awaitable[object]]) -> int:
    """Return the most bytes that some work held at once."""
    await work()
    tracemalloc.start()
    try:
        await work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


async def iterate(report: ReportRows) -> None:
    assert [found.line async for found in report if found.line == ROWS - 1]


async def test_a_report_is_read_in_a_fraction_of_its_size() -> None:
    async with connected(Server()) as session:
        report = session.reports.campaign(943)
        assert await peak(lambda: iterate(report)) < 3 * MEGABYTE
        assert await peak(report.summary) < 3 * MEGABYTE


async def test_a_period_holds_a_little_of_each_window_that_is_under_way() -> None:
    async with connected(Server()) as session:
        report = session.reports.period(START, START + timedelta(hours=3), windows_at_once=3)
        assert await peak(lambda: iterate(report)) < 5 * MEGABYTE


async def test_a_large_report_is_summed_up_and_awaited() -> None:
    async with connected(Server()) as session:
        report = session.reports.campaign(943)
        summary = await report.summary()
        rows = await report

    assert summary.total == len(rows) == ROWS
    assert summary.by_status == {DeliveryStatus(16): ROWS * 3 // 4, DeliveryStatus(20): ROWS // 4}
    assert [found.line for found in rows] == list(range(ROWS))


async def test_what_is_no_row_is_told_when_it_comes() -> None:
    lines: list[int | None] = []

    async def take(session: Session) -> None:
        async for found in session.reports.campaign(943):
            lines.extend([found.line])

    async with connected(Server(b', "row"]}')) as session:
        with pytest.raises(ResponseInvalid, match="expected a report row") as caught:
            await take(session)

    assert caught.value.wire_path == f"$[{ROWS}]"
    assert caught.value.campaign_id == 943
    assert lines == list(range(len(lines)))
    assert len(lines) > ROWS / 2
