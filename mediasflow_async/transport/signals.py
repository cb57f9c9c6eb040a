"""Waiting for something to happen, with a time limit that costs no timer per wait."""

from __future__ import annotations

import asyncio

__all__ = ["Signal"]


class Signal:
    """Wakes the one task that waits for it.

    A timer of the loop costs more than all the rest of a wait, so it is left running when a wait
    ends in time. When it fires it looks at what is due by then: nothing, and it stops; a later
    wait, and it starts again for the rest.

    Args:
        loop: the event loop.
    """

    __slots__ = ("_due", "_loop", "_seconds", "_timer", "_waiter")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiter: asyncio.Future[bool] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due: float | None = None
        self._seconds = 0.0

    def expect(self, seconds: float | None) -> asyncio.Future[bool]:
        """Return what to await: True once the signal is given, False when that takes too long."""
        self._waiter = self._loop.create_future()
        if seconds is not None:
            self._limit(seconds)
        return self._waiter

    def give(self) -> None:
        """Wake who waits, if anybody does."""
        self._wake(is_in_time=True)

    def put_off(self) -> None:
        """Let the time limit of the wait, if it has one, begin anew."""
        if self._due is not None:
            self._due = self._loop.time() + self._seconds

    def stop(self) -> None:
        """Leave no timer in the loop."""
        self._due = None
        self._stop_timer()

    def _limit(self, seconds: float) -> None:
        self._seconds = seconds
        self._due = due = self._loop.time() + seconds
        if self._timer is not None and self._timer.when() > due:
            self._stop_timer()
        if self._timer is None:
            self._timer = self._loop.call_at(due, self._fire)

    def _stop_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _fire(self) -> None:
        self._timer = None
        if self._due is not None and self._due > self._loop.time():
            self._timer = self._loop.call_at(self._due, self._fire)
        elif self._due is not None:
            self._wake(is_in_time=False)

    def _wake(self, *, is_in_time: bool) -> None:
        self._due = None
        waiter, self._waiter = self._waiter, None
        # Who waited may have been cancelled in the meantime.
        if waiter is not None and not waiter.done():
            waiter.set_result(is_in_time)
