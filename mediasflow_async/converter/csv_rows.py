"""A CSV report decoded as it arrives: encoding, delimiter and quoted line breaks (Guide: 4)."""

from __future__ import annotations

import codecs
import csv
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Final

__all__ = ["CsvDecoder", "begins", "detect_delimiter", "looks_like_csv"]

_DELIMITERS: Final = ";,\t|"
_LANDMARK: Final = "STATUS_CODE"
_BLOCK_BYTES: Final = 2**16
_LONG: Final = 1024
_LONGEST_RECORD: Final = 1_000_000
_TOO_LONG: Final = "a line or a cell never ends"
_LINE_END: Final = "\r\n"
_BLANK: Final = codecs.BOM_UTF8 + b" \t\r\n\v\f"


class CsvDecoder:
    """Turns the bytes of a report into records, whatever the pieces that they come in.

    UTF-8 with or without a byte order mark; from the first line that cannot be UTF-8 on,
    Windows-1252, which is what files from France are otherwise written in.

    Args:
        invalid: makes the error for what is no CSV report, from the reason and the text.
        delimiter: what stands between cells; by default, what the header shows.
    """

    def __init__(self, invalid: Callable[[str, str], Exception], *, delimiter: str = "") -> None:
        self._invalid = invalid
        self._lines_of = _LineDecoder().lines
        self._delimiter = delimiter
        self._open_lines: list[str] = []  # of a record whose quotes are still open
        self._open_length = 0
        self._enough_length = 0
        self._rest = bytearray()  # of a line that has not ended

    def feed(self, data: bytes) -> Iterator[list[str]]:
        """Yield the records that are complete with these bytes."""
        for start in range(0, len(data), _BLOCK_BYTES):
            piece = data[start : start + _BLOCK_BYTES]
            self._rest += piece
            # What was there before has no line end.
            if end := piece.rfind(b"\n") + 1:
                end += len(self._rest) - len(piece)
                block = bytes(self._rest[:end])
                del self._rest[:end]
                yield from self._records(block, is_last=False)
            if len(self._rest) + self._open_length > _LONGEST_RECORD:
                raise self._invalid(_TOO_LONG, "".join(self._open_lines))

    def finish(self) -> Iterator[list[str]]:
        """Yield what is left when the report has ended."""
        yield from self._records(bytes(self._rest), is_last=True)

    def _records(self, block: bytes, *, is_last: bool) -> Iterator[list[str]]:
        lines = self._with_open(self._lines_of(block), is_last=is_last)
        delimiter = self._delimiter = self._delimiter or _delimiter_of(lines)
        if not (lines and delimiter):
            return
        left = iter(lines)
        quoted = _QuotedRecords(left, delimiter, is_last=is_last)
        # Any line may have a cell that is too long where there is room for it.
        unusual = '"' if len(block) <= csv.field_size_limit() else ""
        record: list[str] | str
        for line in left:
            if unusual not in line:
                # Here `split` finds the same cells as the csv module, in less time.
                record = line.rstrip(_LINE_END).split(delimiter)
            elif isinstance(record := quoted.read(line), str):
                raise self._invalid(record, line)
            if any(record):
                yield record
        self._keep_open(quoted.open_lines)

    def _with_open(self, lines: list[str], *, is_last: bool) -> list[str]:
        """Return the lines of the open record and these, or none where more are waited for."""
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
        # The csv module reads a record from its start again: a long one when it is twice as long.
        is_long = self._open_length > _LONG
        self._enough_length = 2 * self._open_length if is_long else 0


class _QuotedRecords:
    """Reads the records with quotes among lines, which the csv module understands best.

    Args:
        left: the lines that are left; those that belong to a record are taken from it.
        delimiter: what stands between cells.
        is_last: whether no further lines will come.
    """

    def __init__(self, left: Iterator[str], delimiter: str, *, is_last: bool) -> None:
        self.open_lines: list[str] = []
        self._left = left
        self._is_last = is_last
        self._lines = left
        self._reader = csv.reader(iter(self._next_line, None), delimiter=delimiter)

    def read(self, line: str) -> list[str] | str:
        """Return the record that begins with a line, or what is wrong with it.

        Where the lines end before the record does, it has no cells, and `open_lines` keeps it.
        """
        self._lines = itertools.chain([line], self._left)
        try:
            record = next(self._reader)
        except csv.Error as error:
            return str(error)
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
    """A record goes on beyond the lines that are there."""


class _LineDecoder:
    """UTF-8 until a line cannot be, Windows-1252 from there on."""

    def __init__(self) -> None:
        self._mark = codecs.BOM_UTF8
        self._is_utf8 = True

    def lines(self, block: bytes) -> list[str]:
        """Return the lines of a block, with their ends."""
        # Bytes know the three line ends of CSV alone, where text would end lines at U+2028, too.
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


def looks_like_csv(beginning: bytes) -> bool:
    """Whether the first bytes of an answer can be those of a CSV report: no HTML, no JSON."""
    return beginning.lstrip(_BLANK)[:1] not in {b"<", b"{", b"["}


def begins(piece: bytes) -> bool:
    """Whether a piece holds more than blanks and a byte order mark."""
    return bool(piece.lstrip(_BLANK))


def _delimiter_of(lines: Sequence[str]) -> str:
    """Return the delimiter of the header, which is the first line that is not blank, or none."""
    headers = filter(str.strip, lines)
    return next(map(detect_delimiter, headers), "")


def detect_delimiter(header: str) -> str:
    """Return the delimiter that sets the status column apart, or else the most frequent one."""
    for delimiter in _DELIMITERS:
        cells = header.upper().replace('"', "").split(delimiter)
        if _LANDMARK in (cell.strip() for cell in cells):
            return delimiter
    return max(_DELIMITERS, key=header.count)
