"""What a report of a period asks for, and how it is asked: in windows, several at once.

One request covers 7 days at most, so that a longer period is cut in windows (Guide: 2.6, 2.7).
`period_of` checks the arguments and cuts it. `WindowedRows` puts the rows of the windows together
again: each window without what it shares with the one before, in order, with the next windows
read ahead.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import aclosing
from datetime import UTC, date, datetime, tzinfo
from functools import partial
from itertools import islice
from typing import Any, Final, Generic, TypeVar

import anyio
from attrs import field, frozen

from mediasflow_async._core.loops import Background
from mediasflow_async.dates import Window, split_period, to_minute_text, widened
from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import NotFound, Problem
from mediasflow_async.models import DeliveryStatus, MediaType
from mediasflow_async.models.values import ENCODABLE_RULE, is_encodable
from mediasflow_async.search import Expression, to_text
from mediasflow_async.validation import listed, period_bounds, period_problems, refuse

__all__ = [
    "Blocks",
    "Filters",
    "Period",
    "Statuses",
    "WindowedRows",
    "column_problems",
    "in_order",
    "period_of",
    "status_problems",
    "status_text",
]

_Row = TypeVar("_Row")

Blocks = AsyncGenerator[list[_Row], None]
"""Rows, a number of them at a time."""

Statuses = Iterable[int | DeliveryStatus]
"""Status codes, as numbers or as `DeliveryStatus`."""

_Listed = tuple[Any, ...] | None


def period_of(
    since: datetime | date,
    until: datetime | date | None,
    filters: Filters,
    dialect: Dialect,
    windows_at_once: int,
) -> Period:
    """Return a period, checked and cut in windows; the arguments are those of `Reports.period`.

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


