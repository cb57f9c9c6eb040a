"""Answers as they arrive: bytes in pieces of any size, cut into CSV records or JSON elements.

An answer may be larger than memory, so a decoder keeps only what has not ended yet, and refuses
what never does. Both decode block by block with a fast parser, and read with care only what that
parser cannot be sure of: records with quotes in CSV, and in JSON a cut that was guessed wrong.
"""

from __future__ import annotations

import codecs
import csv
import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import orjson

from mediasflow_async.converter.reading import Unreadable

__all__ = [
    "ELSEWHERE",
    "CsvDecoder",
    "JsonArrayDecoder",
    "array_in",
    "begins",
    "detect_delimiter",
    "looks_like_csv",
]

_DELIMITERS: Final = ";,\t|"
_STATUS_COLUMN: Final = "STATUS_CODE"
_BLOCK_BYTES: Final = 2**16
_LONG: Final = 1024
_LONGEST_RECORD: Final = 1_000_000
_TOO_LONG: Final = "a line or a cell never ends"
_LINE_END: Final = "\r\n"
_BLANK: Final = codecs.BOM_UTF8 + b" \t\r\n\v\f"


class CsvDecoder:
    """Turns the bytes of a CSV report into records, whatever the pieces that they come in.

    The text is UTF-8, with or without a byte order mark. From the first line that is not valid
    UTF-8 it is Windows-1252, the other encoding that French files are written in.

    Args:
        invalid: makes the error for a report that is not CSV, from the reason and the text.
        delimiter: the character between cells; by default, the one that the header shows.
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
            # The bytes that were left before have no line end.
            if end := piece.rfind(b"\n") + 1:
                end += len(self._rest) - len(piece)
                block = bytes(self._rest[:end])
                del self._rest[:end]
                yield from self._records(block, is_last=False)
            if len(self._rest) + self._open_length > _LONGEST_RECORD:
                raise self._invalid(_TOO_LONG, "".join(self._open_lines))

    def finish(self) -> Iterator[list[str]]:
        """Yield the records that are left when the report has ended."""
        yield from self._records(bytes(self._rest), is_last=True)

    def _records(self, block: bytes, *, is_last: bool) -> Iterator[list[str]]:
        lines = self._with_open(self._lines_of(block), is_last=is_last)
        delimiter = self._delimiter = self._delimiter or _delimiter_of(lines)
        if not (lines and delimiter):
            return
        left = iter(lines)
        quoted = _QuotedRecords(left, delimiter, is_last=is_last)
        # A block that is longer than a cell may be is left to the csv module, which measures cells.
        unusual = '"' if len(block) <= csv.field_size_limit() else ""
        record: list[str] | str
        for line in left:
            if unusual not in line:
                # Without quotes, `split` finds the same cells as the csv module in less time.
                record = line.rstrip(_LINE_END).split(delimiter)
            elif isinstance(record := quoted.read(line), str):
                raise self._invalid(record, line)
            if any(record):
                yield record
        self._keep_open(quoted.open_lines)

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
        self._reader = csv.reader(iter(self._next_line, None), delimiter=delimiter)

    def read(self, line: str) -> list[str] | str:
        """Return the record that begins with a line, or the reason why it cannot be read.

        A record that goes on beyond the lines has no cells yet, and is kept in `open_lines`.
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
    """Return the delimiter of the first line that is not blank, the header; "" without one."""
    headers = filter(str.strip, lines)
    return next(map(detect_delimiter, headers), "")


def detect_delimiter(header: str) -> str:
    """Return the delimiter beside the column STATUS_CODE, or else the most frequent one."""
    for delimiter in _DELIMITERS:
        cells = header.upper().replace('"', "").split(delimiter)
        if _STATUS_COLUMN in (cell.strip() for cell in cells):
            return delimiter
    return max(_DELIMITERS, key=header.count)


def looks_like_csv(beginning: bytes) -> bool:
    """Whether an answer that begins like this can be a CSV report: it is neither HTML nor JSON."""
    return beginning.lstrip(_BLANK)[:1] not in {b"<", b"{", b"["}


def begins(piece: bytes) -> bool:
    """Whether a piece holds anything but blanks and a byte order mark."""
    return bool(piece.lstrip(_BLANK))


ELSEWHERE: Final = ["the elements have been decoded apart"]
"""In `JsonArrayDecoder.frame`, the placeholder of the array whose elements were given."""

