"""When calls may start, by a clock that the test moves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import anyio
import pytest

from mediasflow_async import RateLimited, RequestTimeout
from mediasflow_async.delivery.pacing import Pacing
from mediasflow_async.sandbox import Fault, Sandbox
from tests.delivery.simulation.journal import MemoryJournal
from tests.support.senders import MOBILE, request_for, sending
from tests.support.sessions import Connect, logins, until

pytest_plugins = ["tests.support.session_fixtures"]
pytestmark = pytest.mark.anyio

RATE: Final = 10.0
_BEGIN: Final = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    """A clock that sleeping moves, and by more than was asked for where a test says so."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.delays: Iterator[float] = iter(())

    def seconds(self) -> float:
        return self.passed

    def now(self) -> datetime:
        return _BEGIN + timedelta(seconds=self.passed)

    async def sleep(self, seconds: float) -> None:
        self.passed += seconds + next(self.delays, 0.0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def paced(clock: Clock, journal: Any = None, rate: float | None = RATE) -> Pacing:
    kept: Any = journal or MemoryJournal(clock.now)
    return Pacing(kept, ceiling=8, rate=rate, seconds=clock.seconds, sleep=clock.sleep)


def _five_seconds() -> RateLimited:
    """Return an error with which the server asks for a pause."""
    error = RateLimited(status=429)
    error.retry_after = timedelta(seconds=5)
    return error


async def _starts(pacing: Pacing, clock: Clock, count: int) -> Sequence[float]:
    """Return when each of so many calls starts."""
    moments = []
    for _ in range(count):
        async with pacing.turn():
            moments.append(round(clock.passed, 6))
    return moments


async def test_calls_start_in_evenly_spaced_departures(clock: Clock) -> None:
    assert await _starts(paced(clock), clock, 4) == [0, 0.1, 0.2, 0.3]


async def test_without_a_rate_nothing_waits(clock: Clock) -> None:
    assert await _starts(paced(clock, rate=None), clock, 4) == [0, 0, 0, 0]


async def test_a_departure_that_was_overslept_is_lost(clock: Clock) -> None:
    pacing = paced(clock)
    clock.delays = iter([0.04, 0.06])
    # A little late is in time; later than half an interval, and the next but one is taken.
    assert await _starts(pacing, clock, 4) == [0, 0.14, 0.3, 0.4]


async def test_a_departure_is_for_one_request(clock: Clock) -> None:
    pacing = paced(clock)
    async with pacing.turn():
        await pacing.departing()
        assert clock.passed == 0
        await pacing.departing()
        assert clock.passed == pytest.approx(0.1)
    await pacing.departing()
    assert clock.passed == pytest.approx(0.2)


async def test_a_departure_that_passed_during_a_login_is_replaced(clock: Clock) -> None:
    pacing = paced(clock)
    async with pacing.turn():
        clock.passed += 0.06
        await pacing.departing()
    assert clock.passed == pytest.approx(0.1)


async def test_nothing_starts_before_the_end_of_a_pause(clock: Clock) -> None:
    journal = MemoryJournal(clock.now)
    one, other = paced(clock, journal), paced(clock, journal)
    async with one.turn() as turn:
        limited = _five_seconds()
        assert await turn.noted(limited) is limited
    assert await _starts(other, clock, 1) == [5]
    assert await _starts(one, clock, 1) == [5.1]


async def test_a_pause_without_a_rate_holds_in_the_process(clock: Clock) -> None:
    pacing = paced(clock, rate=None)
    async with pacing.turn() as turn:
        await turn.noted(_five_seconds())
    assert await _starts(pacing, clock, 2) == [5, 5]


async def test_a_pause_that_begins_while_a_call_waits_to_depart_comes_first(
    clock: Clock,
) -> None:
    pacing = paced(clock)
    async with pacing.turn() as turn:
        pass

    async def interrupted(seconds: float) -> None:
        clock.passed += seconds
        pacing._sleep = clock.sleep  # noqa: SLF001 - this time alone
        await turn.noted(_five_seconds())

    pacing._sleep = interrupted  # noqa: SLF001 - as above
    (start,) = await _starts(pacing, clock, 1)
    assert start >= 5.1


async def test_trouble_halves_what_is_under_way_at_once(clock: Clock) -> None:
    pacing = paced(clock, rate=None)
    under_way = 0
    seen: set[int] = set()
    go_on = anyio.Event()

    async def call() -> None:
        nonlocal under_way
        async with pacing.turn():
            under_way += 1
            seen.add(under_way)
            await go_on.wait()
            under_way -= 1

    async with pacing.turn() as first, pacing.turn() as second:
        # Both began before the first cut, and count once.
        await first.noted(RequestTimeout())
        await second.noted(RequestTimeout())
    assert pacing.window.limit == 4
    async with anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(call)
        await until(lambda: under_way == 4)
        go_on.set()
    assert max(seen) == 4


async def test_each_request_but_a_login_uses_a_departure(
    sandbox: Sandbox, connect: Connect
) -> None:
    class Counting(MemoryJournal):
        departures = 0

        async def pace(self, rate: float) -> timedelta:
            self.departures += 1
            return await super().pace(rate)

    journal = Counting(lambda: datetime.now(UTC))
    sandbox.faults.add(Fault(operation="launch", drop=True))
    crowd = [f"+336{number:08}" for number in range(60)]
    async with sending(connect(), journal, rate=50) as sender:
        receipt = await sender.send("crowd", request_for(recipients=crowd), auto_list=True)
        assert receipt.is_launched
        assert (await sender.send("one", request_for(recipients=[MOBILE]))).is_launched
    assert logins(sandbox) > 0
    # More departures than requests where one had passed, on a busy machine.
    assert journal.departures >= len(sandbox.requests) - logins(sandbox)
