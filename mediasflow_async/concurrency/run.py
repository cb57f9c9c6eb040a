"""One map: items from a source, actions by a crew, outcomes to one consumer."""

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
from typing import Any, Final, Generic, Protocol, TypeVar

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup

from mediasflow_async._core.loops import Background, asyncio_loop
from mediasflow_async._core.proof import Fate, watch_calls
from mediasflow_async.concurrency.outcomes import Outcome, cut_short, never_begun
from mediasflow_async.errors import MediasflowError

__all__ = ["END", "Arrivals", "Bell", "Crew", "Run", "Signal", "Source", "give", "new_signal"]


_Item = TypeVar("_Item")
_Value = TypeVar("_Value")


class Arrivals(Generic[_Item, _Value]):
    """Outcomes that wait for their consumer.

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


class Signal(Protocol):
    """What one task awaits until another gives it; a future of asyncio, or what stands for it."""

    def __await__(self) -> Generator[Any, Any, None]:
        """Wait until it is given."""
        ...

    def done(self) -> bool:
        """Whether it was given, or nobody waits any more."""
        ...

    def set_result(self, result: None, /) -> None:
        """Give it."""
        ...


def new_signal() -> Signal:
    """Return a signal of the running event loop, for the current task to wait for."""
    loop = asyncio_loop()
    # A future costs a quarter of an anyio.Event.
    return _EventSignal() if loop is None else loop.create_future()


def give(signal: Signal) -> None:
    """Give a signal to whoever still waits for it."""
    if not signal.done():
        signal.set_result(None)


class _EventSignal:
    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = anyio.Event()

    def __await__(self) -> Generator[Any, Any, None]:
        return self._event.wait().__await__()

    def done(self) -> bool:
        return self._event.is_set()

    def set_result(self, _: None, /) -> None:
        self._event.set()


class Bell:
    """Wakes the one that waits; ringing it costs next to nothing while nobody does."""

    __slots__ = ("_signal",)

    def __init__(self) -> None:
        self._signal: Signal | None = None

    def ring(self) -> None:
        """Wake the one that waits."""
        if self._signal is not None:
            give(self._signal)
            self._signal = None

    async def wait(self) -> None:
        """Wait for the next ring."""
        self._signal = new_signal()
        await self._signal


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


END: Final[Any] = object()
"""Stands for the item after the last one."""


class Source(Generic[_Item]):
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
        """How many items can be taken; END is one of them."""
        return len(self._pulled) if self.is_async else sys.maxsize

    def take(self) -> _Item:
        """Return the next item, or END."""
        return self._pulled.popleft() if self.is_async else next(self._iterator, END)

    async def pull(self) -> bool:
        """Wait for the next item, or for the end; whether it is an item."""
        try:
            self._pulled.append(await self._iterator.__anext__())
        except StopAsyncIteration:
            self._pulled.append(END)
            return False
        return True

    def left(self) -> list[_Item]:
        """Return the items that were pulled and never taken."""
        return [item for item in self._pulled if item is not END]

    async def aclose(self) -> None:
        """End the input if it is a generator; anything else stays its owner's."""
        if isinstance(self._iterator, AsyncGenerator):
            with anyio.CancelScope(shield=True):
                await self._iterator.aclose()
        elif isinstance(self._iterator, Generator):
            self._iterator.close()


_LONGEST_TURN_SECONDS: Final = 0.005


