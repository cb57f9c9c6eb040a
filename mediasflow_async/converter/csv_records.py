"""CSV as it arrives: bytes in pieces of any size, cut into records, of which some are rows.

A report may be larger than memory, so the decoder keeps only what has not ended yet, and refuses
what never does. It splits lines, which is fastest, and leaves those with quotes to the csv module.
Quotes are strict: a quote that is never closed would make one cell of all the lines that follow.
"""

from __future__ import annotations

import codecs
import csv
import itertools
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from operator import length_hint
from typing import Final, Protocol

from mediasflow_async.converter.names import folded
from mediasflow_async.converter.streams import Utf8

__all__ = ["CsvDecoder", "ReportTable", "begins", "is_sum", "looks_like_csv"]

_DELIMITERS: Final = ";,\t|"
_STATUS_COLUMN: Final = "STATUS_CODE"
_BLOCK_BYTES: Final = 2**16
_LONG: Final = 1024
_LONGEST_RECORD: Final = 1_000_000
_TOO_LONG: Final = "a line or a cell never ends"
_LINE_END: Final = "\r\n"
_BLANK: Final = codecs.BOM_UTF8 + b" \t\r\n\v\f"
_LONGEST_PREFACE: Final = 20
_NO_HEADER: Final = f"there is no header with a column {_STATUS_COLUMN}"
_SEPARATOR: Final = re.compile(r'\s*"?sep=(.)"?[\s;,]*', re.IGNORECASE)
# What the csv module says of quotes, and what our errors say instead.
_QUOTES: Final = {
    "unexpected end of data": "a quote is never closed",
    "expected after": "there is text after a closing quote",
}


