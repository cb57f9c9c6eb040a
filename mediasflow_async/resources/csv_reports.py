"""CSV reports: gone through as rows or as dicts, or saved as a file, whole or not at all.

`CsvReport` is what users hold. `CsvSource` asks the server for the bytes, decodes them into
blocks of records, and gives those of a period in order.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import (
    AsyncGenerator,
    Callable,
    Hashable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import aclosing
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn, TypeVar

from anyio.lowlevel import checkpoint
from attrs import field, frozen

from mediasflow_async._core.calls import Operation
from mediasflow_async._core.streaming import ResponseStream
from mediasflow_async.converter.csv_records import CsvDecoder, ReportTable, begins, looks_like_csv
from mediasflow_async.converter.names import folded
from mediasflow_async.converter.rows import named, renamed, row_reader
from mediasflow_async.dates import Window
from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import (
    ApiError,
    ConfigurationError,
    MediasflowError,
    Problem,
    ResponseInvalid,
    ServerError,
)
from mediasflow_async.models import ReportRow
from mediasflow_async.models.values import is_file_name
from mediasflow_async.resources.api import Api, is_about, name_window
from mediasflow_async.resources.csv_files import (
    Part,
    SaveProgress,
    save_bytes,
    save_for_spreadsheets,
    save_parts,
)
from mediasflow_async.resources.pages import refuse_further_pages, until_ready
from mediasflow_async.resources.periods import Blocks, Period, WindowedRows
from mediasflow_async.validation import refuse

__all__ = [
    "CsvReport",
    "CsvSource",
    "tells_of_no_rows",
    "without_status",
]

_Block = TypeVar("_Block")
_Record = tuple[tuple[str, ...], list[str]]  # the columns of a record, and its cells

_IDENTITY_COLUMNS: Final = ("reflist", "idline", "intmobile")
_STATUS: Final = "statuscode"
_STATUS_COLUMN: Final = "STATUS_CODE"
_MAY_BE_EMPTY: Final = (404, 410)
_ACCEPTED: Final = 202
_RECORDS_AT_ONCE: Final = 256
_NOT_UNDERSTOOD: Final = "the answer cannot be understood"


class CsvReport:
    """A CSV report; `async for` gives it as `ReportRow`s. Guide: 2.4, 2.7.

    Each use asks the server anew. Rows are decoded as they arrive: however many there are, few
    are in memory. A report that breaks off raises `ConnectionFailed` or `RequestTimeout` where
    it does, and what is no CSV raises `ResponseInvalid`.
    """

    def __init__(self, source: CsvSource) -> None:
        self._source = source

    async def __aiter__(self) -> AsyncGenerator[ReportRow, None]:
        source = self._source
        zone = source.api.dialect.server_tz
        async with aclosing(source.blocks()) as blocks:
            async for block in blocks:
                read = row_reader(block.columns, zone, source.campaign_id).of_cells
                for cells in block.records:
                    yield read(cells)

    if not TYPE_CHECKING:

        def __await__(self) -> NoReturn:
            raise ConfigurationError(
                "a CSV report is not awaited: `async for row in report`, or "
                "`await report.save(path)` for a file"
            )

    async def dicts(self) -> AsyncGenerator[dict[str, str], None]:
        """Yield each record as a dict from column to text.

        Of columns with the same name, the second one is called NAME_2, and so on.
        """
        async with aclosing(self._source.blocks()) as blocks:
            async for block in blocks:
                for cells in block.records:
                    yield named(block.columns, cells)

    async def save(
        self,
        path: str | PathLike[str],
        *,
        progress: SaveProgress | None = None,
        for_spreadsheets: bool = False,
    ) -> Path:
        """Save the report as a CSV file that only its owner can read.

        The file appears whole or not at all. Where one request is enough, its bytes are the
        server's own. The windows of a longer period are kept in a hidden folder beside it until
        all are there, so that `save`, called again after an interruption, goes on where it
        stood; then they are joined, in UTF-8 with semicolons. As many of them as the report's
        `windows_at_once` are asked for at the same time.

        Args:
            path: the file to write; an older one is replaced.
            progress: called after each window with the number of windows done and in all.
            for_spreadsheets: write what Excel and LibreOffice open as it stands: UTF-8 with a
                byte order mark, semicolons, and an apostrophe before each cell that would be
                another there. Those begin with ``=``, ``+``, ``-``, ``@``, a tab or a return,
                which makes a formula of what somebody replied, or are numbers of 9 digits and
                more, or with a zero in front. Programs that read CSV want the default.

        Returns:
            The path.

        Raises:
            ConnectionFailed, RequestTimeout, ResponseInvalid: as while it is iterated over.
            InvalidRequest: no file can have this name; nothing was asked for.
            OSError: the file cannot be written, or a saved part was damaged.
        """
        source, target = self._source, Path(path)
        if not is_file_name(target):
            refuse([Problem("path", "is no name that a file can have")])
        windows = source.windows
        if len(windows) <= 1:
            if for_spreadsheets:
                await save_for_spreadsheets(target, source.records(*windows))
            else:
                async with aclosing(source.pieces(*windows)) as pieces:
                    await save_bytes(target, pieces)
            if progress:
                progress(1, 1)
            return target
        folder = target.with_name(f".{target.name}.{source.digest()}.parts")
        parts = [
            Part(_part_name(window), partial(source.part, index))
            for index, window in enumerate(windows)
        ]
        return await save_parts(
            target,
            folder,
            parts,
            progress,
            source.windows_at_once,
            for_spreadsheets=for_spreadsheets,
        )


def _part_name(window: Window) -> str:
    return f"{window.since:%Y%m%dT%H%M}-{window.until:%Y%m%dT%H%M}.csv"


@frozen(kw_only=True)
class CsvSource:
    """A CSV report as the server gives it: bytes, and the records in them.

    Attributes:
        api: the session.
        operation: the function of the report.
        params: the query parameters of the report of one campaign.
        campaign_id: that campaign.
        period: for the report of a period, what it asks for.
    """

    api: Api = field(repr=False)
    operation: Operation
    params: Mapping[str, str] = field(factory=dict, repr=False)
    campaign_id: int | None = None
    period: Period | None = None

    @property
    def windows(self) -> Sequence[Window]:
        """The windows that the report is asked in; none for a campaign."""
        return self.period.windows if self.period else ()

    @property
    def windows_at_once(self) -> int:
        """How many windows may be asked for at the same time."""
        return self.period.windows_at_once if self.period else 1

    def blocks(self) -> AsyncGenerator[_CsvBlock, None]:
        """Return the records of the whole report; the event loop goes on between the blocks."""
        return self._seamless() if self.period else self._blocks()

    async def part(self, index: int) -> Blocks[list[str]]:
        """Yield the columns of one window, then its records without those of the window before."""
        columns: list[str] = []
        is_first = True
        async with aclosing(self._windowed(columns).window_blocks(index)) as blocks:
            async for block in blocks:
                records = [cells for _, cells in block]
                yield [columns, *records] if is_first else records
                is_first = False
        if is_first:
            yield [columns]

    async def records(self, window: Window | None = None) -> Blocks[list[str]]:
        """Yield the columns of a window, or of the report of a campaign, then its records."""
        async with aclosing(self._blocks(window)) as blocks:
            async for block in blocks:
                yield list(block.records) or [list(block.columns)]

    async def pieces(self, window: Window | None = None) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of a window, or of the report of a campaign, as the server gives them.

        Raises:
            ResponseInvalid: what comes has no header of a CSV report.
        """
        async with aclosing(self._ready(window, lambda: self._checked(window))) as pieces:
            async for piece in pieces:
                yield piece

    async def _ready(
        self, window: Window | None, blocks_of: Callable[[], AsyncGenerator[_Block, None]]
    ) -> AsyncGenerator[_Block, None]:
        """Yield what an answer has once it is ready."""
        try:
            async with aclosing(until_ready(self.api, self.operation, blocks_of)) as blocks:
                async for block in blocks:
                    yield block
        except MediasflowError as error:
            if window:
                name_window(error, self.operation, window)
            raise

    async def _checked(self, window: Window | None) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of an answer from when its header is known."""
        async with aclosing(self._answer(window)) as answer:
            async for body, pieces in answer:
                decoder, held, is_known = self._decoder(body), list[bytes](), False
                async for piece in pieces:
                    is_known = is_known or next(decoder.feed(piece), None) is not None
                    held.append(piece)
                    if is_known:
                        for each in held:
                            yield each
                        held.clear()
                if not is_known and next(decoder.finish(), None) is None:
                    _check_ready(body)
                for each in held:
                    yield each

    def digest(self) -> str:
        """Return what tells this report from another with the same windows."""
        asked = (self.operation.path, sorted(self.period.params.items()) if self.period else None)
        return hashlib.sha256(repr(asked).encode()).hexdigest()[:12]

    async def _seamless(self) -> AsyncGenerator[_CsvBlock, None]:
        async with aclosing(self._windowed([]).blocks(self.windows_at_once)) as blocks:
            async for block in blocks:
                yield _CsvBlock(block[0][0], [cells for _, cells in block])

    def _windowed(self, columns: list[str]) -> WindowedRows[_Record]:
        zone = self.api.dialect.server_tz
        return WindowedRows(self.windows, partial(self._pairs, columns), _identity, zone)

    async def _pairs(self, columns: list[str], window: Window) -> Blocks[_Record]:
        """Yield the records of a window with their columns, and put these into `columns`.

        A window without a record has columns all the same.
        """
        async with aclosing(self._blocks(window)) as blocks:
            async for block in blocks:
                columns[:] = block.columns
                yield [(block.columns, cells) for cells in block.records]

    async def _blocks(self, window: Window | None = None) -> AsyncGenerator[_CsvBlock, None]:
        """Yield the columns of a window or a campaign without a record, then the records."""
        async with aclosing(self._ready(window, lambda: self._asked(window))) as blocks:
            async for block in blocks:
                yield block

    async def _asked(self, window: Window | None) -> AsyncGenerator[_CsvBlock, None]:
        async with aclosing(self._answer(window)) as answer:
            async for body, pieces in answer:
                decoder = self._decoder(body)
                table: ReportTable | None = None
                async with aclosing(_decoded(decoder, pieces)) as parts:
                    async for records in parts:
                        if table is None:
                            if not (header := next(records, None)):
                                continue
                            table = ReportTable(self._columns(header), decoder, header)
                            if column := table.ambiguity():
                                raise _ambiguous(body, decoder.line, column)
                            yield _CsvBlock(table.columns, [])
                        rows = table.rows(records)
                        for first in rows:
                            others = itertools.islice(rows, _RECORDS_AT_ONCE - 1)
                            yield _CsvBlock(table.columns, itertools.chain([first], others))
                            await checkpoint()
                if table is None:
                    _check_ready(body)
                elif problem := table.problem():
                    raise without_status(body.invalid(problem, ""))
                refuse_further_pages(body)

    async def _answer(self, window: Window | None) -> AsyncGenerator[_Opened, None]:
        """Yield the answer and its pieces, or nothing where a status says that there is none."""
        period = self.period
        params = period.params_of(window) if period and window else self.params
        try:
            async with (
                self.api.stream(
                    self.operation, campaign_id=self.campaign_id, params=params
                ) as body,
                aclosing(_pieces(body)) as pieces,
            ):
                yield body, pieces
        except ApiError as error:
            if not tells_of_no_rows(error, self.operation, self.api.dialect):
                raise

    def _decoder(self, body: ResponseStream) -> CsvDecoder:
        aliases = self.api.dialect.report_columns
        names = {_STATUS, *(folded(alias) for alias, name in aliases if folded(name) == _STATUS)}
        return CsvDecoder(partial(_invalid, body), charset=body.charset, header=names)

    def _columns(self, header: Sequence[str]) -> tuple[str, ...]:
        return renamed(_distinct(header), self.api.dialect.report_columns)


_Opened = tuple[ResponseStream, AsyncGenerator[bytes, None]]


def _invalid(
    body: ResponseStream, reason: str, *, instead_of_header: str | None = None
) -> ResponseInvalid | ServerError:
    """Return the error for an answer that is no report, or is none yet.

    It holds no line of a report, which may have what people wrote.
    """
    if instead_of_header is None:
        return body.invalid(f"{_NOT_UNDERSTOOD}: {reason}", "")
    if body.status == _ACCEPTED:
        return body.not_ready()
    content = instead_of_header.encode(errors="replace")
    return without_status(body.invalid(f"{_NOT_UNDERSTOOD}: {reason}", "", content=content))


def _ambiguous(body: ResponseStream, line: int, column: str) -> ResponseInvalid:
    reason = f"line {line}: two columns are called {column}"
    error = body.invalid(f"{_NOT_UNDERSTOOD}: {reason}", "")
    return without_status(error) if column == _STATUS_COLUMN else error


def _no_report(body: ResponseStream, beginning: bytes) -> ResponseInvalid | ServerError:
    """Return the error for an answer that is a page or JSON instead of a report."""
    if body.status == _ACCEPTED:
        return body.not_ready()
    content = body.notice_in(beginning)
    return body.invalid(f"{_NOT_UNDERSTOOD}: expected a CSV report", "", content=content)


async def _decoded(
    decoder: CsvDecoder, pieces: AsyncGenerator[bytes, None]
) -> AsyncGenerator[Iterator[list[str]], None]:
    async for piece in pieces:
        yield decoder.feed(piece)
    yield decoder.finish()


async def _pieces(body: ResponseStream) -> AsyncGenerator[bytes, None]:
    async with aclosing(body.aiter_bytes()) as pieces:
        is_begun = False
        async for piece in pieces:
            if not is_begun and not looks_like_csv(piece):
                raise _no_report(body, piece)
            is_begun = is_begun or begins(piece)
            yield piece


def _check_ready(body: ResponseStream) -> None:
    """Raise for an answer without rows whose status says that it is still being made."""
    if body.status == _ACCEPTED:
        raise body.not_ready()


def tells_of_no_rows(error: ApiError, operation: Operation, dialect: Dialect) -> bool:
    """Whether an error stands for a report without rows; else the option is named that it may need.

    What the login is answered says nothing of the report.
    """
    if not is_about(error, operation):
        return False
    if error.status in dialect.empty_report_statuses:
        return True
    if error.status in _MAY_BE_EMPTY:
        error.next_step = (
            f"{error.next_step} Where it only means that the report has no rows: "
            f"Dialect(empty_report_statuses=({error.status},))."
        )
    return False


def without_status(error: ResponseInvalid) -> ResponseInvalid:
    """Return an error about a report without a status, with the option that may cure it."""
    error.next_step = (
        "Where the status has another name on this server, say so: "
        "Dialect(report_columns={'ETAT': 'STATUS_CODE'})."
    )
    return error


@frozen
class _CsvBlock:
    """Successive records of a CSV report, under the same columns.

    Attributes:
        columns: the names of the columns, no two of them the same.
        records: the cells of each record, which may be fewer or more than the columns. They
            can be iterated over once, and are decoded meanwhile.
    """

    columns: tuple[str, ...]
    records: Iterable[list[str]]


def _identity(record: _Record) -> Hashable:
    """Return what tells a record from every other and never changes.

    The status and the delivery date do change, between two requests. Where the report lacks the
    columns that name a line, all cells are compared. Campaigns of one list that lie on both
    sides of a seam are told apart by their order alone, the older first.
    """
    cells = named(*record)
    by_name = {folded(name): value for name, value in cells.items()}
    identity = tuple(by_name.get(name) for name in _IDENTITY_COLUMNS)
    return identity if any(identity) else tuple(cells.items())


def _distinct(header: Sequence[str]) -> tuple[str, ...]:
    """Return the columns with unique names: the second NAME becomes NAME_2."""
    names: dict[str, None] = {}
    for name in header:
        tries = (f"{name}_{number}" for number in itertools.count(2))
        free = next(
            candidate for candidate in itertools.chain([name], tries) if candidate not in names
        )
        names[free] = None
    return tuple(names)