# As many wrong guesses take about as long as the search that follows them.
_GUESSES: Final = 4
_OPENING: Final = re.compile(rb'\s*(\{\s*"[^"\\]*"|[\[{])')
# Groups are atomic where a possessive repeat would do: Python 3.11.2 misreads `(...)*+`.
_STRING: Final = rb'"[^"\\]*+(?>(?:\\.[^"\\]*+)*)"'
_TO_BRACKET: Final = re.compile(rb'(?>(?:[^"\[\]{}]++|%b)*)[\[\]{}]' % _STRING, re.DOTALL)
_TO_MARK: Final = re.compile(rb'(?>(?:[^"\[\]{},]++|%b)*)[\[\]{},]' % _STRING, re.DOTALL)
_NAME: Final = re.compile(rb"(%b)\s*:\s*\Z" % _STRING, re.DOTALL)
_COMMA, _ARRAY, _OBJECT = b",[{"
_JSON_BLANK: Final = codecs.BOM_UTF8 + b" \t\r\n"
_TOP: Final = 1
_NO_JSON: Final = "it is no JSON"

_Bytes = bytes | bytearray


class JsonArrayDecoder:
    """Turns the bytes of a JSON document into the elements of its array.

    The array is the document, or is wrapped in an object as in `array_in`. It begins within the
    first part of a document; a document that is smaller than a part is not decoded here, and is
    whole in `frame`.

    Args:
        part_bytes: how much is decoded at a time.
        longest_bytes: about how long an element may be, or the document around the array.
    """

    def __init__(self, part_bytes: int = 2**14, longest_bytes: int = 2**20) -> None:
        self._part_bytes = part_bytes
        self._longest_bytes = longest_bytes
        self._start = bytearray()
        self._elements: _Elements | None = None
        self._enough_bytes = part_bytes

    @property
    def has_begun(self) -> bool:
        """Whether the array was found, so that `feed` yields its elements."""
        return self._elements is not None

    @property
    def frame(self) -> bytes:
        """The document, with `ELSEWHERE` in place of the array once that has begun."""
        rest = self._elements.frame if self._elements else b""
        return bytes(self._start).removeprefix(codecs.BOM_UTF8) + rest

    def feed(self, piece: bytes) -> Iterator[list[Any] | Unreadable]:
        """Yield the elements that are complete with these bytes, a block for each part.

        An `Unreadable` is the last that it yields.
        """
        for at in range(0, len(piece), self._part_bytes):
            part = piece[at : at + self._part_bytes]
            block = self._elements.feed(part) if self._elements else self._begin(part)
            if block:
                yield block
            if isinstance(block, Unreadable):
                return

    def finish(self) -> list[Any] | Unreadable:
        """Return the elements that are left when the document has ended."""
        return self._elements.finish() if self._elements else []

    def _begin(self, part: bytes) -> list[Any] | Unreadable:
        self._start += part
        if len(self._start) < self._enough_bytes:
            return []
        first = _first_element(bytes(self._start[: self._part_bytes]))
        if first is not None:
            self._elements = _Elements(self._longest_bytes)
            rest = self._start[first:]
            del self._start[first:]
            return self._elements.feed(rest)
        if len(self._start) >= self._longest_bytes:
            return Unreadable("$", "it does not begin with a list")
        self._enough_bytes = self._longest_bytes
        return []


