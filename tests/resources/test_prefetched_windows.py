"""The windows of a period over real connections: in order, ahead of time, never too many."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack, aclosing
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio
import pytest

from mediasflow_async import BadRequest, ConnectionFailed, Dialect, ReportRow, Session
from mediasflow_async._core.calls import Operation, OperationKind
from mediasflow_async.resources import periods
from tests.support.raw_server import Answer, RawRequest, RawServer, http, http_json
from tests.support.sessions import session_with, until

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.every_backend,
    # On trio, generators within httpx and httpcore that are left early say so.
    pytest.mark.filterwarnings("ignore:.*Async generator:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:.*async_generator:pytest.PytestUnraisableExceptionWarning"),
]

START = datetime(2027, 1, 1, tzinfo=UTC)
OTHER = Operation(OperationKind.READ, "GET", "other")
HOURLY = Dialect(window=timedelta(hours=1), server_tz="UTC")


class Windows:
    """Answers for each hour with rows that name it; seams are empty.

    Args:
        rows: how many rows each hour has.
        instead: other answers, by hour.
    """

    def __init__(self, rows: int = 3, instead: dict[int, Answer] | None = None) -> None:
        self._rows = rows
        self._instead = instead or {}
        self.asked: list[int] = []

    def __call__(self, request: RawRequest) -> Answer:
        query = parse_qs(urlsplit(request.target).query)
        if "from" not in query or not query["from"][0].endswith(":00"):
            return http_json(data=[])
        hour = int(query["from"][0][-5:-3])
        self.asked.append(hour)
        rows = [
            {"campaignId": hour, "idLine": line, "status": 16, "msg": "x" * 500}
            for line in range(self._rows)
        ]
        return self._instead.get(hour) or http_json(data=rows)


def expected(hours: int, rows: int = 3) -> list[tuple[int, int]]:
    return [(hour, line) for hour in range(hours) for line in range(rows)]


def told(row: ReportRow) -> tuple[Any, Any]:
    return row.campaign_id, row.line


async def take(report: Any, found: list[tuple[Any, Any]]) -> None:
    async for row in report:
        found += [told(row)]


def report_of(session: Session, hours: int, **options: Any) -> Any:
    return session.reports.period(START, START + timedelta(hours=hours), **options)


async def test_the_next_windows_are_asked_for_while_one_is_read() -> None:
    windows = Windows()
    with RawServer(windows).running() as server:
        async with (
            session_with(server.url, dialect=HOURLY) as session,
            aclosing(report_of(session, 9).__aiter__()) as rows,
        ):
            await anext(rows)
            with anyio.fail_after(5):
                await until(lambda: sorted(windows.asked) == [0, 1, 2])
            found = [told(row) async for row in rows]
    assert found == expected(9)[1:]
    assert sorted(windows.asked) == list(range(9))


async def test_windows_can_be_asked_for_one_after_the_other() -> None:
    windows = Windows()
    with RawServer(windows).running() as server:
        async with session_with(server.url, dialect=HOURLY) as session:
            rows = await report_of(session, 4, windows_at_once=1)
    assert [told(row) for row in rows] == expected(4)
    assert windows.asked == [0, 1, 2, 3]
    assert server.most_at_once == 1


@pytest.mark.parametrize(("max_in_flight", "most"), [(1, 1), (2, 1), (3, 2), (4, 3), (8, 5)])
async def test_a_period_never_takes_the_last_place_of_a_session_with_several(
    max_in_flight: int, most: int
) -> None:
    """Each window is larger than what is read ahead of it, and keeps its place."""
    windows = Windows(rows=2000)
    with RawServer(windows).running() as server, anyio.fail_after(30):
        async with (
            session_with(server.url, dialect=HOURLY, max_in_flight=max_in_flight) as session,
            aclosing(report_of(session, 6, windows_at_once=5).__aiter__()) as rows,
        ):
            found = [told(await anext(rows))]
            await until(lambda: len(windows.asked) == most)
            with anyio.fail_after(5):
                await open_at_once(session, max_in_flight - most)
            found += [told(row) async for row in rows]
    assert found == expected(6, 2000)


async def open_at_once(session: Session, count: int) -> None:
    """Make calls that each keep their place until all of them have one."""
    async with AsyncExitStack() as streams:
        for _ in range(count):
            await streams.enter_async_context(session.stream(OTHER))


async def test_several_periods_share_a_narrow_session() -> None:
    windows = Windows(rows=1000)
    counts: list[int] = []
    with RawServer(windows).running() as server, anyio.fail_after(30):
        async with (
            session_with(server.url, dialect=HOURLY, max_in_flight=3) as session,
            anyio.create_task_group() as tasks,
        ):

            async def count() -> None:
                counts.append((await report_of(session, 5).summary()).total)

            for _ in range(4):
                tasks.start_soon(count)
    assert counts == [5000] * 4


async def test_the_rows_before_a_window_that_is_refused_are_given() -> None:
    windows = Windows(instead={2: http_json(400, {"error": "PERIOD", "message": "no"})})
    found: list[tuple[Any, Any]] = []
    with RawServer(windows).running() as server:
        async with session_with(server.url, dialect=HOURLY, max_in_flight=4) as session:
            with pytest.raises(BadRequest) as caught:
                await take(report_of(session, 6), found)
            assert (await session.request("GET", "other")).data == []
    assert found == expected(2)
    assert caught.value.code == "PERIOD"


async def test_a_window_that_breaks_off_is_no_end() -> None:
    body = json.dumps(
        [{"campaignId": 1, "idLine": line, "status": 16} for line in range(5000)]
    ).encode()
    windows = Windows(instead={1: http(body=body, length=len(body) + 9)})
    found: list[tuple[Any, Any]] = []
    with RawServer(windows).running() as server:
        async with session_with(server.url, dialect=HOURLY) as session:
            with pytest.raises(ConnectionFailed):
                await take(report_of(session, 3), found)
    assert found[:3] == expected(1)
    assert len(found) > 1000


async def test_leaving_a_period_early_gives_every_place_back() -> None:
    windows = Windows(rows=2000)
    with RawServer(windows).running() as server:
        async with session_with(server.url, dialect=HOURLY, max_in_flight=4) as session:
            for _ in range(3):
                async with aclosing(report_of(session, 9).__aiter__()) as rows:
                    await anext(rows)
                with anyio.fail_after(5):
                    await open_at_once(session, 4)


async def test_cancelling_the_reader_gives_every_place_back() -> None:
    windows = Windows(rows=2000)
    with RawServer(windows).running() as server:
        async with session_with(server.url, dialect=HOURLY, max_in_flight=4) as session:
            with anyio.CancelScope() as scope:
                async for _ in report_of(session, 9):
                    scope.cancel()
            with anyio.fail_after(5):
                await open_at_once(session, 4)


async def test_a_slow_reader_holds_one_connection_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(periods, "_LONGEST_AHEAD_SECONDS", 0.05)
    windows = Windows(rows=2000)
    with RawServer(windows).running() as server:
        async with (
            session_with(server.url, dialect=HOURLY, max_in_flight=4) as session,
            aclosing(report_of(session, 4).__aiter__()) as rows,
        ):
            found = [told(await anext(rows))]
            with anyio.fail_after(10):
                await open_at_once(session, 3)
            found += [told(row) async for row in rows]
    assert found == expected(4, 2000)
    assert windows.asked[3:] == [1, 2, 3]
