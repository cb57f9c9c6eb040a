"""When the next call may start: as fast as the server can bear, and no faster than agreed.

Two limits hold together. The congestion window follows the results of the calls in this process
(AIMD). The rate, where there is one, is kept in the journal for all processes that share it
(GCRA). A pause that the server asks for stops both.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import Final, Self, TypeVar

import anyio
from attrs import define, evolve, field, frozen

from mediasflow_async.delivery.journal import Journal
from mediasflow_async.delivery.slots import boot_seconds
from mediasflow_async.errors import (
    ConnectionFailed,
    DeliveryUnknown,
    RateLimited,
    RequestTimeout,
    ServerError,
)

__all__ = ["CongestionWindow", "Pacing", "Turn", "is_trouble", "pause_after"]

_Result = TypeVar("_Result")
_LEAST_SLACK_SECONDS: Final = 0.01


class Pacing:
    """Lets calls start when the congestion window, the rate and the server's pauses allow it.

    A rate is shared by all processes that share the journal, and so is a pause where there is a
    rate; without one, a pause holds in this process.

    Args:
        journal: keeps the rate.
        ceiling: the most calls under way at once.
        rate: calls per second of all processes together; None for no such limit.
        seconds: a clock.
        sleep: waits, by that clock.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        ceiling: int,
        rate: float | None = None,
        seconds: Callable[[], float] = boot_seconds,
        sleep: Callable[[float], Awaitable[object]] = anyio.sleep,
    ) -> None:
        self._journal = journal
        self._rate = rate
        self._seconds = seconds
        self._sleep = sleep
        self._window = CongestionWindow.of(ceiling)
        self._under_way = anyio.CapacityLimiter(ceiling)
        self._next_to_leave = anyio.Lock()
        self._not_before = -math.inf

    @property
    def window(self) -> CongestionWindow:
        """How many calls may be under way at present."""
        return self._window

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[Turn, None]:
        """Wait until a call may start, and count it as under way while the block makes it.

        The block has a departure of the rate, for the first request that `departing` sees in it.
        """
        borrower = object()
        await self._under_way.acquire_on_behalf_of(borrower)
        try:
            with _reserved(await self._departure()):
                yield Turn(self, self._window.cuts)
        finally:
            self._under_way.release_on_behalf_of(borrower)

    async def departing(self) -> None:
        """Wait, as a request that is about to leave, until the rate lets it.

        It uses the departure of its turn, unless an earlier request used it, such as the upload
        of a list, or it has passed meanwhile, during a login or a write to a slow disk.
        """
        departure = _DEPARTURE.get()
        if departure is None or not departure.use(self._seconds()):
            await self._departure()

    async def note(self, result: object, *, began_after: int) -> None:
        """Adapt the window and the pause to the result of a call; see `Turn.noted`."""
        self._window = self._window.after(began_after, trouble=is_trouble(result))
        self._under_way.total_tokens = self._window.limit
        pause = pause_after(result)
        if pause is not None:
            await self._postpone(pause)

    async def _postpone(self, pause: timedelta) -> None:
        self._not_before = max(self._not_before, self._seconds() + pause.total_seconds())
        if self._rate is not None:
            await self._journal.postpone(pause)

    async def _departure(self) -> _Departure:
        # The others wait for the lock and reserve nothing that a pause would make worthless.
        async with self._next_to_leave:
            while True:
                await self._sleep_until(self._not_before)
                begin = await self._reserve()
                await self._sleep_until(begin)
                end = begin + self._slack
                if self._not_before <= self._seconds() <= end:
                    return _Departure(end)

    async def _reserve(self) -> float:
        if self._rate is None:
            return self._seconds()
        wait = await self._journal.pace(self._rate)
        return self._seconds() + wait.total_seconds()

    @property
    def _slack(self) -> float:
        """How late a request may leave: by less than the interval, or requests would bunch up.

        The intervals of a high rate are shorter than a disk takes for a write, and its requests
        so close together anyway that a few more do not matter.
        """
        return math.inf if self._rate is None else max(0.5 / self._rate, _LEAST_SLACK_SECONDS)

    async def _sleep_until(self, moment: float) -> None:
        wait = moment - self._seconds()
        if wait > 0:
            await self._sleep(wait)


@frozen
class Turn:
    """The permission for one call.

    Attributes:
        pacing: what gave it.
        began_after: how often the window had been cut by then.
    """

    pacing: Pacing = field(repr=False)
    began_after: int

    async def noted(self, result: _Result) -> _Result:
        """Adapt the pacing to the result of the call, a value or an error, and return it."""
        await self.pacing.note(result, began_after=self.began_after)
        return result


@define(eq=False)
class _Departure:
    """When one request may leave, reserved from the rate.

    Attributes:
        end: until when it may be used.
    """

    end: float

    def use(self, now: float) -> bool:
        """Use it up; False when it was used, or has passed."""
        is_good = now <= self.end
        self.end = -math.inf
        return is_good


_DEPARTURE: Final[ContextVar[_Departure | None]] = ContextVar("mediasflow_departure", default=None)


@contextmanager
def _reserved(departure: _Departure) -> Generator[None, None, None]:
    token = _DEPARTURE.set(departure)
    try:
        yield
    finally:
        _DEPARTURE.reset(token)


@frozen
class CongestionWindow:
    """How many calls may be under way: one more after a windowful of successes, half on trouble.

    Additive increase and multiplicative decrease (AIMD), as in TCP: clients that share a server,
    and do not know of each other, come to share evenly what it bears.

    Attributes:
        ceiling: the most that it grows to.
        size: its present size, of which whole calls count.
        cuts: how often it was cut. A call that began before a cut says nothing about the window
            after it; so one overload, seen by all that were under way, counts once.
    """

    ceiling: int
    size: float
    cuts: int = 0

    @classmethod
    def of(cls, ceiling: int) -> Self:
        """Return a window that is fully open."""
        return cls(ceiling, ceiling)

    @property
    def limit(self) -> int:
        """How many calls may be under way; at least one."""
        return math.floor(self.size)

    def after(self, began_after: int, *, trouble: bool) -> CongestionWindow:
        """Return the window after a call.

        Args:
            began_after: how many cuts there had been when the call began.
            trouble: whether it ended in trouble.
        """
        if began_after != self.cuts:
            return self
        if trouble:
            return evolve(self, size=max(1.0, self.size / 2), cuts=self.cuts + 1)
        return evolve(self, size=min(self.ceiling, self.size + 1 / self.size))


_TROUBLE: Final = (ConnectionFailed, DeliveryUnknown, RateLimited, RequestTimeout, ServerError)


def is_trouble(result: object) -> bool:
    """Whether a result says that the server, or the way to it, bears no more."""
    return isinstance(result, _TROUBLE)


_SHORTEST_PAUSE: Final = timedelta(seconds=1)
_LONGEST_PAUSE: Final = timedelta(minutes=15)


def pause_after(result: object) -> timedelta | None:
    """Return for how long nobody should call after this result, or None.

    Only what the server says stops all calls: a 429, or a 5xx that names a pause. However long
    that is, the server is called again after a quarter of an hour.
    """
    asked = result.retry_after if isinstance(result, RateLimited | ServerError) else None
    if asked is None and not isinstance(result, RateLimited):
        return None
    return min(max(asked or _SHORTEST_PAUSE, _SHORTEST_PAUSE), _LONGEST_PAUSE)
