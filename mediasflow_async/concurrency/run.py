"""One map: items from an input, actions in a pool of workers, outcomes to one consumer.

1. The consumer asks for its first outcome, and `Run.outcomes` starts a background task with the
   task group of the map. No cancel scope is open in the consumer's own task, which may leave its
   loop at any outcome, or ask for the next one from another task.
2. In the task group, workers take items, await the action and put outcomes into a buffer. A
   worker is started when an item is there for it, until there are as many as the limit; one
   that finds no item waits until it is woken. An async input is read ahead by one more task,
   the feeder, since the code of an async generator must always be run by the same task.
3. The consumer takes outcomes from the buffer, and is woken when one comes. An item is ahead of
   the consumer from its beginning until its outcome is given. When as many are ahead as may be,
   no other begins, so that a slow consumer slows the map down.
4. At the end of the input, and after an outcome to stop at, nothing begins any more: workers
   end after the item that they have. When an action raises anything but a `MediasflowError`,
   when the input raises, and when the consumer leaves, all tasks are cancelled; each item that
   was cut short gets an outcome that says what is known of its calls (see `Run.unfinished`).

All tasks run in one event loop, and none awaits while it changes the state of the map: there are
no locks.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Awaitable,
    Callable,
    Coroutine,
    Generator,
    Iterable,
)
from functools import partial
from operator import attrgetter
from time import monotonic
from typing import Any, Final, Generic, TypeVar

import anyio
import anyio.lowlevel

from mediasflow_async._core.loops import Background
from mediasflow_async._core.progress import CallState, collect_calls
from mediasflow_async.concurrency.outcomes import Outcome, cut_short, never_begun
from mediasflow_async.concurrency.worker_pool import Wakeup, WorkerPool
from mediasflow_async.errors import MediasflowError

__all__ = ["Run"]

_Item = TypeVar("_Item")
_Value = TypeVar("_Value")

# In the order of the input a slow item holds back the outcomes of all that follow: with as many
# items again, the others have something to do meanwhile.
_AHEAD_IN_ORDER: Final = 2
_LONGEST_SLICE_SECONDS: Final = 0.005


class Run(Generic[_Item, _Value]):
    """One map, from its first outcome on.

    Args:
        action: called with each item.
        items: the input.
        limit: how many actions may be under way.
        ordered: give outcomes in the order of the input.
        is_last: says of an outcome whether nothing may begin after it; None for never.

    Raises:
        TypeError: for items that cannot be iterated over.
    """

    def __init__(
        self,
        action: Callable[[_Item], Awaitable[_Value]],
        items: Iterable[_Item] | AsyncIterable[_Item],
        *,
        limit: int,
        ordered: bool,
        is_last: Callable[[Outcome[_Item, _Value]], object] | None,
    ) -> None:
        self._action = action
        self._source = _Source(items)
        self._buffer = _OutcomeBuffer[_Item, _Value](is_ordered=ordered)
        self._pool = WorkerPool(limit)
        self._most_ahead = limit * _AHEAD_IN_ORDER if ordered else limit
        self._is_last = is_last
        self._begun = 0  # how many items have begun
        self._ahead = 0  # how many of these have an outcome that was not given yet, or none
        self._interrupted: list[Outcome[_Item, _Value]] = []  # of items that were cut short
        self._failure: BaseException | None = None
        self._background: Background | None = None
        self._feeder_scope: anyio.CancelScope | None = None
        self._for_consumer = Wakeup()
        self._for_feeder = Wakeup()
        self._is_over = False  # nothing begins any more
        self._is_closing = False  # the consumer has left
        self._is_done = False  # no task is left
        self._is_paused = False  # all else on the event loop has its turn
        self._slice_ends = 0.0  # by the monotonic clock

    async def outcomes(self) -> AsyncGenerator[Outcome[_Item, _Value], None]:
        """Start the map, and yield the outcomes until there are no more.

        Left early, closed or cancelled, it first ends what is under way.
        """
        background = self._background = Background(self._run, at_end=self._end)
        ready = self._buffer.ready
        try:
            while not self._is_closing and (ready or not self._is_done):
                if not ready:
                    await self._wait_for_outcome()
                    continue
                self._make_room()
                yield ready.popleft()
                if self._is_slice_over():
                    await self._yield_to_loop()
            if not self._is_closing:
                background.raise_failure()
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Cancel what is under way and wait until nothing is left of it."""
        self._is_over = self._is_closing = True
        await (self._source if self._background is None else self._background).aclose()

    def unfinished(self) -> tuple[Outcome[_Item, _Value], ...]:
        """Return what was pulled from the input and not given, in the order of the input.

        Raises:
            RuntimeError: while anything is under way.
        """
        if self._background is not None and not self._is_done:
            raise RuntimeError("actions are under way: call aclose() before you ask what is left")
        never = [
            Outcome[_Item, _Value](index=index, item=item, error=never_begun())
            for index, item in enumerate(self._source.left(), self._begun)
        ]
        left = [*self._buffer.left(), *self._interrupted, *never]
        return tuple(sorted(left, key=attrgetter("index")))

    # The consumer's side.

    async def _wait_for_outcome(self) -> None:
        # anyio does not cancel a task whose wait is over: woken each time, it would never end.
        await anyio.lowlevel.checkpoint_if_cancelled()
        await self._for_consumer.wait()
        self._begin_slice()

    def _make_room(self) -> None:
        self._ahead -= 1
        self._for_feeder.wake()
        self._wake_workers()

    # The background task.

    async def _run(self) -> None:
        try:
            await self._guarded(self._start_tasks)
        finally:
            await self._guarded(self._source.aclose)
        failure, self._failure = self._failure, None
        if failure is not None:
            try:
                raise failure
            finally:
                # Without the name, no frame of the traceback leads back to the failure.
                del failure

    def _end(self) -> None:
        self._is_done = True
        self._for_consumer.wake()

    async def _start_tasks(self) -> None:
        async with anyio.create_task_group() as self._tasks:
            if self._source.is_async:
                self._tasks.start_soon(self._guarded, self._feed)
            self._pool.wake(self._openings())
            await self._pool.start_workers(self._tasks, partial(self._guarded, self._work))

    async def _guarded(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a part of the map; what it raises is kept for the consumer, and ends the map."""
        try:
            await work()
        except anyio.get_cancelled_exc_class():
            # Not raised again: the event loop would keep it, and with it all that is on its way.
            if not (self._is_closing or self._failure):
                self._fail(RuntimeError("cancelled by someone else than the consumer"))
        except BaseException as failure:  # noqa: BLE001 - a mistake of the caller's: the consumer gets it
            self._fail(failure)

    # The feeder, which reads an async input ahead.

    async def _feed(self) -> None:
        try:
            with anyio.CancelScope() as self._feeder_scope:
                while await self._has_room():
                    is_more = await self._source.pull()
                    self._wake_workers()
                    if not is_more:
                        return
                    if self._is_slice_over():
                        await self._yield_to_loop()
        finally:
            await self._source.aclose()

    async def _has_room(self) -> bool:
        """Wait until another item may be pulled; False when none may be any more."""
        while not self._is_over and self._ahead + self._source.at_hand >= self._most_ahead:
            await self._for_feeder.wait()
        return not self._is_over

    # A worker.

    async def _work(self) -> None:
        calls = collect_calls()
        self._pool.note_awake()
        while self._openings() > 0 or await self._wait_for_opening():
            item = self._source.take()
            if item is _END:
                self._begin_no_more()
                return
            index = self._begin()
            self._settle(await self._outcome(index, item, calls))
            # Where others have begun items meanwhile, this worker has waited.
            if self._begun == index + 1 and self._is_slice_over():
                await self._yield_to_loop()

    async def _wait_for_opening(self) -> bool:
        """Wait until an item may begin; False when none may any more."""
        while not self._is_over:
            if self._openings() > 0:
                return True
            await self._pool.idle()
            self._pool.note_awake()
        return False

    def _openings(self) -> int:
        """Return how many items may begin now."""
        if self._is_over or self._is_paused:
            return 0
        room = self._most_ahead - self._ahead
        return min(room, self._source.at_hand) if self._source.is_async else room

    def _begin(self) -> int:
        index = self._begun
        self._begun += 1
        self._ahead += 1
        self._wake_workers(besides=1)
        return index

    async def _outcome(
        self, index: int, item: _Item, calls: list[CallState]
    ) -> Outcome[_Item, _Value]:
        calls.clear()
        try:
            return Outcome(index=index, item=item, value=await self._action(item))
        except MediasflowError as error:
            return Outcome(index=index, item=item, error=error.with_traceback(None))
        except BaseException as failure:
            unknown = cut_short(failure, calls)
            self._interrupted.append(Outcome(index=index, item=item, error=unknown))
            raise

    def _settle(self, outcome: Outcome[_Item, _Value]) -> None:
        self._buffer.put(outcome)
        self._for_consumer.wake()
        if self._is_last is not None and self._is_last(outcome):
            self._begin_no_more()

    def _wake_workers(self, *, besides: int = 0) -> None:
        """Wake workers for the items that may begin.

        While no action waits, one worker is enough, and switching between several would cost
        more than the actions themselves.

        Args:
            besides: items that have begun and whose action was not called yet.
        """
        # A worker that is waking up will wake the others, if they are needed.
        if self._pool.waking or (openings := self._openings()) <= 0:
            return
        under_way = self._ahead - len(self._buffer) - besides
        self._pool.wake(openings if under_way > 0 else 1)

    # Time slices: actions that never wait must not keep the event loop from all else.

    def _is_slice_over(self) -> bool:
        return monotonic() >= self._slice_ends and not self._is_paused

    def _begin_slice(self) -> None:
        self._slice_ends = monotonic() + _LONGEST_SLICE_SECONDS

    async def _yield_to_loop(self) -> None:
        """Let all else on the event loop run once, without any worker of this map."""
        self._is_paused = True
        await anyio.lowlevel.checkpoint()
        self._is_paused = False
        self._begin_slice()
        self._wake_workers()

    # The two ways to an end.

    def _begin_no_more(self) -> None:
        self._is_over = True
        if self._feeder_scope is not None:
            self._feeder_scope.cancel()
        self._for_feeder.wake()
        self._pool.close()

    def _fail(self, failure: BaseException) -> None:
        self._failure = self._failure or failure
        self._is_over = True
        self._tasks.cancel_scope.cancel()


_END: Final[Any] = object()
"""Stands for the item after the last one."""


class _Source(Generic[_Item]):
    """The items of an input.

    Those of an iterable are there when they are taken. Those of an async iterable are pulled
    first, always by the same task: its code may hold a timeout or a task group from one item to
    the next.

    Attributes:
        is_async: whether items must be pulled before they can be taken.
    """

    __slots__ = ("_iterator", "_pulled", "is_async")

    def __init__(self, items: Iterable[_Item] | AsyncIterable[_Item]) -> None:
        self.is_async = isinstance(items, AsyncIterable)
        self._iterator: Any = aiter(items) if isinstance(items, AsyncIterable) else iter(items)
        self._pulled: deque[_Item] = deque()

    @property
    def at_hand(self) -> int:
        """How many items can be taken; _END is one of them."""
        return len(self._pulled) if self.is_async else sys.maxsize

    def take(self) -> _Item:
        """Return the next item, or _END."""
        return self._pulled.popleft() if self.is_async else next(self._iterator, _END)

    async def pull(self) -> bool:
        """Wait for the next item, or for the end; whether it is an item."""
        try:
            self._pulled.append(await self._iterator.__anext__())
        except StopAsyncIteration:
            self._pulled.append(_END)
            return False
        return True

    def left(self) -> list[_Item]:
        """Return the items that were pulled and never taken."""
        return [item for item in self._pulled if item is not _END]

    async def aclose(self) -> None:
        """Close the input if it is a generator; anything else stays its owner's."""
        if isinstance(self._iterator, AsyncGenerator):
            with anyio.CancelScope(shield=True):
                await self._iterator.aclose()
        elif isinstance(self._iterator, Generator):
            self._iterator.close()


class _OutcomeBuffer(Generic[_Item, _Value]):
    """Outcomes that wait for the consumer.

    Args:
        is_ordered: whether an outcome waits for those of the items before its own.

    Attributes:
        ready: those that may be given now, the next one first.
    """

    __slots__ = ("_held", "_is_ordered", "_next_index", "ready")

    def __init__(self, *, is_ordered: bool) -> None:
        self.ready: deque[Outcome[_Item, _Value]] = deque()
        self._held: dict[int, Outcome[_Item, _Value]] = {}
        self._is_ordered = is_ordered
        self._next_index = 0

    def __len__(self) -> int:
        return len(self.ready) + len(self._held)

    def put(self, outcome: Outcome[_Item, _Value]) -> None:
        """Take an outcome in."""
        if not self._is_ordered:
            self.ready.append(outcome)
            return
        self._held[outcome.index] = outcome
        while (due := self._held.pop(self._next_index, None)) is not None:
            self.ready.append(due)
            self._next_index += 1

    def left(self) -> list[Outcome[_Item, _Value]]:
        """Return those that were never given."""
        return [*self.ready, *self._held.values()]