class _Elements:
    """Decodes the elements of an array, from the byte after its opening bracket.

    It guesses first: a comma before the bytes that the first element begins with is likely to
    stand between two elements, and a wrong guess shows, since the part before it is not valid
    JSON. After a few wrong guesses it searches, counting brackets.
    """

    def __init__(self, longest_bytes: int) -> None:
        self._longest_bytes = longest_bytes
        self._data = bytearray()
        self._enough_bytes = 0
        self._count = 0
        self._is_over = False

    @property
    def frame(self) -> bytes:
        return orjson.dumps(ELSEWHERE)[1:-1] + self._data

    def feed(self, part: _Bytes) -> list[Any] | Unreadable:
        self._data += part
        if len(self._data) < self._enough_bytes:
            return []
        if self._is_over:
            return Unreadable("$", "too much stands behind the list")
        return self._guessed() or self._found()

    def finish(self) -> list[Any] | Unreadable:
        if self._is_over:
            return []
        _, end = _search(self._data)
        return self._unreadable("the answer ends here") if end is None else self._last(end)

    def _guessed(self) -> list[Any]:
        """Return the elements before one of the last commas that may stand between two."""
        found = _OPENING.match(self._data)
        opening = found[1] if found else b""
        comma = len(self._data)
        for _ in range(_GUESSES):
            comma = self._data.rfind(b",", 0, self._data.rfind(opening, 0, comma))
            if comma < 0:
                break
            if elements := _decoded(self._data[:comma]):
                return self._taken(elements, comma + 1)
        return []

    def _found(self) -> list[Any] | Unreadable:
        """Return the elements before the last comma between two, found by counting brackets."""
        comma, end = _search(self._data)
        if end is not None:
            return self._last(end)
        if comma is not None:
            elements = _decoded(self._data[:comma])
            return self._taken(elements, comma + 1) if elements else self._unreadable(_NO_JSON)
        if len(self._data) >= self._longest_bytes:
            return self._unreadable("it is too long")
        # After a search in vain the next one waits for twice as many bytes, to stay linear.
        self._enough_bytes = min(2 * len(self._data), self._longest_bytes)
        return []

    def _last(self, end: int) -> list[Any] | Unreadable:
        elements = _decoded(self._data[:end])
        if elements is None or (self._count and not elements):
            return self._unreadable(_NO_JSON)
        self._is_over = True
        self._taken(elements, end)
        self._enough_bytes = self._longest_bytes
        return elements

    def _taken(self, elements: list[Any], until: int) -> list[Any]:
        del self._data[:until]
        self._count += len(elements)
        self._enough_bytes = 0
        return elements

    def _unreadable(self, reason: str) -> Unreadable:
        # The fault is somewhere after the last element that was given.
        return Unreadable(f"$[{self._count}:]", reason)


def _decoded(elements: _Bytes) -> list[Any] | None:
    try:
        decoded: list[Any] = orjson.loads(b"".join((b"[", elements, b"]")))
    except orjson.JSONDecodeError:
        return None
    return decoded


def _search(elements: _Bytes) -> tuple[int | None, int | None]:
    """Return the position of the last comma between elements, and that of the closing bracket."""
    comma = None
    for at, depth in _marks(elements):
        if depth < 0:
            return comma, at
        if depth == 0 and elements[at] == _COMMA:
            comma = at
    return comma, None


def _first_element(document: bytes) -> int | None:
    """Return the position of the first element of the array that a document is or wraps."""
    if document.lstrip(_JSON_BLANK)[:1] not in {b"[", b"{"}:
        return None
    wrapped: dict[str, list[int]] = {}
    last = 0
    for at, depth in _marks(document):
        if document[at] == _ARRAY and depth == _TOP:
            return at + 1
        if document[at] == _ARRAY and depth == _TOP + 1:
            wrapped |= {name: [at + 1] for name in _names(document[last:at])}
        last = at
    chosen = array_in(wrapped)
    return chosen[0] if chosen else None


# Members under which an answer is likely to wrap its array, the likeliest first.
_WRAPPERS: Final = (
    "rows",
    "items",
    "entries",
    "blacklist",
    "data",
    "report",
    "reports",
    "results",
    "content",
)


def array_in(data: object) -> Sequence[Any] | None:
    """Return the array that decoded JSON is, or that an object wraps under a likely name.

    A single array under any other name counts as well. None when there is no such array.
    """
    if isinstance(data, list):
        return data
    if not isinstance(data, Mapping):
        return None
    arrays = {key: value for key, value in data.items() if isinstance(value, list)}
    for name in _WRAPPERS:
        if name in arrays:
            return arrays[name]
    return next(iter(arrays.values())) if len(arrays) == 1 else None


def _names(before: bytes) -> list[str]:
    """Return the name of a member whose value follows, if bytes end in one."""
    found = _NAME.search(before)
    return (_decoded(found[1]) or []) if found else []


def _marks(text: _Bytes) -> Iterator[tuple[int, int]]:
    """Yield the position of each bracket, and of each comma outside of all, and the depth there."""
    at = depth = 0
    while found := (_TO_BRACKET if depth else _TO_MARK).match(text, at):
        at = found.end()
        mark = text[at - 1]
        if mark != _COMMA:
            depth += 1 if mark in (_ARRAY, _OBJECT) else -1
        yield at - 1, depth
