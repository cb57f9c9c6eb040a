"""The seams between the windows of a period: no row lost, none given twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Sequence
from contextlib import aclosing
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeVar

from mediasflow_async.errors import BadRequest
from mediasflow_async.windows import Window

__all__ = ["RowsOf", "seamless", "window_rows"]

_Row = TypeVar("_Row")
_Counts = Counter[Hashable]

RowsOf = Callable[[Window], AsyncGenerator[_Row, None]]
"""Takes a window and gives its rows."""

_MINUTE: Final = timedelta(minutes=1)


async def seamless(
    windows: Sequence[Window], rows_of: RowsOf[_Row], identity: Callable[[_Row], Hashable]
) -> AsyncGenerator[_Row, None]:
    """Yield the rows of all windows in order, the ones on a seam once."""
    for index in range(len(windows)):
        async with aclosing(window_rows(windows, index, rows_of, identity)) as rows:
            async for row in rows:
                yield row


async def window_rows(
    windows: Sequence[Window],
    index: int,
    rows_of: RowsOf[_Row],
    identity: Callable[[_Row], Hashable],
) -> AsyncGenerator[_Row, None]:
    """Yield the rows of one window without those that the window before it has.

    Whether the server counts the last minute of a window is not known. What two windows share
    is therefore asked for by itself, and taken out of the second, as many times as it is there.
    """
    window = windows[index]
    surplus: _Counts = Counter()
    if index > 0:
        count = partial(_count, rows_of, identity)
        surplus = await _shared(window.since, windows[index - 1].until, count)
    async with aclosing(rows_of(window)) as rows:
        async for row in rows:
            key = identity(row)
            if surplus[key] > 0:
                surplus[key] -= 1
            else:
                yield row


async def _count(
    rows_of: RowsOf[_Row], identity: Callable[[_Row], Hashable], since: datetime, until: datetime
) -> _Counts:
    async with aclosing(rows_of(Window(since, until))) as rows:
        return Counter([identity(row) async for row in rows])


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
