"""Which event loop runs, deadlines that cost little on asyncio, and tasks of our own.

anyio covers what else differs between asyncio and trio. Its cancel scopes cost a call more than
all else that the core does, so on asyncio the deadlines of equal length share a timer.
"""

from __future__ import annotations

import asyncio
import contextvars
import math
import sys
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from itertools import takewhile
from types import TracebackType
from typing import Any, Final, Protocol, TypeVar

import anyio
import anyio.to_thread

__all__ = ["Background", "Deadline", "Deadlines", "asyncio_loop", "in_thread"]

_Value = TypeVar("_Value")


def asyncio_loop() -> asyncio.AbstractEventLoop | None:
    """Return the running loop of asyncio, or None where trio runs, in guest mode as well."""
    trio = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_task():
        return None
    return asyncio.get_running_loop()


async def in_thread(function: Callable[[], _Value]) -> _Value:
    """Call a function in a thread and return what it does.

    anyio imports its backend when it is first asked for anything, which takes 20 ms: here, on
    asyncio, it is not asked.
    """
    loop = asyncio_loop()
    if loop is None:
        return await anyio.to_thread.run_sync(function)
    return await loop.run_in_executor(None, function)


_MOST_LENGTHS: Final = 16


class Deadlines:
    """The deadlines in one loop of asyncio.

    Nearly all of them are met, and a timer for each would cost more than all that a call needs
    besides. Those of one length are due in the order in which they began: they share a timer
    that is left running, and looks at the oldest when it fires.

    Args:
        loop: the event loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._queues: dict[float, _Queue] = {}
        self._most = _MOST_LENGTHS

    def after(self, seconds: float | None) -> Deadline:
        """Return a block that is left after so many seconds; None for no limit."""
        if seconds is None:
            return _Endless()
        queue = self._queues.get(seconds)
        if queue is None:
            if len(self._queues) >= self._most:
                self.stop()
            queue = self._queues[seconds] = _Queue(self._loop, seconds)
        return _Timed(queue)

    def stop(self) -> None:
        """Leave no timer in the loop but those of blocks that still run."""
        for queue in self._queues.values():
            queue.rest()
        self._queues = {length: queue for length, queue in self._queues.items() if queue.running}
        self._most = max(_MOST_LENGTHS, 2 * len(self._queues))


class Deadline(Protocol):
    """A block of code that is left when its time is over; a cancel scope of anyio is one."""

    @property
    def deadline(self) -> float:
        """When its time is over, by the clock of the event loop."""
        ...

    def __enter__(self) -> object:
        """Begin."""
        ...

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> bool | None:
        """End; true when the block was left since its time was over."""
        ...


class _Queue:
    """Blocks that have equally long, in the order in which they began."""

    __slots__ = ("_loop", "_seconds", "_timer", "running")

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self.running: dict[_Timed, None] = {}
        self._loop = loop
        self._seconds = seconds
        self._timer: asyncio.TimerHandle | None = None

    def join(self, block: _Timed) -> float:
        """Take a block in, and return when its time is over."""
        self.running[block] = None
        due = self._loop.time() + self._seconds
        if self._timer is None:
            self._timer = self._loop.call_at(due, self._fire)
        return due

    def rest(self) -> None:
        """Leave no timer while nothing runs."""
        if self._timer is not None and not self.running:
            self._timer.cancel()
            self._timer = None

    def _fire(self) -> None:
        self._timer = None
        now = self._loop.time()
        for block in list(takewhile(lambda block: block.deadline <= now, self.running)):
            del self.running[block]
            block.cancel()
        oldest = next(iter(self.running), None)
        if oldest is not None:
            self._timer = self._loop.call_at(oldest.deadline, self._fire)


class _Timed:
    """A block with an end, as `asyncio.timeout` has it: the task is cancelled once, from outside.

    Another cancellation of the task meanwhile has its usual effect.
    """

    __slots__ = ("_cancelling", "_is_over", "_queue", "_task", "deadline")

    def __init__(self, queue: _Queue) -> None:
        self._queue = queue
        self._is_over = False
        self.deadline = math.inf

    def cancel(self) -> None:
        self._is_over = True
        self._task.cancel()

    def __enter__(self) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a call is made by a task of the event loop")
        self._task = task
        self._cancelling = task.cancelling()
        self.deadline = self._queue.join(self)

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if not self._is_over:
            del self._queue.running[self]
            return False
        is_cancelled_by_us_alone = self._task.uncancel() <= self._cancelling
        return is_cancelled_by_us_alone and exc_type is asyncio.CancelledError


class _Endless:
    """A block without an end."""

    deadline = math.inf

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


class Background:
    """A coroutine function that runs in a task of its own until it ends or is closed.

    An async generator may be left at any `yield`, and closed by another task: it must not hold
    a cancel scope or a task group open there. What has to run meanwhile runs here, and whoever
    starts it closes it.

    Args:
        work: what runs.
        at_end: called when it has ended, however it did.
    """

    def __init__(
        self, work: Callable[[], Awaitable[object]], at_end: Callable[[], object] | None = None
    ) -> None:
        self._scope = anyio.CancelScope()
        self._end = anyio.Event()
        self._at_end = at_end
        # Until the work says how it went: a task may be cancelled before it begins.
        self._failure: BaseException | None = RuntimeError("cancelled by someone else")
        _spawn(partial(self._run, work), self._finish)

    @property
    def has_ended(self) -> bool:
        """Whether nothing of it runs any more."""
        return self._end.is_set()

    def raise_failure(self) -> None:
        """Raise what the work ended with, once, if it ended with an exception."""
        failure, self._failure = self._failure, None
        if failure is not None:
            try:
                raise failure
            finally:
                # Without the name, nothing here leads back to the exception.
                del failure

    def cancel(self) -> None:
        """Ask the work to end; `aclose` waits until it has."""
        self._scope.cancel()

    async def aclose(self) -> None:
        """Cancel the work and wait until nothing is left of it."""
        self.cancel()
        with anyio.CancelScope(shield=True):
            await self._end.wait()
        self._failure = None

    async def _run(self, work: Callable[[], Awaitable[object]]) -> None:
        try:
            with self._scope:
                await work()
            self._failure = None
        except anyio.get_cancelled_exc_class():
            raise
        except BaseException as failure:  # noqa: BLE001 - raised where the work is waited for
            self._failure = failure
        finally:
            self._finish()

    def _finish(self) -> None:
        at_end, self._at_end = self._at_end, None
        self._end.set()
        if at_end:
            at_end()


def _spawn(run: Callable[[], Coroutine[Any, Any, None]], finish: Callable[[], None]) -> None:
    loop = asyncio_loop()
    if loop is None:
        import trio

        trio.lowlevel.spawn_system_task(run, context=contextvars.copy_context())
        return
    task = loop.create_task(run())
    # The loop itself holds tasks weakly.
    _running.add(task)
    task.add_done_callback(_running.discard)
    task.add_done_callback(lambda _: finish())


_running: set[asyncio.Task[None]] = set()
