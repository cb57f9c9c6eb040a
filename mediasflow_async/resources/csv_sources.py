"""Where the records of a CSV report come from: its windows, their bytes and their columns."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import AsyncGenerator, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import Final

from anyio.lowlevel import checkpoint
from attrs import field, frozen

from mediasflow_async.converter.csv_rows import CsvDecoder, begins, looks_like_csv
from mediasflow_async.converter.rows import named
from mediasflow_async.errors import ResponseInvalid, Sent
from mediasflow_async.masking import mask_text
from mediasflow_async.operations import Operation
from mediasflow_async.resources.api import Api
from mediasflow_async.resources.periods import Period
from mediasflow_async.resources.prefetching import Blocks
from mediasflow_async.resources.seams import seamless_blocks, window_blocks
from mediasflow_async.windows import Window

__all__ = ["CsvBlock", "CsvSource"]

_Record = tuple[tuple[str, ...], list[str]]
"""The columns of a record, and its cells."""

_IDENTITY_COLUMNS: Final = ("REF_LIST", "ID_LINE", "INT_MOBILE")
_RECORDS_AT_ONCE: Final = 256
_EXCERPT: Final = 2048


@frozen
class CsvBlock:
    """Some records of a CSV report, one after the other.

    Attributes:
        columns: the names of the columns, no two of them the same.
        records: the cells of each record; there may be fewer or more of them than columns. They
            are made while they are iterated over, once.
    """

    columns: tuple[str, ...]
    records: Iterable[list[str]]


@frozen(kw_only=True)
class CsvSource:
    """Where the CSV of a report comes from.

    Attributes:
        api: the session.
        operation: the function of the report.
        params: the query parameters of the report of one campaign.
        campaign_id: that campaign.
        period: what the report of a period asks for, instead.
    """

    api: Api = field(repr=False)
    operation: Operation
    params: Mapping[str, str] = field(factory=dict, repr=False)
    campaign_id: int | None = None
    period: Period | None = None

    @property
    def windows(self) -> Sequence[Window]:
        """The parts that the report is asked in; none for a campaign."""
        return self.period.windows if self.period else ()

    @property
    def windows_at_once(self) -> int:
        """How many of the parts may be asked for at the same time."""
        return self.period.windows_at_once if self.period else 1

    async def pieces(self, window: Window | None = None) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of a window, or of the report of a campaign."""
        period = self.period
        params = period.params_of(window) if period and window else self.params
        async with (
            self.api.stream(self.operation, campaign_id=self.campaign_id, params=params) as body,
            aclosing(body.aiter_bytes()) as pieces,
        ):
            is_begun = False
            async for piece in pieces:
                if not is_begun and not looks_like_csv(piece):
                    raise self._invalid("expected a CSV report", piece.decode(errors="replace"))
                is_begun = is_begun or begins(piece)
                yield piece

    def _invalid(self, reason: str, text: str) -> ResponseInvalid:
        error = ResponseInvalid(
            f"the answer cannot be understood: {reason}",
            method=self.operation.method,
            path=self.operation.path,
            campaign_id=self.campaign_id,
            sent=Sent.ANSWERED,
        )
        error.body = mask_text(text[:_EXCERPT])
        return error

    def blocks(self) -> AsyncGenerator[CsvBlock, None]:
        """Return the records of the whole report; the event loop goes on between the blocks."""
        return self._seamless(self.period) if self.period else self._blocks()

    async def part(self, index: int) -> Blocks[list[str]]:
        """Yield the columns of one window, then its records without those of the one before."""
        columns: list[str] = []
        pairs = window_blocks(self.windows, index, partial(self._pairs, columns), _identity)
        is_first = True
        async with aclosing(pairs) as blocks:
            async for block in blocks:
                records = [cells for _, cells in block]
                yield [columns, *records] if is_first else records
                is_first = False
        if is_first:
            yield [columns]

    def digest(self) -> str:
        """Return what tells this report from another with the same windows."""
        asked = (self.operation.path, sorted(self.period.params.items()) if self.period else None)
        return hashlib.sha256(repr(asked).encode()).hexdigest()[:12]

    async def _seamless(self, period: Period) -> AsyncGenerator[CsvBlock, None]:
        pairs_of = partial(self._pairs, [])
        pairs = seamless_blocks(period.windows, pairs_of, _identity, self.windows_at_once)
        async with aclosing(pairs) as blocks:
            async for block in blocks:
                yield CsvBlock(block[0][0], [cells for _, cells in block])

    async def _pairs(self, columns: list[str], window: Window) -> Blocks[_Record]:
        """Yield the records of a window with their columns, which `columns` takes up, too."""
        async with aclosing(self._blocks(window)) as blocks:
            async for block in blocks:
                columns[:] = block.columns
                yield [(block.columns, cells) for cells in block.records]

    async def _blocks(self, window: Window | None = None) -> AsyncGenerator[CsvBlock, None]:
        """Yield the columns of a window or a campaign without a record, then the records."""
        columns: tuple[str, ...] = ()
        async with aclosing(self._records(window)) as parts:
            async for records in parts:
                if not columns and (header := next(records, None)):
                    columns = _distinct(header)
                    yield CsvBlock(columns, [])
                for first in records:
                    others = itertools.islice(records, _RECORDS_AT_ONCE - 1)
                    yield CsvBlock(columns, itertools.chain([first], others))
                    await checkpoint()

    async def _records(self, window: Window | None) -> AsyncGenerator[Iterator[list[str]], None]:
        decoder = CsvDecoder(self._invalid)
        async with aclosing(self.pieces(window)) as pieces:
            async for piece in pieces:
                yield decoder.feed(piece)
        yield decoder.finish()


def _identity(record: _Record) -> Hashable:
    """Return what tells a record from every other and never changes.

    The status and the delivery date do change, between two requests. A report without the
    columns that name a line is told by all it has. Campaigns of one list that lie on both sides
    of a seam are told apart by their order alone, the older first.
    """
    cells = named(*record)
    folded = {name.upper(): value for name, value in cells.items()}
    identity = tuple(folded.get(name) for name in _IDENTITY_COLUMNS)
    return identity if any(identity) else tuple(cells.items())


def _distinct(header: Sequence[str]) -> tuple[str, ...]:
    """Return the columns with names that differ: the second NAME becomes NAME_2."""
    names: dict[str, None] = {}
    for name in header:
        tries = (f"{name}_{number}" for number in itertools.count(2))
        free = next(
            candidate for candidate in itertools.chain([name], tries) if candidate not in names
        )
        names[free] = None
    return tuple(names)
