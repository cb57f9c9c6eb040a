"""Several sources read in order, while the next ones are already on their way."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from itertools import islice
from typing import Final, Generic, TypeVar

import anyio

from mediasflow_async.background import Background

__all__ = ["Blocks", "Source", "in_order"]

_Row = TypeVar("_Row")

Blocks = AsyncGenerator[list[_Row], None]
"""Rows, a number of them at a time."""

Source = Callable[[], Blocks[_Row]]
"""Gives the rows of a source, from the start each time."""

_BLOCKS_AHEAD: Final = 4
_PATIENCE_SECONDS: Final = 10.0


def in_order(sources: Iterable[Source[_Row]], at_once: int) -> Blocks[_Row]:
    """Return the blocks of all sources, one source after the other.

    A source is read ahead of its turn until a few blocks are at hand. If its turn has not come
    10 s later, it is let go and read anew in its turn: it would keep a connection from others,
    and no server holds one open for ever. From then on nothing is read ahead, since whoever
    takes the rows is slower than whoever brings them.

    Args:
        sources: the sources.
        at_once: how many may be read at the same time, counting the one whose turn it is.
    """
    return _one_by_one(sources) if at_once == 1 else _prefetched(sources, at_once)


async def _one_by_one(sources: Iterable[Source[_Row]]) -> Blocks[_Row]:
    for source in sources:
        async with aclosing(source()) as blocks:
            async for block in blocks:
                yield block


async def _prefetched(sources: Iterable[Source[_Row]], at_once: int) -> Blocks[_Row]:
    waiting = iter(sources)
    ahead: deque[_Ahead[_Row]] = deque()
    try:
        while True:
            if any(source.was_let_go for source in ahead):
                at_once = 1
            ahead.extend(map(_Ahead, islice(waiting, max(at_once - len(ahead), 0))))
            if not ahead:
                return
            async with aclosing(ahead[0].blocks()) as blocks:
                async for block in blocks:
                    yield block
            ahead.popleft()
    finally:
        for source in ahead:
            source.cancel()
        for source in ahead:
            await source.aclose()


class _Ahead(Generic[_Row]):
    """A source that is read in a task of its own, a few blocks ahead of who takes them."""

    def __init__(self, source: Source[_Row]) -> None:
        self._source = source
        self._at_hand: deque[list[_Row]] = deque()
        self._news = anyio.Event()
        self._room = anyio.Event()
        self._is_due = False
        self.was_let_go = False
        self._reading = Background(self._read, at_end=self._tell)

    def blocks(self) -> Blocks[_Row]:
        """Return the blocks, now that its turn has come."""
        if self.was_let_go:
            return _one_by_one([self._source])
        self._is_due = True
        return self._taken()

    def cancel(self) -> None:
        """Ask the reading to end; `aclose` waits until it has."""
        self._reading.cancel()

    async def aclose(self) -> None:
        """End the reading."""
        await self._reading.aclose()

    async def _taken(self) -> Blocks[_Row]:
        while True:
            while self._at_hand:
                self._room.set()
                yield self._at_hand.popleft()
            if self._reading.has_ended:
                break
            self._news = anyio.Event()
            await self._news.wait()
        self._reading.raise_failure()

    async def _read(self) -> None:
        async with aclosing(self._source()) as blocks:
            async for block in blocks:
                self._at_hand.append(block)
                self._tell()
                if not await self._has_room():
                    return

    def _tell(self) -> None:
        self._news.set()

    async def _has_room(self) -> bool:
        """Wait until there is room for a block; False when it was let go instead."""
        while len(self._at_hand) >= _BLOCKS_AHEAD:
            self._room = anyio.Event()
            with anyio.move_on_after(None if self._is_due else _PATIENCE_SECONDS):
                await self._room.wait()
            if len(self._at_hand) >= _BLOCKS_AHEAD and not self._is_due:
                self._at_hand.clear()
                self.was_let_go = True
                return False
        return True
