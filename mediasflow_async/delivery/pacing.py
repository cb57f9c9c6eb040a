"""When the next call may start: AIMD window, shared rate."""

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


_TROUBLE: Final = (ConnectionFailed, DeliveryUnknown, RateLimited, RequestTimeout, ServerError)
_SHORTEST_PAUSE: Final = timedelta(seconds=1)
_LONGEST_PAUSE: Final = timedelta(minutes=15)


@frozen
class CongestionWindow:
    """How many calls may be under way: one more after a windowful of successes, half on trouble.

    Additive increase and multiplicative decrease, as in TCP: clients that share a server, and do
    not know of each other, come to share evenly what it bears.

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
    def places(self) -> int:
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


def is_trouble(result: object) -> bool:
    """Whether a result says that the server, or the way to it, bears no more."""
    return isinstance(result, _TROUBLE)


def pause_after(result: object) -> timedelta | None:
    """Return for how long nobody should call after this result, or None.

    Only the server's own word stops everybody: a 429, or a 5xx that says for how long. Whatever
    it asks for, it is asked again after a quarter of an hour.
    """
    asked = result.retry_after if isinstance(result, RateLimited | ServerError) else None
    if asked is None and not isinstance(result, RateLimited):
        return None
    return min(max(asked or _SHORTEST_PAUSE, _SHORTEST_PAUSE), _LONGEST_PAUSE)


_Result = TypeVar("_Result")
_LEAST_SLACK: Final = 0.01


@define(eq=False)
class _Slot:
    """A slot of the rate, for one request.

    Attributes:
        end: until when it may be used.
    """

    end: float

    def use(self, now: float) -> bool:
        """Use it up; False when it was used, or has passed."""
        is_good = now <= self.end
        self.end = -math.inf
        return is_good


_SLOT: Final[ContextVar[_Slot | None]] = ContextVar("mediasflow_slot", default=None)
"""The slot that the present call was given."""


class Pacing:
    """Lets calls start as fast as the server bears them, and no faster than is agreed.

    Within this process the number of calls under way follows what comes of them; see
    `CongestionWindow`.
    When the server asks for a pause, nothing starts before its end. A rate is kept together
    with all processes that share the journal, and so is a pause, where there is a rate.

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
        self._places = anyio.CapacityLimiter(ceiling)
        self._next = anyio.Lock()
        self._not_before = -math.inf

    @property
    def window(self) -> CongestionWindow:
        """How many calls may be under way at present."""
        return self._window

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[Turn, None]:
        """Wait until a call may start, and hold its place while the block makes it.

        The block has a slot of the rate, for the first request that `departing` sees in it.
        """
        borrower = object()
        await self._places.acquire_on_behalf_of(borrower)
        try:
            with self._having(await self._taken_slot()):
                yield Turn(self, self._window.cuts)
        finally:
            self._places.release_on_behalf_of(borrower)

    async def departing(self) -> None:
        """Wait, as a request that is about to leave, until the rate lets it.

        It has the slot of its turn, unless that was used by an earlier request, such as the
        upload of a list, or has passed meanwhile, during a login or a write to a slow disk.
        """
        slot = _SLOT.get()
        if slot is None or not slot.use(self._seconds()):
            await self._taken_slot()

    async def note(self, result: object, *, began_after: int) -> None:
        """Draw the conclusions from the result of a call; see `Turn.noted`."""
        self._window = self._window.after(began_after, trouble=is_trouble(result))
        self._places.total_tokens = self._window.places
        pause = pause_after(result)
        if pause is not None:
            await self._postpone(pause)

    async def _postpone(self, pause: timedelta) -> None:
        self._not_before = max(self._not_before, self._seconds() + pause.total_seconds())
        if self._rate is not None:
            await self._journal.postpone(pause)

    @contextmanager
    def _having(self, slot: _Slot) -> Generator[None, None, None]:
        token = _SLOT.set(slot)
        try:
            yield
        finally:
            _SLOT.reset(token)

    async def _taken_slot(self) -> _Slot:
        # The others wait here and reserve no slots that a pause would make worthless.
        async with self._next:
            return await self._wait()

    async def _wait(self) -> _Slot:
        """Wait for the end of a pause and for a slot; one that passed unused is not made up for."""
        while True:
            await self._sleep_until(self._not_before)
            begin = await self._slot()
            await self._sleep_until(begin)
            end = begin + self._slack
            if self._not_before <= self._seconds() <= end:
                return _Slot(end)

    async def _slot(self) -> float:
        if self._rate is None:
            return self._seconds()
        wait = await self._journal.pace(self._rate)
        return self._seconds() + wait.total_seconds()

    @property
    def _slack(self) -> float:
        """How late a slot may be used: for less than its length, or requests would bunch together.

        The slots of a high rate are shorter than a disk takes for a write, and its requests so
        close together anyway that a few more do not matter.
        """
        return math.inf if self._rate is None else max(0.5 / self._rate, _LEAST_SLACK)

    async def _sleep_until(self, moment: float) -> None:
        wait = moment - self._seconds()
        if wait > 0:
            await self._sleep(wait)


@frozen
class Turn:
    """The permission for one call.

    Attributes:
        pacing: who gave it.
        began_after: how often the window had been cut by then.
    """

    pacing: Pacing = field(repr=False)
    began_after: int

    async def noted(self, result: _Result) -> _Result:
        """Take note of what came of the call, a value or an error, and return it."""
        await self.pacing.note(result, began_after=self.began_after)
        return result
