"""How many campaigns at once in this process, and the word to stop."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

import anyio

from mediasflow_async.delivery.errors import JournalError, SenderStopped
from mediasflow_async.secrecy import LOGGER

if TYPE_CHECKING:
    from mediasflow_async.errors import MediasflowError

__all__ = [
    "Clock",
    "Slot",
    "Slots",
    "boot_seconds",
    "clock_of",
    "given_back",
    "released_on_failure",
]


class Clock(Protocol):
    """What a campaign's way needs of time. The simulation has one of its own."""

    def seconds(self) -> float:
        """Return the seconds since some moment; they go on while the machine sleeps."""
        ...

    async def pause(self, seconds: float) -> MediasflowError | None:
        """Wait, and let another campaign have the slot meanwhile.

        Returns:
            None, or at once why there is no more time to wait.
        """
        ...


def clock_of(clocks: Any) -> Callable[[], float]:
    """Return the clock among those of the `time` module that goes on while the machine sleeps.

    `time.monotonic` stands still on a machine that sleeps, and a lease that is counted by it
    would still look good when everybody else has seen it end.
    """
    for name in ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC"):
        number = getattr(clocks, name, None)
        if number is not None:
            return partial(clocks.clock_gettime, number)
    monotonic: Callable[[], float] = clocks.monotonic
    return monotonic


boot_seconds: Final = clock_of(time)
"""Returns the seconds since this machine started, those that it slept included."""


_LONGEST_RELEASE: Final = 10.0


class Slots:
    """A number of slots, each for one campaign under way.

    Those that have not begun wait at a door, and one at a time for a slot. So a campaign that
    comes back from a pause is behind one of them, not behind all: to begin with everything and
    to end nothing is all that a short life would do otherwise.

    Args:
        limit: how many.
    """

    def __init__(self, limit: int) -> None:
        self._door = anyio.Lock()
        self._free = anyio.Semaphore(limit)
        self._stop = anyio.Event()
        self._change = anyio.Event()
        self._scopes: set[anyio.CancelScope] = set()

    @property
    def is_stopped(self) -> bool:
        """Whether nothing new begins here."""
        return self._stop.is_set()

    @asynccontextmanager
    async def occupied(self) -> AsyncGenerator[Slot, None]:
        """Wait for a slot and hold it, but for the pauses, while the block runs.

        Raises:
            SenderStopped: it is over, before the block or within it.
        """
        slot = Slot(self._free, self._stop)
        with anyio.CancelScope() as scope:
            self._scopes.add(scope)
            try:
                async with self._door:
                    await slot.take()
                yield slot
            finally:
                slot.give_up()
                self._scopes.discard(scope)
                self._change.set()
                self._change = anyio.Event()
        if scope.cancelled_caught:
            raise SenderStopped

    async def stop(self, grace_seconds: float) -> None:
        """Let nothing new begin, end every pause, and wait until all slots are empty.

        What is still under way after the grace is cancelled, and given back to the journal.
        """
        self._stop.set()
        with anyio.move_on_after(grace_seconds):
            await self._empty()
        for scope in self._scopes:
            scope.cancel()
        await self._empty()

    async def _empty(self) -> None:
        while self._scopes:
            await self._change.wait()


class Slot:
    """One slot, and the clock of the campaign that has it."""

    def __init__(self, free: anyio.Semaphore, stop: anyio.Event) -> None:
        self._free = free
        self._stop = stop
        self._is_held = False

    def seconds(self) -> float:
        """Return the seconds since this machine started."""
        return boot_seconds()

    async def pause(self, seconds: float) -> SenderStopped | None:
        """Wait without the slot; at once return why there is no more time to."""
        self.give_up()
        with anyio.move_on_after(seconds):
            await self._stop.wait()
        if self._stop.is_set():
            return SenderStopped()
        await self._free.acquire()
        self._is_held = True
        return None

    async def take(self) -> None:
        """Wait for the slot.

        Raises:
            SenderStopped: there will be none.
        """
        await self._free.acquire()
        self._is_held = True
        if self._stop.is_set():
            raise SenderStopped

    def give_up(self) -> None:
        """Let another have the slot; harmless without it."""
        if self._is_held:
            self._is_held = False
            self._free.release()


@asynccontextmanager
async def released_on_failure(
    give_back: Callable[[], Awaitable[object]],
) -> AsyncGenerator[None, None]:
    """Give back to the journal what is held here when the work with it is cut short.

    Args:
        give_back: gives it back; it has ten seconds, and no cancellation reaches it.
    """
    try:
        yield
    except BaseException:
        with anyio.move_on_after(_LONGEST_RELEASE, shield=True):
            await given_back(give_back)
        raise


async def given_back(give_back: Callable[[], Awaitable[object]]) -> None:
    """Give something back; what the journal cannot take now waits for its lease."""
    try:
        await give_back()
    except JournalError as error:
        LOGGER.warning("a campaign could not be given back and waits for its lease: %s", error)
