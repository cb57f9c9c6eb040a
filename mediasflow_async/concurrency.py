"""Any number of calls, several at once, with the outcome of each."""

from __future__ import annotations

import asyncio
import contextvars
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
from contextlib import aclosing
from typing import Any, Generic, TypeVar

import anyio
from attrs import field, frozen

from mediasflow_async.errors import ConfigurationError, MediasflowError

__all__ = ["Outcome", "map_bounded"]

_Item = TypeVar("_Item")
_Value = TypeVar("_Value")


@frozen(kw_only=True)
class Outcome(Generic[_Item, _Value]):
    """What became of one item.

    Attributes:
        index: position of the item in the input, from 0.
        item: the item.
        value: what came back, or None after an error.
        error: the error, or None.
    """

    index: int
    item: _Item = field(repr=False)
    value: _Value | None = None
    error: MediasflowError | None = None

    @property
    def ok(self) -> bool:
        """Whether the call succeeded."""
        return self.error is None

    def unwrap(self) -> _Value:
        """Return the value, or raise the error."""
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[return-value] # None is the value where there is no error


def map_bounded(
    action: Callable[[_Item], Awaitable[_Value]],
    items: Iterable[_Item] | AsyncIterable[_Item],
    *,
    limit: int,
) -> AsyncGenerator[Outcome[_Item, _Value], None]:
    """Call an action for each item, at most `limit` at once, and yield outcomes as they come.

    Items are pulled when there is a place for them and never more than `limit` ahead of the
    consumer, so that the input may be of any length and a slow consumer slows the calls down.
    A `MediasflowError` becomes an outcome; any other exception, of the action or of the input,
    ends the whole, as a mistake should. Leaving the loop cancels what is under way: to have
    that done before the next line, close the iterator with `contextlib.aclosing`. A generator
    given as input is closed at the end.

    Args:
        action: called with each item.
        items: the items.
        limit: how many calls may be under way.

    Raises:
        ConfigurationError: for a limit that is no whole number from 1 up.
    """
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise ConfigurationError(f"limit is a whole number from 1 up, not {limit!r}")
    return _outcomes(_Run(action, items, limit))


async def _outcomes(run: _Run[_Item, _Value]) -> AsyncGenerator[Outcome[_Item, _Value], None]:
    run.start()
    try:
        while (outcome := await run.next()) is not None:
            yield outcome
    finally:
        await run.aclose()


class _Run(Generic[_Item, _Value]):
    """Workers in a task of their own, so that no cancel scope is open across a `yield`."""

    def __init__(
        self,
        action: Callable[[_Item], Awaitable[_Value]],
        items: Iterable[_Item] | AsyncIterable[_Item],
        limit: int,
    ) -> None:
        self._action = action
        self._items = _numbered(items)
        self._limit = limit
        self._ahead = 0
        self._ready: deque[Outcome[_Item, _Value]] = deque()
        self._failure: BaseException | None = None

    def start(self) -> None:
        """Start the workers."""
        self._turn = anyio.Lock(fast_acquire=True)
        self._room = anyio.Event()
        self._news = anyio.Event()
        self._end = anyio.Event()
        self._scope = anyio.CancelScope()
        _spawn(self._work_all)

    async def next(self) -> Outcome[_Item, _Value] | None:
        """Return the next outcome, or None when there are no more."""
        while not self._ready:
            if self._end.is_set():
                self._raise_failure()
                return None
            self._news = anyio.Event()
            await self._news.wait()
        self._ahead -= 1
        self._room.set()
        return self._ready.popleft()

    async def aclose(self) -> None:
        """Cancel what is under way and wait until nothing is left of it."""
        self._scope.cancel()
        with anyio.CancelScope(shield=True):
            await self._end.wait()

    def _raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            try:
                raise failure
            finally:
                del failure

    async def _work_all(self) -> None:
        try:
            with self._scope:
                async with aclosing(self._items), anyio.create_task_group() as tasks:
                    for _ in range(self._limit):
                        tasks.start_soon(self._work)
        finally:
            self._end.set()
            self._news.set()

    async def _work(self) -> None:
        try:
            while (numbered := await self._pull()) is not None:
                self._ready.append(await self._outcome(*numbered))
                self._news.set()
        except anyio.get_cancelled_exc_class():
            if self._scope.cancel_called:
                raise
            self._end_with(RuntimeError("an action was cancelled, and not by the one who waits"))
        except BaseException as failure:  # noqa: BLE001 - a mistake of the caller's, raised by `next`
            self._end_with(failure)

    def _end_with(self, failure: BaseException) -> None:
        self._failure = self._failure or failure
        self._scope.cancel()

    async def _pull(self) -> tuple[int, _Item] | None:
        async with self._turn:
            while self._ahead >= self._limit:
                self._room = anyio.Event()
                await self._room.wait()
            self._ahead += 1
            return await anext(self._items, None)

    async def _outcome(self, index: int, item: _Item) -> Outcome[_Item, _Value]:
        try:
            return Outcome(index=index, item=item, value=await self._action(item))
        except MediasflowError as error:
            return Outcome(index=index, item=item, error=error)


async def _numbered(
    items: Iterable[_Item] | AsyncIterable[_Item],
) -> AsyncGenerator[tuple[int, _Item], None]:
    index = 0
    try:
        if isinstance(items, AsyncIterable):
            async for item in items:
                yield index, item
                index += 1
        else:
            for item in items:
                yield index, item
                index += 1
    finally:
        await _close(items)


async def _close(items: object) -> None:
    if isinstance(items, AsyncGenerator):
        with anyio.CancelScope(shield=True):
            await items.aclose()
    elif isinstance(items, Generator):
        items.close()


def _spawn(run: Callable[[], Coroutine[Any, Any, None]]) -> None:
    trio = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_task():
        trio.lowlevel.spawn_system_task(run, context=contextvars.copy_context())
        return
    task = asyncio.get_running_loop().create_task(run())
    # The loop itself holds tasks weakly.
    _background.add(task)
    task.add_done_callback(_background.discard)


_background: set[asyncio.Task[None]] = set()