class Run(Generic[_Item, _Value]):
    """One map, from its first outcome on.

    It lives in one event loop and changes only between two `await`s, so that it needs no locks.
    Workers run in a task of their own: no cancel scope is open where the consumer is given an
    outcome, and whoever consumes may do so from any task.

    Args:
        action: called with each item.
        source: the items.
        arrivals: takes the outcomes.
        limit: how many actions may be under way.
        most_ahead: how many items may be ahead of the consumer.
        is_last: says of an outcome whether nothing may begin after it; None for never.
    """

    def __init__(
        self,
        action: Callable[[_Item], Awaitable[_Value]],
        source: Source[_Item],
        arrivals: Arrivals[_Item, _Value],
        *,
        limit: int,
        most_ahead: int,
        is_last: Callable[[Outcome[_Item, _Value]], object] | None,
    ) -> None:
        self._action = action
        self._source = source
        self._arrivals = arrivals
        self._crew = Crew(limit)
        self._most_ahead = most_ahead
        self._is_last = is_last
        self._cut: list[Outcome[_Item, _Value]] = []
        self._begun = 0
        self._ahead = 0
        self._for_consumer = Bell()
        self._for_feeder = Bell()
        self._host: Background | None = None
        self._failure: BaseException | None = None
        self._feeding: anyio.CancelScope | None = None
        self._is_over = False
        self._is_closing = False
        self._is_done = False
        self._is_paused = False
        self._turn_ends = 0.0

    async def outcomes(self) -> AsyncGenerator[Outcome[_Item, _Value], None]:
        """Start, and give the outcomes until there are no more.

        Left early, closed or cancelled, it ends what is under way first.
        """
        host = self._host = Background(self._run, at_end=self._end)
        ready = self._arrivals.ready
        try:
            while not self._is_closing and (ready or not self._is_done):
                if not ready:
                    await self._news()
                    continue
                self._make_room()
                yield ready.popleft()
                if self._is_long():
                    await self._give_way()
            if not self._is_closing:
                host.raise_failure()
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Cancel what is under way and wait until nothing is left of it."""
        self._is_over = self._is_closing = True
        await (self._source if self._host is None else self._host).aclose()

    def unfinished(self) -> tuple[Outcome[_Item, _Value], ...]:
        """Return what was pulled from the input and not given, in the order of the input.

        Raises:
            RuntimeError: while anything is under way.
        """
        if self._host is not None and not self._is_done:
            raise RuntimeError("actions are under way: call aclose() before you ask what is left")
        never = [
            Outcome[_Item, _Value](index=index, item=item, error=never_begun())
            for index, item in enumerate(self._source.left(), self._begun)
        ]
        left = [*self._arrivals.left(), *self._cut, *never]
        return tuple(sorted(left, key=attrgetter("index")))

    async def _news(self) -> None:
        # anyio does not cancel a task whose wait is over: news at every turn would keep it alive.
        await anyio.lowlevel.checkpoint_if_cancelled()
        await self._for_consumer.wait()
        self._begin_turn()

    async def _run(self) -> None:
        try:
            await self._guarded(self._employ)
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
        self._for_consumer.ring()

    async def _employ(self) -> None:
        async with anyio.create_task_group() as self._tasks:
            if self._source.is_async:
                self._tasks.start_soon(self._guarded, self._feed)
            self._crew.call(self._openings())
            await self._crew.hire(self._tasks, partial(self._guarded, self._work))

    async def _guarded(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await work()
        except anyio.get_cancelled_exc_class():
            # Not raised again: the event loop would keep it, and with it all that is on its way.
            if not (self._is_closing or self._failure):
                self._fail(RuntimeError("cancelled by someone else than the consumer"))
        except BaseException as failure:  # noqa: BLE001 - a mistake of the caller's: the consumer gets it
            self._fail(failure)

    async def _feed(self) -> None:
        try:
            with anyio.CancelScope() as self._feeding:
                while await self._has_room():
                    is_more = await self._source.pull()
                    self._call_crew()
                    if not is_more:
                        return
                    if self._is_long():
                        await self._give_way()
        finally:
            await self._source.aclose()

    async def _has_room(self) -> bool:
        while not self._is_over and self._ahead + self._source.at_hand >= self._most_ahead:
            await self._for_feeder.wait()
        return not self._is_over

    async def _work(self) -> None:
        calls = watch_calls()
        self._crew.come()
        while self._openings() > 0 or await self._is_called():
            item = self._source.take()
            if item is END:
                self._finish()
                return
            index = self._begin()
            self._settle(await self._outcome(index, item, calls))
            # Where others have begun items meanwhile, this worker has waited.
            if self._begun == index + 1 and self._is_long():
                await self._give_way()

    async def _is_called(self) -> bool:
        while not self._is_over:
            if self._openings() > 0:
                return True
            await self._crew.rest()
            self._crew.come()
        return False

    def _openings(self) -> int:
        if self._is_over or self._is_paused:
            return 0
        room = self._most_ahead - self._ahead
        return min(room, self._source.at_hand) if self._source.is_async else room

    def _begin(self) -> int:
        index = self._begun
        self._begun += 1
        self._ahead += 1
        self._call_crew(besides=1)
        return index

    async def _outcome(self, index: int, item: _Item, calls: list[Fate]) -> Outcome[_Item, _Value]:
        calls.clear()
        try:
            return Outcome(index=index, item=item, value=await self._action(item))
        except MediasflowError as error:
            return Outcome(index=index, item=item, error=error.with_traceback(None))
        except BaseException as failure:
            doubt = cut_short(failure, calls)
            self._cut.append(Outcome(index=index, item=item, error=doubt))
            raise

    def _settle(self, outcome: Outcome[_Item, _Value]) -> None:
        self._arrivals.put(outcome)
        self._for_consumer.ring()
        if self._is_last is not None and self._is_last(outcome):
            self._finish()

    def _make_room(self) -> None:
        self._ahead -= 1
        self._for_feeder.ring()
        self._call_crew()

    def _call_crew(self, *, besides: int = 0) -> None:
        # Whoever is called already will call the others, if they are needed.
        if self._crew.called or (openings := self._openings()) <= 0:
            return
        under_way = self._ahead - len(self._arrivals) - besides
        self._crew.call(openings if under_way > 0 else 1)

    def _is_long(self) -> bool:
        return monotonic() >= self._turn_ends and not self._is_paused

    def _begin_turn(self) -> None:
        self._turn_ends = monotonic() + _LONGEST_TURN_SECONDS

    async def _give_way(self) -> None:
        """Let all else on the event loop run once, without any worker of this map."""
        self._is_paused = True
        await anyio.lowlevel.checkpoint()
        self._is_paused = False
        self._begin_turn()
        self._call_crew()

    def _finish(self) -> None:
        self._is_over = True
        if self._feeding is not None:
            self._feeding.cancel()
        self._for_feeder.ring()
        self._crew.dismiss()

    def _fail(self, failure: BaseException) -> None:
        self._failure = self._failure or failure
        self._is_over = True
        self._tasks.cancel_scope.cancel()
