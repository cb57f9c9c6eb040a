"""Outcomes that wait for their consumer, as they come or in the order of the input."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

from mediasflow_async.concurrency.outcomes import Outcome

__all__ = ["Arrivals"]

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
