"""Items one by one, from any iterable or async iterable."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Generator, Iterable
from typing import Any, Final, Generic, TypeVar

import anyio

__all__ = ["END", "Source"]

_Item = TypeVar("_Item")

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