class CsvDecoder:
    """Turns the bytes of a CSV report into records, whatever the pieces that they come in.

    The text is UTF-8, with or without a byte order mark. From the first line that is not valid
    UTF-8 it is Windows-1252, the other encoding that French files are written in.

    A first line ``sep=;`` names the delimiter, and is no record.

    Args:
        invalid: makes the error for a report that is not CSV, from the reason, and from what
            came instead of a header: None where that is not what is missing, and empty where it
            may be rows.
        delimiter: the character between cells; by default, the one that the header shows.
        charset: the charset that was announced, as `charset_of` names it.
        header: names, folded, of which the header has one; what stands before it is left out,
            and what has no such header is refused. By default the first record is the header.
    """

    def __init__(
        self,
        invalid: _MakesError,
        *,
        delimiter: str = "",
        charset: str = "",
        header: Collection[str] = (),
    ) -> None:
        self._error = invalid
        self._utf8 = Utf8(charset)
        self._lines_of = _LineDecoder().lines
        self._delimiter = delimiter
        self._header = header
        self._lines_before = 0
        self._lines: list[str] = []
        self._left: Iterator[str] = iter(())
        self._open_lines: list[str] = []  # of a record whose quotes are still open
        self._open_length = 0
        self._enough_length = 0
        self._rest = bytearray()  # of a line that has not ended
        self.is_cut = False
        """Whether the report has ended, and its last line has no end."""

    @property
    def line(self) -> int:
        """The number of the last line of the record that was given last, from 1."""
        return self._lines_before + len(self._lines) - length_hint(self._left)

    def feed(self, data: bytes) -> Iterator[list[str]]:
        """Yield the records that are complete with these bytes."""
        data = self._utf8.feed(data)
        for start in range(0, len(data), _BLOCK_BYTES):
            piece = data[start : start + _BLOCK_BYTES]
            self._rest += piece
            # The bytes that were left before have no line end.
            if end := piece.rfind(b"\n") + 1:
                end += len(self._rest) - len(piece)
                block = bytes(self._rest[:end])
                del self._rest[:end]
                yield from self._records(block, is_last=False)
            if len(self._rest) + self._open_length > _LONGEST_RECORD:
                raise self.invalid(_TOO_LONG, self._lines_before + 1)

    def finish(self) -> Iterator[list[str]]:
        """Return the records that are left when the report has ended."""
        self._rest += self._utf8.finish()
        self.is_cut = not self._rest.endswith((b"\n", b"\r")) and bool(self._rest)
        return self._records(bytes(self._rest), is_last=True)

    def invalid(self, reason: str, line: int, *, instead_of_header: str | None = None) -> Exception:
        """Return the error for a line that cannot be read."""
        return self._error(f"line {line}: {reason}", instead_of_header=instead_of_header)

    def _records(self, block: bytes, *, is_last: bool) -> Iterator[list[str]]:
        lines = self._with_open(self._lines_of(block), is_last=is_last)
        if lines and not self._delimiter:
            lines = self._begun(lines, is_last=is_last)
        if not lines:
            return
        left = self._left = iter(lines)
        self._lines = lines
        delimiter = self._delimiter
        quoted = _QuotedRecords(left, delimiter, is_last=is_last)
        # A block that is longer than a cell may be is left to the csv module, which measures cells.
        unusual = '"' if len(block) <= csv.field_size_limit() else ""
        record: list[str] | str
        for line in left:
            if unusual not in line:
                # Without quotes, `split` finds the same cells as the csv module in less time.
                record = line.rstrip(_LINE_END).split(delimiter)
            elif isinstance(record := quoted.read(line), str):
                first = self.line - max(len(quoted.open_lines) - 1, 0)
                raise self.invalid(record, first)
            if any(record):
                yield record
        self._keep_open(quoted.open_lines)
        self._lines_before += len(lines) - len(quoted.open_lines)
        self._lines, self._left = [], iter(())

    def _begun(self, lines: list[str], *, is_last: bool) -> list[str]:
        """Find the delimiter, and return the lines from the header on; none until it has come."""
        first = next((at for at, line in enumerate(lines) if line.strip()), len(lines))
        told = _SEPARATOR.fullmatch(lines[first]) if first < len(lines) else None
        found: tuple[int, str] | None
        if self._header:
            found = _header_in(lines, told[1] if told else _DELIMITERS, self._header)
        else:
            first += told is not None
            delimiter = told[1] if told else _delimiter_of(lines)
            found = (first, delimiter) if first < len(lines) else None
        if found is None:
            if first < len(lines) and self._header and (is_last or len(lines) > _LONGEST_PREFACE):
                text = "".join(lines)
                instead = "" if any(delimiter in text for delimiter in _DELIMITERS) else text
                line = self._lines_before + first + 1
                raise self.invalid(_NO_HEADER, line, instead_of_header=instead)
            self._keep_open(lines)
            return []
        at, self._delimiter = found
        self._lines_before += at
        return lines[at:]

    def _with_open(self, lines: list[str], *, is_last: bool) -> list[str]:
        """Return the lines of the open record and these, or none until enough have come."""
        if not self._open_lines:
            return lines
        self._open_lines += lines
        self._open_length += sum(map(len, lines))
        if self._open_length < self._enough_length and not is_last:
            return []
        lines, self._open_lines = self._open_lines, []
        return lines

    def _keep_open(self, lines: list[str]) -> None:
        self._open_lines = lines
        self._open_length = sum(map(len, lines))
        # The csv module reads an open record from its start again. A long one is read again only
        # when it has doubled, so that the time stays linear in its length.
        is_long = self._open_length > _LONG
        self._enough_length = 2 * self._open_length if is_long else 0


class _MakesError(Protocol):
    def __call__(self, reason: str, *, instead_of_header: str | None) -> Exception: ...


class _QuotedRecords:
    """Reads records with quotes by the csv module; such a record may go on over several lines.

    Args:
        left: the lines that follow; those that belong to a record are taken from it.
        delimiter: the character between cells.
        is_last: whether no further lines will come.
    """

    def __init__(self, left: Iterator[str], delimiter: str, *, is_last: bool) -> None:
        self.open_lines: list[str] = []
        self._left = left
        self._is_last = is_last
        self._lines = left
        self._reader = csv.reader(iter(self._next_line, None), delimiter=delimiter, strict=True)

    def read(self, line: str) -> list[str] | str:
        """Return the record that begins with a line, or the reason why it cannot be read.

        A record that goes on beyond the lines has no cells yet, and is kept in `open_lines`.
        """
        self._lines = itertools.chain([line], self._left)
        try:
            record = next(self._reader)
        except csv.Error as error:
            said = str(error)
            return next((plain for part, plain in _QUOTES.items() if part in said), said)
        except _NotWhole:
            return []
        self.open_lines = []
        return record

    def _next_line(self) -> str | None:
        for line in self._lines:
            self.open_lines.append(line)
            return line
        if self._is_last:
            return None
        raise _NotWhole


