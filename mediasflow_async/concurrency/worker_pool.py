"""Workers that are started when they are needed, and wake-ups that cost little.

A map wakes its consumer or a worker about once for each item. On asyncio a future does it, which
costs a quarter of an `anyio.Event`; on trio the event does.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from typing import Any, Final, Protocol

import anyio
from anyio.abc import TaskGroup

from mediasflow_async._core.loops import asyncio_loop

__all__ = ["Wakeup", "WorkerPool"]

# A worker that wakes up wakes further ones: however high the limit is, not many more are started
# than there are items.
_MOST_WOKEN_AT_ONCE: Final = 100


class WorkerPool:
    """The workers of a map: started when they are first needed, woken when they are idle.

    Args:
        limit: how many workers there may be.

    Attributes:
        waking: workers that were started or woken, and have not run since.
    """

    def __init__(self, limit: int) -> None:
        self.waking = 0
        self._limit = limit
        self._made = 0
        self._to_start = 0
        self._idle: list[_Waiter] = []
        self._for_starter = Wakeup()
        self._is_closed = False

    def wake(self, count: int) -> None:
        """Wake or start so many workers, 100 at most, as far as the limit goes."""
        for _ in range(min(count, _MOST_WOKEN_AT_ONCE)):
            if self._idle:
                _wake(self._idle.pop())
            elif self._made < self._limit:
                self._made += 1
                self._to_start += 1
                self._for_starter.wake()
            else:
                return
            self.waking += 1

    async def start_workers(
        self, tasks: TaskGroup, work: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        """Start workers whenever `wake` asks for more, until there is the whole number of them.

        `wake` does not start them itself: a worker would run in the context of its caller, which
        can be the consumer.
        """
        while not self._is_closed:
            while self._to_start:
                self._to_start -= 1
                tasks.start_soon(work)
            if self._made == self._limit:
                return
            await self._for_starter.wait()

    def note_awake(self) -> None:
        """Note that a worker runs that was started or woken."""
        self.waking -= 1

    def idle(self) -> _Waiter:
        """Return what a worker without an item awaits, until it is woken."""
        waiter = _new_waiter()
        self._idle.append(waiter)
        return waiter

    def close(self) -> None:
        """Wake all workers for the last time: they find nothing to do, and end."""
        self._is_closed = True
        self.waking += len(self._idle)
        while self._idle:
            _wake(self._idle.pop())
        self._for_starter.wake()


class Wakeup:
    """Wakes the one task that waits here; that costs next to nothing while none does."""

    __slots__ = ("_waiter",)

    def __init__(self) -> None:
        self._waiter: _Waiter | None = None

    def wake(self) -> None:
        """Wake the task that waits."""
        if self._waiter is not None:
            _wake(self._waiter)
            self._waiter = None

    async def wait(self) -> None:
        """Wait for the next `wake`."""
        self._waiter = _new_waiter()
        await self._waiter


class _Waiter(Protocol):
    """What one task awaits until it is woken: a future of asyncio, or what stands for one."""

    def __await__(self) -> Generator[Any, Any, None]:
        """Wait."""
        ...

    def done(self) -> bool:
        """Whether the task was woken, or does not wait any more."""
        ...

    def set_result(self, result: None, /) -> None:
        """Wake the task."""
        ...


def _new_waiter() -> _Waiter:
    """Return a waiter of the running event loop."""
    loop = asyncio_loop()
    return _EventWaiter() if loop is None else loop.create_future()


def _wake(waiter: _Waiter) -> None:
    if not waiter.done():
        waiter.set_result(None)


class _EventWaiter:
    """The waiter on trio."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = anyio.Event()

    def __await__(self) -> Generator[Any, Any, None]:
        return self._event.wait().__await__()

    def done(self) -> bool:
        return self._event.is_set()

    def set_result(self, _: None, /) -> None:
        self._event.set()
