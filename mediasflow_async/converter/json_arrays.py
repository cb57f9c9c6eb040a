"""The array that a JSON document is or wraps, decoded a few elements at a time as it arrives.

The array is cut at a comma, and what stands before that is decoded as an array of its own. A
comma that does not separate two elements cannot be taken for one that does: it stands within a
string, or within brackets that are still open, and the end that is put there closes neither.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Any, Final

import orjson

from mediasflow_async.converter.reading import Unreadable
from mediasflow_async.converter.rows import array_in

__all__ = ["ELSEWHERE", "JsonArrayDecoder"]

ELSEWHERE: Final = ["the elements have been decoded apart"]
"""Stands in `JsonArrayDecoder.frame` for the array whose elements were given."""

# So many wrong guesses take about as long as the search that follows them.
_GUESSES: Final = 4
_OPENING: Final = re.compile(rb'\s*(\{\s*"[^"\\]*"|[\[{])')

# Groups are atomic where a possessive repeat would do: Python 3.11.2 misreads `(...)*+`.
_STRING: Final = rb'"[^"\\]*+(?>(?:\\.[^"\\]*+)*)"'
_TO_BRACKET: Final = re.compile(rb'(?>(?:[^"\[\]{}]++|%b)*)[\[\]{}]' % _STRING, re.DOTALL)
_TO_MARK: Final = re.compile(rb'(?>(?:[^"\[\]{},]++|%b)*)[\[\]{},]' % _STRING, re.DOTALL)
_NAME: Final = re.compile(rb"(%b)\s*:\s*\Z" % _STRING, re.DOTALL)
_COMMA, _ARRAY, _OBJECT = b",[{"
_BLANK: Final = codecs.BOM_UTF8 + b" \t\r\n"
_TOP: Final = 1
_NO_JSON: Final = "it is no JSON"

_Bytes = bytes | bytearray


class JsonArrayDecoder:
    """Turns the bytes of a document into elements, whatever the pieces that they come in.

    A document that is smaller than a part is left as it is: see `frame`. The array of a larger
    one begins within its first part.

    Args:
        part_bytes: how much is decoded at a time.
        longest_bytes: about how long an element may be, and what stands around the array.
    """

    def __init__(self, part_bytes: int = 2**14, longest_bytes: int = 2**20) -> None:
        self._part_bytes = part_bytes
        self._longest_bytes = longest_bytes
        self._start = bytearray()
        self._elements: _Elements | None = None
        self._enough_bytes = part_bytes

    @property
    def has_begun(self) -> bool:
        """Whether the array was found, and its elements are given."""
        return self._elements is not None

    @property
    def frame(self) -> bytes:
        """The document, with `ELSEWHERE` in place of the array whose elements were given."""
        rest = self._elements.frame if self._elements else b""
        return bytes(self._start).removeprefix(codecs.BOM_UTF8) + rest

    def feed(self, piece: bytes) -> Iterator[list[Any] | Unreadable]:
        """Yield the elements that are complete with these bytes, a block for each part.

        What cannot be read is the last that it yields.
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
    """The elements of an array, from behind its opening bracket on."""

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
        """Return the elements before one of the last commas at which the next one may begin."""
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
        """Return the elements before the last comma between two, found by reading it all."""
        comma, end = _search(self._data)
        if end is not None:
            return self._last(end)
        if comma is not None:
            elements = _decoded(self._data[:comma])
            return self._taken(elements, comma + 1) if elements else self._unreadable(_NO_JSON)
        if len(self._data) >= self._longest_bytes:
            return self._unreadable("it is too long")
        # What was in vain is tried again when there is twice as much.
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
        # It is somewhere in what has not been given.
        return Unreadable(f"$[{self._count}:]", reason)


def _decoded(elements: _Bytes) -> list[Any] | None:
    try:
        decoded: list[Any] = orjson.loads(b"".join((b"[", elements, b"]")))
    except orjson.JSONDecodeError:
        return None
    return decoded


def _search(elements: _Bytes) -> tuple[int | None, int | None]:
    """Return where the last comma between two elements stands, and where their array ends."""
    comma = None
    for at, depth in _marks(elements):
        if depth < 0:
            return comma, at
        if depth == 0 and elements[at] == _COMMA:
            comma = at
    return comma, None


def _first_element(document: bytes) -> int | None:
    """Return where the first element stands of the array that a document is or wraps."""
    if document.lstrip(_BLANK)[:1] not in {b"[", b"{"}:
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


def _names(before: bytes) -> list[str]:
    """Return the name that stands before a value, if that is what stands there."""
    found = _NAME.search(before)
    return (_decoded(found[1]) or []) if found else []


def _marks(text: _Bytes) -> Iterator[tuple[int, int]]:
    """Yield where each bracket stands, and each comma outside of all; and the depth behind it."""
    at = depth = 0
    while found := (_TO_BRACKET if depth else _TO_MARK).match(text, at):
        at = found.end()
        mark = text[at - 1]
        if mark != _COMMA:
            depth += 1 if mark in (_ARRAY, _OBJECT) else -1
        yield at - 1, depth
