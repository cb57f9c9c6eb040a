"""The seams between the windows of a period: no row lost, none given twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextlib import aclosing
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeVar

from mediasflow_async.errors import BadRequest
from mediasflow_async.resources.prefetching import Blocks, in_order
from mediasflow_async.windows import Window

__all__ = ["BlocksOf", "seamless_blocks", "window_blocks"]

_Row = TypeVar("_Row")
_Counts = Counter[Hashable]

BlocksOf = Callable[[Window], Blocks[_Row]]
"""Takes a window and gives its rows, a number of them at a time."""

_MINUTE: Final = timedelta(minutes=1)


def seamless_blocks(
    windows: Sequence[Window],
    blocks_of: BlocksOf[_Row],
    identity: Callable[[_Row], Hashable],
    windows_at_once: int = 1,
) -> Blocks[_Row]:
    """Return the rows of all windows in order, the ones on a seam once.

    Args:
        windows: the windows, in order.
        blocks_of: gives the rows of one.
        identity: tells a row from every other, whenever it is asked for.
        windows_at_once: how many windows may be asked for at the same time.
    """
    sources = (
        partial(window_blocks, windows, index, blocks_of, identity) for index in range(len(windows))
    )
    return in_order(sources, min(windows_at_once, len(windows)))


async def window_blocks(
    windows: Sequence[Window],
    index: int,
    blocks_of: BlocksOf[_Row],
    identity: Callable[[_Row], Hashable],
) -> Blocks[_Row]:
    """Yield the rows of one window without those that the window before it has.

    Whether the server counts the last minute of a window is not known. What two windows share
    is therefore asked for by itself, and taken out of the second, as many times as it is there.
    """
    window = windows[index]
    surplus: _Counts = Counter()
    if index > 0:
        count = partial(_count, blocks_of, identity)
        surplus = await _shared(window.since, windows[index - 1].until, count)
    async with aclosing(blocks_of(window)) as blocks:
        async for block in blocks:
            rows = _without(surplus, block, identity) if surplus else block
            if rows:
                yield rows


def _without(
    surplus: _Counts, rows: list[_Row], identity: Callable[[_Row], Hashable]
) -> list[_Row]:
    """Return rows without those that are too many, and take these out of the surplus."""
    kept: list[_Row] = []
    for row in rows:
        key = identity(row)
        if surplus[key] > 0:
            surplus[key] -= 1
        else:
            kept.append(row)
    for key in [key for key, count in surplus.items() if count <= 0]:
        del surplus[key]
    return kept


async def _count(
    blocks_of: BlocksOf[_Row],
    identity: Callable[[_Row], Hashable],
    since: datetime,
    until: datetime,
) -> _Counts:
    counts: _Counts = Counter()
    async with aclosing(blocks_of(Window(since, until))) as blocks:
        async for block in blocks:
            counts.update(map(identity, block))
    return counts


async def _shared(
    since: datetime, until: datetime, count: Callable[[datetime, datetime], Awaitable[_Counts]]
) -> _Counts:
    """Return what is in a window that ends at `until` and in one that starts at `since`.

    Some servers may refuse a period of no length. What the two windows share is then what the
    minutes before and after have together, counted one by one, beyond what they have as one.
    """
    try:
        return await count(since, until)
    except BadRequest:
        if since < until:
            raise
    counts = await count(since - _MINUTE, until) + await count(since, until + _MINUTE)
    counts.subtract(await count(since - _MINUTE, until + _MINUTE))
    return counts
