"""Answers as they arrive: bytes of any charset, in pieces of any size, and arrays of JSON in them.

An answer may be larger than memory, so the decoder keeps only what has not ended yet, and refuses
what never does. It decodes part by part with a fast parser, and searches with care only where a
cut was guessed wrong.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import orjson

from mediasflow_async.converter.names import NUMBER_NAMES, folded
from mediasflow_async.converter.reading import Unreadable

__all__ = [
    "ELSEWHERE",
    "JsonArrayDecoder",
    "Utf8",
    "array_in",
    "charset_of",
    "decoded_slowly",
    "is_nothing",
]

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
# What orjson refuses and other readers of JSON take: numbers that are none or too large, and
# bytes beyond ASCII that may be no UTF-8.
_UNUSUAL: Final = re.compile(rb"NaN|Infinity|[0-9][eE]\+?[0-9]{3}|[\x80-\xff]")

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
    document = b"".join((b"[", elements, b"]"))
    try:
        decoded: list[Any] = orjson.loads(document)
    except orjson.JSONDecodeError:
        return _elements_decoded_slowly(document) if _UNUSUAL.search(document) else None
    return decoded


def _elements_decoded_slowly(document: bytes) -> list[Any] | None:
    """Return elements with NaN, infinite numbers or letters of Windows-1252."""
    try:
        text = document.decode()
    except UnicodeDecodeError:
        text = document.decode("cp1252", "replace")
    try:
        decoded: list[Any] = decoded_slowly(text)
    except (ValueError, RecursionError):
        return None
    return decoded


def decoded_slowly(text: str) -> Any:
    """Return JSON with numbers that are none or infinite; these become texts.

    No reader takes such a text for a number.

    Raises:
        ValueError, RecursionError: it is no JSON, or too deep.
    """
    return json.loads(text, parse_constant=str, parse_float=_finite)


def _finite(text: str) -> float | str:
    number = float(text)
    return number if number - number == 0 else text


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
    arrays: dict[int, dict[str, list[int]]] = {}
    envelopes: list[bool] = []  # for each bracket that is open, whether an array may be in it
    last = 0
    for at, depth in _marks(document):
        mark = document[at]
        if mark == _ARRAY and depth == _TOP:
            return at + 1
        names = _names(document[last:at])
        last = at
        if mark not in (_ARRAY, _OBJECT):
            del envelopes[depth:]
            continue
        if mark == _ARRAY and all(envelopes):
            arrays.setdefault(depth, {}).update({name: [at + 1] for name in names})
        is_root = depth == _TOP
        is_envelope = is_root or not _ENVELOPES.isdisjoint(map(folded, names))
        envelopes.append(mark == _OBJECT and is_envelope)
    outermost = arrays[min(arrays)] if arrays else {}
    chosen = None if any(map(_PHONE.fullmatch, outermost)) else array_in(outermost)
    return chosen[0] if chosen else None


# Members under which an answer is likely to wrap its array, by their letters and digits, the
# likeliest first.
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
# Members under which it is likely to wrap the object that has it.
_MOST_ENVELOPES: Final = 8
_ENVELOPES: Final = frozenset({*_WRAPPERS, "result", "response", "payload", "body", "embedded"})


def array_in(data: object, depth: int = _MOST_ENVELOPES) -> Sequence[Any] | None:
    """Return the array that decoded JSON is, or that an object wraps under a likely name.

    A single array under any other name counts as well, and so does one in an envelope, as in
    ``{"data": {"rows": []}}``. An object that has a member for each phone number is the array of
    these, with the number in `item`. None when there is no such array.
    """
    if isinstance(data, list):
        return data
    if not isinstance(data, Mapping):
        return None
    if data and all(map(_PHONE.fullmatch, data)):
        return _rows_by_number(data)
    arrays = {key: value for key, value in data.items() if isinstance(value, list)}
    if len(arrays) == 1:
        return next(iter(arrays.values()))
    if arrays:
        # An exact name wins.
        wrapped = {folded(name): array for name, array in arrays.items()} | arrays
        return next((wrapped[name] for name in _WRAPPERS if name in wrapped), None)
    inner = [data[name] for name in _envelopes(data) if isinstance(data[name], Mapping)]
    return array_in(inner[0], depth - 1) if len(inner) == 1 and depth else None


_PHONE: Final = re.compile(r"\+?[0-9]{8,15}")


def _envelopes(data: Mapping[str, Any]) -> list[str]:
    return [name for name in data if folded(name) in _ENVELOPES]


def _rows_by_number(data: Mapping[str, Any]) -> list[Any] | None:
    """Return the rows of an object by phone number, or None where a row has another number."""
    rows: list[Any] = []
    for number, value in data.items():
        for part in value if isinstance(value, list) else [value]:
            row = part if isinstance(part, Mapping) else {"status": part}
            own = [name for name in row if folded(name) in NUMBER_NAMES]
            if any(_digits(row[name]) not in {"", _digits(number)} for name in own):
                return None
            rows.append({"item": number, **{name: row[name] for name in row if name not in own}})
    return rows


def _digits(number: object) -> str:
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    return "" if number is None else str(number).removeprefix("+")


def is_nothing(data: object, depth: int = _MOST_ENVELOPES) -> bool:
    """Whether decoded JSON says that there are no elements, in another way than by no array.

    No body, null and ``{}`` do, and a wrapper that holds one of them beside members that say
    nothing or that all went well, as in ``{"status": "OK", "reports": null}``.
    """
    if data is None or data == {}:
        return True
    if not isinstance(data, Mapping) or not (held := _envelopes(data)) or not depth:
        return False
    others = (value for name, value in data.items() if name not in held)
    is_held = all(is_nothing(data[name], depth - 1) for name in held)
    return is_held and all(map(_says_nothing, others))


_ALL_IS_WELL: Final = frozenset({"", "0", "200", "true", "ok", "success", "done"})


def _says_nothing(value: object) -> bool:
    if isinstance(value, str | int):
        return str(value).strip().lower() in _ALL_IS_WELL
    return value is None or value in ([], {})


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


# Those that a page of text may have: Python has codecs that are none, or know no replacements.
_OF_TEXTS: Final = re.compile(r"utf-16|cp[0-9]|iso8859|mac|koi8")
_CHARSET: Final = re.compile(r"charset\s*=\s*[\"']?([\w.:+-]+)", re.IGNORECASE)
_MARKS: Final = {
    codecs.BOM_UTF8: "",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_ENOUGH: Final = 4
# Which of the first bytes are not zero, in text that begins with letters of ASCII.
_UTF16: Final[dict[tuple[bool, ...], str]] = {
    (True, False, True, False): "utf-16-le",
    (False, True, False, True): "utf-16-be",
}


def charset_of(media_type: str) -> str:
    """Return Python's name of the charset that a `Content-Type` announces, or an empty text.

    Empty too where it is UTF-8 or unknown. What says ISO-8859-1 is read as Windows-1252, as
    browsers do: it has the same letters, and those that French texts need besides.
    """
    announced = _CHARSET.search(media_type)
    try:
        name = codecs.lookup(announced[1]).name if announced else ""
    except LookupError:
        return ""
    return {"iso8859-1": "cp1252"}.get(name, name if _OF_TEXTS.match(name) else "")


class Utf8:
    """Makes UTF-8 of bytes in any charset; what is UTF-8, or may be, is passed on as it is.

    A byte order mark decides, or else the charset that was announced. Without either, text that
    begins with a zero byte beside a letter is UTF-16.

    Args:
        charset: what `charset_of` says.
    """

    def __init__(self, charset: str = "") -> None:
        self._charset = charset
        self._start = b""
        self._decoder: codecs.IncrementalDecoder | None = None
        self._is_decided = False

    def feed(self, data: bytes) -> bytes:
        """Return these bytes in UTF-8; the first few may be kept until there are more."""
        if not self._is_decided:
            data = self._start + data
            if len(data) < _ENOUGH:
                self._start = data
                return b""
            data = self._decided(data)
        return data if self._decoder is None else self._decoder.decode(data).encode()

    def finish(self) -> bytes:
        """Return what is left when the bytes have ended."""
        data = b"" if self._is_decided else self._decided(self._start)
        return data if self._decoder is None else self._decoder.decode(data, final=True).encode()

    def _decided(self, start: bytes) -> bytes:
        self._is_decided = True
        charset, mark = self._charset, b""
        for known, name in _MARKS.items():
            if start.startswith(known):
                charset, mark = name, known if name else b""
                break
        else:
            charset = charset or _utf16_of(start)
            if charset == "utf-16":
                # Without a mark it begins with the larger half of each letter (RFC 2781).
                charset = _utf16_of(start) or "utf-16-be"
        if charset:
            self._decoder = codecs.getincrementaldecoder(charset)(errors="replace")
        return start.removeprefix(mark)


def _utf16_of(start: bytes) -> str:
    return _UTF16.get(tuple(byte != 0 for byte in start[:_ENOUGH]), "")