class _NotWhole(Exception):
    """A record goes on beyond the lines that have come."""


class _LineDecoder:
    """Decodes lines as UTF-8 until one is not valid, and as Windows-1252 from there on."""

    def __init__(self) -> None:
        self._mark = codecs.BOM_UTF8
        self._is_utf8 = True

    def lines(self, block: bytes) -> list[str]:
        """Return the lines of a block, with their ends."""
        # `bytes.splitlines` knows only the line ends of CSV; that of text splits at U+2028 too.
        lines = block.removeprefix(self._mark).splitlines(keepends=True)
        self._mark = b""
        if not self._is_utf8:
            return _from_windows(lines)
        try:
            return _from_utf8(lines)
        except UnicodeDecodeError as error:
            bad = lines.index(error.object)
        self._is_utf8 = False
        return _from_utf8(lines[:bad]) + _from_windows(lines[bad:])


def _from_utf8(lines: Sequence[bytes]) -> list[str]:
    return [str(line, "utf-8") for line in lines]


def _from_windows(lines: Sequence[bytes]) -> list[str]:
    return [str(line, "cp1252", "replace") for line in lines]


def _delimiter_of(lines: Sequence[str]) -> str:
    """Return the delimiter of the first line that is not blank, the header; "" without one.

    It is the one beside the column STATUS_CODE, or else the most frequent one.
    """
    header = next(filter(str.strip, lines), "")
    found = _header_in([header], _DELIMITERS, {folded(_STATUS_COLUMN)})
    return found[1] if found else header and max(_DELIMITERS, key=header.count)


def _header_in(
    lines: Sequence[str], delimiters: Iterable[str], names: Collection[str]
) -> tuple[int, str] | None:
    """Return the index of the line where the header begins, and its delimiter."""
    for at, line in enumerate(lines):
        for delimiter in delimiters:
            if any(folded(cell) in names for cell in line.split(delimiter)):
                # Where the name of a column has a line break, the header began at its quote.
                opened = [index for index in range(at) if _is_open(lines[index])]
                return (opened[-1] if len(opened) % 2 else at), delimiter
    return None


def _is_open(line: str) -> bool:
    return line.count('"') % 2 == 1


def looks_like_csv(beginning: bytes) -> bool:
    """Whether an answer that begins like this can be a CSV report: it is neither HTML nor JSON."""
    return beginning.lstrip(_BLANK)[:1] not in {b"<", b"{", b"["}


def begins(piece: bytes) -> bool:
    """Whether a piece holds anything but blanks and a byte order mark."""
    return bool(piece.lstrip(_BLANK))


_TOTAL: Final = re.compile(r"(?:grand|sous|sub)?tota(?:l|ux)(?:general|messages?|sms|lignes?)?\d*")
_NUMBER: Final = re.compile(r"\+?[0-9 .()-]{6,24}")
_SHORTEST_NUMBER: Final = 6
_AFTER_DIGITS: Final = ":"
_CODE: Final = re.compile(r"-?[0-9]{1,19}(?:\.0+)?")
_SHORT_CODE: Final = re.compile(r"[0-9]{1,5}")


def is_sum(cells: Iterable[str]) -> bool:
    """Whether the first cell that is not empty says that a record sums up others."""
    return bool(_TOTAL.fullmatch(next(filter(None, map(folded, cells)), "")))


