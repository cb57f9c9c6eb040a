"""How many campaigns are under way at once in this process, and how all of them are stopped.

A campaign occupies a slot while it works, and leaves it to another one while it waits.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, TypeVar

import anyio

from mediasflow_async.delivery.errors import SenderStopped
from mediasflow_async.errors import RequestTimeout, Sent

__all__ = ["Slot", "Slots", "boot_seconds", "clock_of"]

_Value = TypeVar("_Value")


class Slots:
    """A number of slots, each for one campaign under way.

    Of those that have not begun, one at a time waits for a slot. So a campaign that comes back
    from a pause waits behind one of them, not behind all: otherwise a process that does not live
    long would begin every campaign and end none.

    Args:
        limit: how many.
    """

    def __init__(self, limit: int) -> None:
        self._next_to_begin = anyio.Lock()
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
        """Wait for a slot and occupy it, but for the pauses, while the block runs.

        Raises:
            SenderStopped: `stop` was called, before the block or within it.
        """
        slot = Slot(self._free, self._stop)
        with anyio.CancelScope() as scope:
            self._scopes.add(scope)
            try:
                async with self._next_to_begin:
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
        """Let nothing new begin, end every pause, and wait until all slots are free.

        What is still under way after the grace is cancelled, and released in the journal.
        """
        self._stop.set()
        with anyio.move_on_after(grace_seconds):
            await self._all_free()
        for scope in self._scopes:
            scope.cancel()
        await self._all_free()

    async def _all_free(self) -> None:
        while self._scopes:
            await self._change.wait()


class Slot:
    """One slot, with the clock and the waits of the campaign that occupies it."""

    def __init__(self, free: anyio.Semaphore, stop: anyio.Event) -> None:
        self._free = free
        self._stop = stop
        self._is_held = False

    def seconds(self) -> float:
        """Return the seconds since this machine started; they go on while it sleeps."""
        return boot_seconds()

    async def pause(self, seconds: float) -> SenderStopped | None:
        """Wait, and let another campaign have the slot meanwhile.

        Returns:
            None, or at once the error that says that there is no more time to wait.
        """
        self.give_up()
        with anyio.move_on_after(seconds):
            await self._stop.wait()
        if self._stop.is_set():
            return SenderStopped()
        await self._free.acquire()
        self._is_held = True
        return None

    async def within(self, seconds: float, question: Callable[[], Awaitable[_Value]]) -> _Value:
        """Return the answer to a question.

        Raises:
            RequestTimeout: it did not come in time.
        """
        with anyio.move_on_after(seconds):
            return await question()
        raise RequestTimeout(f"no whole answer for {seconds:g} seconds", sent=Sent.UNKNOWN)

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
        """Let another campaign have the slot; harmless to repeat."""
        if self._is_held:
            self._is_held = False
            self._free.release()


def clock_of(clocks: Any) -> Callable[[], float]:
    """Return the clock among those of the `time` module that goes on while the machine sleeps.

    `time.monotonic` stands still on a machine that sleeps: a lease that is counted by it would
    still be good here when every other process has seen it end.
    """
    for name in ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC"):
        number = getattr(clocks, name, None)
        if number is not None:
            return partial(clocks.clock_gettime, number)
    monotonic: Callable[[], float] = clocks.monotonic
    return monotonic


boot_seconds: Final = clock_of(time)
"""Returns the seconds since this machine started, those that it slept included."""