@frozen(kw_only=True)
class Period:
    """What a report of a period asks for.

    Attributes:
        windows: the windows that it is asked in, in order.
        params: the query parameters, without the bounds.
        dialect: how the bounds are written.
        windows_at_once: how many windows may be asked for at the same time.
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
        """Yield everything that is wrong with the filters."""
        yield from status_problems(self.status)
        yield from _type_problems(self.types)
        yield from column_problems("key_fields", self.key_fields)
        yield from _user_problems(self.user_id)
        yield from _search_problems(self.search, dialect)

    def params(self, dialect: Dialect) -> dict[str, str]:
        """Return the query parameters of the filters (Guide: 2.6, 2.7)."""
        params = {
            "userID": self.user_id,
            "status": status_text(self.status or (), dialect.period_status_separator),
            "types": ";".join(self.types or ()),
            "keyField": ";".join(self.key_fields or ()),
            "search": _search_text(self.search, dialect),
        }
        return {name: text for name, text in params.items() if text}


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
    elif not all(map(is_encodable, names)):
        yield Problem(where, f"each {ENCODABLE_RULE}")


def status_text(codes: Statuses, separator: str) -> str:
    """Return a filter of statuses as text; the guide separates them in two ways."""
    return separator.join(str(int(code)) for code in codes)


def _type_problems(types: _Listed) -> Iterator[Problem]:
    if types is None or not all(kind in tuple(MediaType) for kind in types):
        yield Problem("types", f"a list of {', '.join(MediaType)}")


def _user_problems(user_id: object) -> Iterator[Problem]:
    if not isinstance(user_id, str | None):
        yield Problem("user_id", "is text")
    elif user_id is not None and not is_encodable(user_id):
        yield Problem("user_id", ENCODABLE_RULE)


def _count_problems(where: str, count: object) -> Iterator[Problem]:
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        yield Problem(where, "is a whole number from 1 up")


def _search_problems(search: object, dialect: Dialect) -> Iterator[Problem]:
    if not isinstance(search, Expression | str | None):
        yield Problem("search", "a search of mediasflow_async.search, or its text")
        return
    try:
        text = _search_text(search, dialect)
    except UnicodeEncodeError:
        yield Problem("search", ENCODABLE_RULE)
    except ValueError as error:
        yield Problem("search", str(error))
    else:
        if not is_encodable(text):
            yield Problem("search", ENCODABLE_RULE)


def _search_text(search: Expression | str | None, dialect: Dialect) -> str:
    if search is None or isinstance(search, str):
        return search or ""
    return to_text(search, quote_style=dialect.quote_style, regex_style=dialect.regex_style)


@frozen
class WindowedRows(Generic[_Row]):
    """The rows of a period, asked for window by window; a row on a seam is given once.

    Whether the server counts the bounds of a window, to the minute or to the second, or the whole
    days that they are in, is not known, and a window without length may mean anything. What two
    windows share is therefore found by windows of some minutes: what the last minute of one and
    the first minute of the other have, beyond what both minutes have as one window. Each row of it
    is left out of the later window as many times as it is there; a row that both minutes lack is
    on neither side of the seam, and is given before the later window.

    Attributes:
        windows: the windows, in order.
        blocks_of: gives the rows of a window.
        identity: tells a row from every other, whenever it is asked for.
        zone: zone in which the bounds are written.
    """

    windows: Sequence[Window]
    blocks_of: Callable[[Window], Blocks[_Row]]
    identity: Callable[[_Row], Hashable]
    zone: tzinfo = UTC

    def blocks(self, windows_at_once: int = 1) -> Blocks[_Row]:
        """Return the rows of all windows in order, the ones on a seam once.

        Args:
            windows_at_once: how many windows may be asked for at the same time.
        """
        sources = (partial(self.window_blocks, index) for index in range(len(self.windows)))
        return in_order(sources, min(windows_at_once, len(self.windows)))

    async def window_blocks(self, index: int) -> Blocks[_Row]:
        """Yield the rows of one window without those that it shares with the window before."""
        window = self.windows[index]
        surplus: Counter[Hashable] = Counter()
        if index > 0:
            seam = Window(window.since, self.windows[index - 1].until)
            lost, surplus = await self._at_seam(seam)
            if lost:
                yield lost
        async with aclosing(self.blocks_of(window)) as blocks:
            async for block in blocks:
                rows = self._without(surplus, block) if surplus else block
                if rows:
                    yield rows

    async def _at_seam(self, seam: Window) -> tuple[list[_Row], Counter[Hashable]]:
        """Return the rows that neither window has, and count those that both have.

        Args:
            seam: from the start of the later window to the end of the one before.
        """
        around = widened(seam, self.zone)
        both = await self._count(around)
        if not both:
            return [], both
        shared = await self._count(Window(around.since, seam.until))
        shared.update(await self._count(Window(seam.since, around.until)))
        shared.subtract(both)
        lost: list[_Row] = []
        if missing := Counter({key: -count for key, count in shared.items() if count < 0}):
            async with aclosing(self.blocks_of(around)) as blocks:
                async for block in blocks:
                    lost += [row for row in block if self._takes(missing, self.identity(row))]
        return lost, +shared

    async def _count(self, window: Window) -> Counter[Hashable]:
        counts: Counter[Hashable] = Counter()
        try:
            async with aclosing(self.blocks_of(window)) as blocks:
                async for block in blocks:
                    counts.update(map(self.identity, block))
        except NotFound:
            # There is nothing in these minutes; of a wrong path the windows themselves tell.
            return Counter()
        return counts

    @staticmethod
    def _takes(counts: Counter[Hashable], key: Hashable) -> bool:
        if counts[key] <= 0:
            return False
        counts[key] -= 1
        return True

    def _without(self, surplus: Counter[Hashable], rows: list[_Row]) -> list[_Row]:
        """Return rows without those that are too many, and take these out of the surplus."""
        kept: list[_Row] = []
        left = iter(rows)
        for row in left:
            key = self.identity(row)
            if not self._takes(surplus, key):
                kept.append(row)
            elif not surplus[key]:
                del surplus[key]
                if not surplus:
                    break
        kept += left
        return kept


_Source = Callable[[], Blocks[_Row]]  # gives the rows of a source, from the start each time

_BLOCKS_AHEAD: Final = 4
_LONGEST_AHEAD_SECONDS: Final = 10.0


def in_order(sources: Iterable[_Source[_Row]], at_once: int) -> Blocks[_Row]:
    """Return the blocks of all sources, one source after the other, with the next ones prefetched.

    Of each source that is prefetched, a few blocks are held. If its turn has not come 10 s later,
    it is dropped and read anew in its turn: it would keep a connection from others, and no server
    holds one open for ever. From then on nothing is prefetched, since the consumer is slower than
    the sources.

    Args:
        sources: each gives its rows from the start when it is called.
        at_once: how many may be read at the same time, counting the one whose turn it is.
    """
    return _one_by_one(sources) if at_once == 1 else _prefetched(sources, at_once)


async def _one_by_one(sources: Iterable[_Source[_Row]]) -> Blocks[_Row]:
    for source in sources:
        async with aclosing(source()) as blocks:
            async for block in blocks:
                yield block


async def _prefetched(sources: Iterable[_Source[_Row]], at_once: int) -> Blocks[_Row]:
    waiting = iter(sources)
    ahead: deque[_Prefetch[_Row]] = deque()
    try:
        while True:
            if any(source.is_dropped for source in ahead):
                at_once = 1
            ahead.extend(map(_Prefetch, islice(waiting, max(at_once - len(ahead), 0))))
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


class _Prefetch(Generic[_Row]):
    """A source that is read by a task of its own, a few blocks ahead of the consumer."""

    def __init__(self, source: _Source[_Row]) -> None:
        self._source = source
        self._held: deque[list[_Row]] = deque()
        self._has_news = anyio.Event()
        self._has_room = anyio.Event()
        self._is_due = False
        self.is_dropped = False
        self._reading = Background(self._read, at_end=self._tell)

    def blocks(self) -> Blocks[_Row]:
        """Return the blocks, now that its turn has come."""
        if self.is_dropped:
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
            while self._held:
                self._has_room.set()
                yield self._held.popleft()
            if self._reading.has_ended:
                break
            self._has_news = anyio.Event()
            await self._has_news.wait()
        self._reading.raise_failure()

    async def _read(self) -> None:
        async with aclosing(self._source()) as blocks:
            async for block in blocks:
                self._held.append(block)
                self._tell()
                if not await self._wait_for_room():
                    return

    def _tell(self) -> None:
        self._has_news.set()

    async def _wait_for_room(self) -> bool:
        """Wait until there is room for a block; False when the source was dropped instead."""
        while len(self._held) >= _BLOCKS_AHEAD:
            self._has_room = anyio.Event()
            with anyio.move_on_after(None if self._is_due else _LONGEST_AHEAD_SECONDS):
                await self._has_room.wait()
            if len(self._held) >= _BLOCKS_AHEAD and not self._is_due:
                self._held.clear()
                self.is_dropped = True
                return False
        return True
