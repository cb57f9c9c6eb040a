"""A period in windows: filters, read ahead, seams."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Hashable,
    Iterable,
    Iterator,
    Sequence,
)
from contextlib import aclosing
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any, Final, Generic, TypeVar

import anyio
from attrs import field, frozen

from mediasflow_async._core.loops import Background
from mediasflow_async.dates import Window, split_period, to_minute_text
from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import BadRequest, Problem
from mediasflow_async.models import DeliveryStatus, MediaType
from mediasflow_async.search import Expression, to_text
from mediasflow_async.validation import listed, period_bounds, period_problems, refuse

__all__ = [
    "Blocks",
    "BlocksOf",
    "Filters",
    "Period",
    "Source",
    "Statuses",
    "column_problems",
    "in_order",
    "period_of",
    "seamless_blocks",
    "status_problems",
    "status_text",
    "window_blocks",
]


Statuses = Iterable[int | DeliveryStatus]
_Listed = tuple[Any, ...] | None


@frozen(kw_only=True)
class Period:
    """What a report of a period asks for.

    Attributes:
        windows: the parts that it is asked in.
        params: the query parameters, but for the bounds.
        dialect: how the bounds are written.
        windows_at_once: how many of the parts may be asked for at the same time.
    """

    windows: tuple[Window, ...]
    params: dict[str, str] = field(repr=False)
    dialect: Dialect = field(repr=False)
    windows_at_once: int = 1

    def params_of(self, window: Window) -> dict[str, str]:
        """Return the query parameters of a window (Guide: 2.6, 2.7)."""
        zone = self.dialect.server_tz
        bounds = {
            "from": to_minute_text(window.since, zone),
            "to": to_minute_text(window.until, zone),
        }
        return bounds | self.params


@frozen(kw_only=True)
class Filters:
    """What a report of a period is narrowed to; see `Reports.period`."""

    user_id: str | None
    status: _Listed = field(converter=listed)
    types: _Listed = field(converter=listed)
    search: Expression | str | None
    key_fields: _Listed = field(default=(), converter=listed)

    def problems(self, dialect: Dialect) -> Iterator[Problem]:
        """Yield everything that is wrong with it."""
        yield from status_problems(self.status)
        yield from _type_problems(self.types)
        yield from column_problems("key_fields", self.key_fields)
        yield from _user_problems(self.user_id)
        yield from _search_problems(self.search, dialect)

    def params(self, dialect: Dialect) -> dict[str, str]:
        """Return its query parameters (Guide: 2.6, 2.7)."""
        params = {
            "userID": self.user_id,
            "status": status_text(self.status or (), dialect.period_status_separator),
            "types": ";".join(self.types or ()),
            "keyField": ";".join(self.key_fields or ()),
            "search": _search_text(self.search, dialect),
        }
        return {name: text for name, text in params.items() if text}


def period_of(
    since: datetime | date,
    until: datetime | date | None,
    filters: Filters,
    dialect: Dialect,
    windows_at_once: int,
) -> Period:
    """Return a checked period.

    Raises:
        InvalidRequest: every problem of the arguments.
    """
    zone = dialect.server_tz
    end = until if until is not None else datetime.now(UTC)
    refuse(
        [
            *period_problems(since, end, zone),
            *filters.problems(dialect),
            *_count_problems("windows_at_once", windows_at_once),
        ]
    )
    first, last = period_bounds(since, end, zone)
    windows = split_period(first, last, zone=zone, window=dialect.window, overlap=dialect.overlap)
    return Period(
        windows=tuple(windows),
        params=filters.params(dialect),
        dialect=dialect,
        windows_at_once=windows_at_once,
    )


def status_problems(codes: _Listed) -> Iterator[Problem]:
    """Yield what is wrong with a filter of statuses."""
    if codes is None or not all(map(_is_code, codes)):
        yield Problem("status", "a list of status codes, such as [16, 21]")


def _is_code(status: object) -> bool:
    code = status.code if isinstance(status, DeliveryStatus) else status
    return isinstance(code, int) and not isinstance(code, bool)


def column_problems(where: str, names: _Listed) -> Iterator[Problem]:
    """Yield what is wrong with a choice of columns."""
    if names is None or not all(
        isinstance(name, str) and name and ";" not in name for name in names
    ):
        yield Problem(where, "a list of column names without semicolons")


def status_text(codes: Iterable[int | DeliveryStatus], separator: str) -> str:
    """Return a filter of statuses as text; the guide separates them in two ways."""
    return separator.join(str(int(code)) for code in codes)


def _type_problems(types: _Listed) -> Iterator[Problem]:
    if types is None or not all(kind in tuple(MediaType) for kind in types):
        yield Problem("types", f"a list of {', '.join(MediaType)}")


def _user_problems(user_id: object) -> Iterator[Problem]:
    if not isinstance(user_id, str | None):
        yield Problem("user_id", "is text")


def _count_problems(where: str, count: object) -> Iterator[Problem]:
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        yield Problem(where, "is a whole number from 1 up")


def _search_problems(search: object, dialect: Dialect) -> Iterator[Problem]:
    if not isinstance(search, Expression | str | None):
        yield Problem("search", "a search of mediasflow_async.search, or its text")
        return
    try:
        _search_text(search, dialect)
    except ValueError as error:
        yield Problem("search", str(error))


def _search_text(search: Expression | str | None, dialect: Dialect) -> str:
    if search is None or isinstance(search, str):
        return search or ""
    return to_text(search, quote_style=dialect.quote_style, regex_style=dialect.regex_style)


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