class ReportTable:
    """Tells the rows of a report from totals, repeated headers and what is no row.

    Args:
        columns: the names of the columns.
        decoder: gives the records; it knows their lines.
        header: the record that they are from, which may come again.
    """

    def __init__(
        self, columns: tuple[str, ...], decoder: CsvDecoder, header: Sequence[str]
    ) -> None:
        self.columns = columns
        self._decoder = decoder
        self._header = header
        self._folded = list(map(folded, header))
        self._status_at = self._index_of(_STATUS_COLUMN) or 0
        self._mobile_at = self._index_of("INT_MOBILE")
        self._line_at = self._index_of("ID_LINE")
        self._is_anonymous = self._mobile_at is None and self._line_at is None
        self._has_status = False
        self._count_without = 0

    def _index_of(self, name: str) -> int | None:
        """Return the place of a column: that of its exact name, or else of one that is alike."""
        alike = [at for at, column in enumerate(self.columns) if folded(column) == folded(name)]
        exact = [at for at in alike if self.columns[at] == name]
        return next(iter(exact or alike), None)

    def ambiguity(self) -> str:
        """Return the name that more than one column may have, or an empty text.

        A list may have a column of its own that is called like one of the report.
        """
        for name in (_STATUS_COLUMN, "INT_MOBILE"):
            exact = self._header.count(name)
            if exact > 1 or (not exact and sum(folded(name) == cell for cell in self._folded) > 1):
                return name
        return ""

    def rows(self, records: Iterable[list[str]]) -> Iterator[list[str]]:
        """Yield the records that are rows.

        Raises:
            Exception: that of the decoder, for a record that cannot be one.
        """
        at = self._status_at
        named_at = next(
            place for place in (self._mobile_at, self._line_at, at) if place is not None
        )
        most, all_of_them = max(at, named_at), len(self.columns)
        shortest = 1 if self._mobile_at is None else _SHORTEST_NUMBER
        for cells in self._whole(records) if self._decoder.is_cut else records:
            # Nearly all rows have a status and a number, which begins with a digit or a sign; a
            # few have fewer cells than columns.
            if (
                most < len(cells) <= all_of_them
                and cells[at].isdecimal()
                and len(named := cells[named_at]) >= shortest
                and named < _AFTER_DIGITS
            ):
                self._has_status = True
                yield cells
            elif self._is_row(cells):
                yield cells

    def problem(self) -> str:
        """Return what is wrong with the report as a whole, or an empty text."""
        if self._has_status or not self._count_without:
            return ""
        return f"it has {self._count_without} rows, and no status in any of them"

    def _whole(self, records: Iterable[list[str]]) -> Iterator[list[str]]:
        """Yield the last records of a report that ends within a line.

        Raises:
            Exception: that of the decoder, where that line is a part of a row.
        """
        for cells, following in itertools.pairwise(itertools.chain(records, [[]])):
            if not following and len(cells) < len(self.columns) and self._is_row(cells):
                raise self._decoder.invalid("the report ends here", self._decoder.line)
            yield cells

    def _is_row(self, cells: Sequence[str]) -> bool:
        if self._is_header(cells):
            return False
        is_named = self._has(cells, self._mobile_at, _NUMBER)
        if not is_named and self._is_total(cells):
            return False
        if len(cells) > len(self.columns) and not self._is_in_its_columns(cells):
            reason = "it has more cells than there are columns: which belong to which is not clear"
            raise self._decoder.invalid(reason, self._decoder.line)
        has_status = self._has(cells, self._status_at, _CODE)
        has_line = self._has(cells, self._line_at, _CODE)
        is_told = is_named or (has_line and self._mobile_at is None)
        is_whole = len(cells) >= len(self.columns)
        if is_told or sum((has_status, has_line or self._is_anonymous, is_whole)) > 1:
            self._has_status |= has_status
            self._count_without += not has_status
            return True
        reason = "it is no row of a report: it has neither a status nor a number"
        raise self._decoder.invalid(reason, self._decoder.line)

    def _is_in_its_columns(self, cells: Sequence[str]) -> bool:
        """Whether a row with more cells has its status, number and line where they belong.

        Where a server does not quote its cells, those behind a delimiter are displaced.
        """
        forms = {self._status_at: _SHORT_CODE, self._mobile_at: _NUMBER, self._line_at: _CODE}
        telling = {at: form for at, form in forms.items() if at is not None}
        if any(cells[len(self.columns) :]):
            return max(telling) < len(telling)
        return all(not cells[at] or self._has(cells, at, form) for at, form in telling.items())

    def _has(self, cells: Sequence[str], at: int | None, what: re.Pattern[str]) -> bool:
        return at is not None and at < len(cells) and bool(what.fullmatch(cells[at].strip()))

    def _is_header(self, cells: Sequence[str]) -> bool:
        return [folded(cell) for cell in cells] == self._folded

    def _is_total(self, cells: Sequence[str]) -> bool:
        if not is_sum(cells):
            return False
        # A list may be called "Total": its rows have all their cells, and a line.
        if len(cells) < len(self.columns) or not self._has(cells, self._line_at, _CODE):
            return True
        if self._mobile_at is not None and not cells[self._mobile_at].strip():
            reason = "it may be a sum, or a row without a number of a list that is called so"
            raise self._decoder.invalid(reason, self._decoder.line)
        return False
