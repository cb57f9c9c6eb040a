"""Who works: workers that come when they are called, and rest without cost."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final

from anyio.abc import TaskGroup

from mediasflow_async.concurrency.signals import Bell, Signal, give, new_signal

__all__ = ["Crew"]

# Workers that come call others: a limit without measure makes no more of them than items.
_MOST_AT_ONCE: Final = 100


class Crew:
    """Workers of one event loop, made as they are needed.

    Args:
        limit: how many workers there may be.

    Attributes:
        called: workers that were called and have not come yet.
    """

    def __init__(self, limit: int) -> None:
        self.called = 0
        self._limit = limit
        self._hired = 0
        self._to_start = 0
        self._resting: list[Signal] = []
        self._for_host = Bell()
        self._is_dismissed = False

    def call(self, count: int) -> None:
        """Call so many workers, as far as there are any; a crowd comes in several parts."""
        for _ in range(min(count, _MOST_AT_ONCE)):
            if self._resting:
                give(self._resting.pop())
            elif self._hired < self._limit:
                self._hired += 1
                self._to_start += 1
                self._for_host.ring()
            else:
                return
            self.called += 1

    async def hire(self, tasks: TaskGroup, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Start workers as they are called for the first time, until all have been."""
        while not self._is_dismissed:
            while self._to_start:
                self._to_start -= 1
                tasks.start_soon(work)
            if self._hired == self._limit:
                return
            await self._for_host.wait()

    def come(self) -> None:
        """Note that a worker that was called has come."""
        self.called -= 1

    def rest(self) -> Signal:
        """Return what a worker without work waits for, until it is called."""
        signal = new_signal()
        self._resting.append(signal)
        return signal

    def dismiss(self) -> None:
        """Wake all, for the last time: they find nothing to do."""
        self._is_dismissed = True
        self.called += len(self._resting)
        while self._resting:
            give(self._resting.pop())
        self._for_host.ring()
