"""The rules of pacing: how many calls may be under way, and when everybody pauses."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Final, Self

from attrs import evolve, frozen

from mediasflow_async.errors import (
    ConnectionFailed,
    DeliveryUnknown,
    RateLimited,
    RequestTimeout,
    ServerError,
)

__all__ = ["Window", "is_trouble", "pause_after"]

_TROUBLE: Final = (ConnectionFailed, DeliveryUnknown, RateLimited, RequestTimeout, ServerError)
_SHORTEST_PAUSE: Final = timedelta(seconds=1)
_LONGEST_PAUSE: Final = timedelta(minutes=15)


@frozen
class Window:
    """How many calls may be under way: one more after a windowful of successes, half on trouble.

    Additive increase and multiplicative decrease, as in TCP: clients that share a server, and do
    not know of each other, come to share evenly what it bears.

    Attributes:
        ceiling: the most that it grows to.
        size: its present size, of which whole calls count.
        cuts: how often it was cut. A call that began before a cut says nothing about the window
            after it; so one overload, seen by all that were under way, counts once.
    """

    ceiling: int
    size: float
    cuts: int = 0

    @classmethod
    def of(cls, ceiling: int) -> Self:
        """Return a window that is fully open."""
        return cls(ceiling, ceiling)

    @property
    def places(self) -> int:
        """How many calls may be under way; at least one."""
        return math.floor(self.size)

    def after(self, began_after: int, *, trouble: bool) -> Window:
        """Return the window after a call.

        Args:
            began_after: how many cuts there had been when the call began.
            trouble: whether it ended in trouble.
        """
        if began_after != self.cuts:
            return self
        if trouble:
            return evolve(self, size=max(1.0, self.size / 2), cuts=self.cuts + 1)
        return evolve(self, size=min(self.ceiling, self.size + 1 / self.size))


def is_trouble(result: object) -> bool:
    """Whether a result says that the server, or the way to it, bears no more."""
    return isinstance(result, _TROUBLE)


def pause_after(result: object) -> timedelta | None:
    """Return for how long nobody should call after this result, or None.

    Only the server's own word stops everybody: a 429, or a 5xx that says for how long. Whatever
    it asks for, it is asked again after a quarter of an hour.
    """
    asked = result.retry_after if isinstance(result, RateLimited | ServerError) else None
    if asked is None and not isinstance(result, RateLimited):
        return None
    return min(max(asked or _SHORTEST_PAUSE, _SHORTEST_PAUSE), _LONGEST_PAUSE)
