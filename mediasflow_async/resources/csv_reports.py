"""CSV reports: streamed as rows or as they are, and saved to disk."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import AsyncGenerator, Hashable, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Final

from attrs import field, frozen

from mediasflow_async.converter.csv_rows import CsvDecoder, begins, looks_like_csv
from mediasflow_async.converter.rows import row_reader
from mediasflow_async.errors import ResponseInvalid, Sent
from mediasflow_async.masking import mask_text
from mediasflow_async.models import ReportRow
from mediasflow_async.operations import Operation
from mediasflow_async.resources.api import Api
from mediasflow_async.resources.periods import Period
from mediasflow_async.resources.seams import seamless, window_rows
from mediasflow_async.saving import SaveProgress, save_bytes, save_parts
from mediasflow_async.windows import Window

__all__ = ["CsvReport", "CsvSource"]

_IDENTITY_COLUMNS: Final = ("REF_LIST", "ID_LINE", "INT_MOBILE")
_EXCERPT: Final = 2048


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

    async def records(
        self, window: Window | None = None, *, columns: dict[str, str] | None = None
    ) -> AsyncGenerator[dict[str, str], None]:
        """Yield the records of a window, or of the report of a campaign.

        Args:
            window: the window.
            columns: takes up the columns of the header, each with an empty cell.
        """
        names: tuple[str, ...] = ()
        async with aclosing(self._lines(window)) as lines:
            async for cells in lines:
                if names:
                    yield _named(names, cells)
                    continue
                names = _distinct(cells)
                if columns is not None:
                    columns |= dict.fromkeys(names, "")

    async def _lines(self, window: Window | None) -> AsyncGenerator[list[str], None]:
        decoder = CsvDecoder(self._invalid)
        async with aclosing(self.pieces(window)) as pieces:
            async for piece in pieces:
                for cells in decoder.feed(piece):
                    yield cells
        for cells in decoder.finish():
            yield cells

    async def part(self, index: int) -> AsyncGenerator[dict[str, str], None]:
        """Yield the records of one window without those of the one before, then its columns."""
        columns: dict[str, str] = {}
        rows_of = partial(self.records, columns=columns)
        async with aclosing(window_rows(self.windows, index, rows_of, record_identity)) as records:
            async for record in records:
                yield record
        yield columns

    def digest(self) -> str:
        """Return what tells this report from another with the same windows."""
        asked = (self.operation.path, sorted(self.period.params.items()) if self.period else None)
        return hashlib.sha256(repr(asked).encode()).hexdigest()[:12]


class CsvReport:
    """A CSV report. `async for` gives `ReportRow`s; nothing is held in memory.

    Each use asks the server anew.
    """

    def __init__(self, source: CsvSource) -> None:
        self._source = source

    async def __aiter__(self) -> AsyncGenerator[ReportRow, None]:
        source = self._source
        zone = source.api.dialect.server_tz
        async with aclosing(self.dicts()) as records:
            async for record in records:
                yield row_reader(tuple(record), zone, source.campaign_id).read(record)

    async def dicts(self) -> AsyncGenerator[dict[str, str], None]:
        """Yield each record as it is, from column to text; a column given twice is numbered."""
        source = self._source
        records = (
            seamless(source.windows, source.records, record_identity)
            if source.period
            else source.records()
        )
        async with aclosing(records) as closing:
            async for record in closing:
                yield record

    async def save(
        self, path: str | PathLike[str], *, progress: SaveProgress | None = None
    ) -> Path:
        """Save the report as a CSV file that only its owner can read.

        The file appears whole or not at all. Where one request is enough, its bytes are the
        server's own. The windows of a longer period are kept in a hidden folder beside it until
        all are there, so that `save`, called again after an interruption, goes on where it
        stood; then they are joined, in UTF-8 with semicolons.

        Args:
            path: the file to write; an older one is replaced.
            progress: called after each window with the windows done and the windows in all.

        Returns:
            The path.
        """
        source, target = self._source, Path(path)
        windows = source.windows
        if len(windows) <= 1:
            async with aclosing(source.pieces(*windows)) as pieces:
                await save_bytes(target, pieces)
            if progress:
                progress(1, 1)
            return target
        folder = target.with_name(f".{target.name}.{source.digest()}.parts")
        parts = [(_part_name(window), partial(source.part, i)) for i, window in enumerate(windows)]
        return await save_parts(target, folder, parts, progress)


def _part_name(window: Window) -> str:
    return f"{window.since:%Y%m%dT%H%M}-{window.until:%Y%m%dT%H%M}.jsonl"


def record_identity(record: Mapping[str, str]) -> Hashable:
    """Return what tells a record from every other and never changes.

    The status and the delivery date do change, between two requests. A report without the
    columns that name a line is told by all it has. Campaigns of one list that lie on both sides
    of a seam are told apart by their order alone, the older first.
    """
    folded = {name.upper(): value for name, value in record.items()}
    identity = tuple(folded.get(name) for name in _IDENTITY_COLUMNS)
    return identity if any(identity) else tuple(record.items())


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


def _named(names: tuple[str, ...], cells: Sequence[str]) -> dict[str, str]:
    """Return a record as a mapping; cells beyond the header get names by their position."""
    beyond = tuple(f"column_{index + 1}" for index in range(len(names), len(cells)))
    padded = (*cells, *[""] * (len(names) - len(cells)))
    return dict(zip(names + beyond, padded, strict=True))
