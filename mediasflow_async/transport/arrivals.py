"""Whether something has arrived at a socket that its event loop has not told of yet."""

from __future__ import annotations

import select
from collections.abc import Callable
from functools import partial

__all__ = ["Arrivals", "by_poll", "by_select", "watch"]

Arrivals = Callable[[], object]
"""Returns something true when bytes, the end or an error wait to be read; reads nothing."""


def by_poll(socket: int) -> Arrivals:
    """Return how to ask about a socket, given by its number."""
    poll = select.poll()
    poll.register(socket, select.POLLIN)
    return partial(poll.poll, 0)


def by_select(socket: int) -> Arrivals:
    """Return how to ask where there is no poll, which is Windows; elsewhere for low numbers."""
    return lambda: select.select((socket,), (), (), 0)[0]


watch = by_poll if hasattr(select, "poll") else by_select
