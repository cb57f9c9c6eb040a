"""How long a text is as an SMS: its encoding, its units and its segments.

`measure` counts and `split` cuts, both without sending anything. A text that GSM-7 can carry
(3GPP TS 23.038) takes 7 bits a character; one character outside of GSM-7 makes the whole message
UCS-2. A message that does not fit in one SMS is cut into segments, each with a header (TS 23.040)
that leaves 153 instead of 160 septets, or 67 instead of 70 UTF-16 units. Guide: 2.1, `msg`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final
from unicodedata import normalize

from attrs import field, frozen

from mediasflow_async.text.gsm7 import ESCAPE, Culprit, escaped, find_culprits, is_gsm7

__all__ = [
    "GSM7_PART",
    "GSM7_SINGLE",
    "MAX_SEGMENTS",
    "UCS2_PART",
    "UCS2_SINGLE",
    "Encoding",
    "TextSize",
    "measure",
    "split",
]

GSM7_SINGLE: Final = 160
"""Septets of a GSM-7 message of one segment. Guide: 2.1."""

GSM7_PART: Final = 153
"""Septets in each segment of a longer GSM-7 message; each segment is billed. Guide: 2.1."""

UCS2_SINGLE: Final = 70
"""UTF-16 units of a UCS-2 message of one segment. Guide: 2.1."""

UCS2_PART: Final = 67
"""UTF-16 units in each segment of a longer UCS-2 message; each segment is billed. Guide: 2.1."""

MAX_SEGMENTS: Final = 6
"""The most segments that an account can be allowed: 918 septets, 402 units. Guide: 2.1."""


def measure(text: str) -> TextSize:
    """Return the size of `text`, after NFC: an `e` and a combining accent count as the one `é`.

    Text that is appended never makes the segments fewer, unless it begins with a combining accent,
    which NFC joins to the letter before it. Guide: 2.1, `msg`.
    """
    text = normalize("NFC", text)
    encoding = _encoding_of(text)
    units = _to_units(text, encoding)
    capacity = _CAPACITIES[encoding]
    segments = _cut(units, capacity)
    last = len(segments[-1]) // _BYTES_PER_UNIT
    most = capacity.single if len(segments) == 1 else capacity.part
    count = len(units) // _BYTES_PER_UNIT
    return TextSize(encoding, count, len(segments), most - last, text)


def split(text: str) -> tuple[str, ...]:
    """Return the segments of `text`, as many as `measure` counts.

    Joined, they are the text after NFC. No segment ends inside a character. Guide: 2.1, `msg`.
    """
    text = normalize("NFC", text)
    encoding = _encoding_of(text)
    segments = _cut(_to_units(text, encoding), _CAPACITIES[encoding])
    return tuple(_to_text(segment, encoding) for segment in segments)


@frozen
class TextSize:
    """The size of a text as an SMS. Guide: 2.1, `msg`.

    Attributes:
        encoding: GSM-7 when it carries every character, UCS-2 otherwise.
        units: septets in GSM-7, UTF-16 units in UCS-2, over the whole message.
        segments: segments that the message takes, 1 or more; an empty text takes one.
        remaining: units that still fit in the last segment.
    """

    encoding: Encoding
    units: int
    segments: int
    remaining: int
    _text: str = field(repr=False, eq=False)

    @property
    def culprits(self) -> tuple[Culprit, ...]:
        """The characters that force UCS-2, in order; none in GSM-7. Found anew at each access."""
        return find_culprits(self._text)

    def fits(self, max_segments: int = 1) -> bool:
        """Tell whether an account that allows `max_segments` in a message, 1 to 6, sends this text.

        A new account allows one segment. A message that takes more is not sent at all: status 7.
        Guide: 2.1.
        """
        return self.segments <= min(max_segments, MAX_SEGMENTS)


class Encoding(StrEnum):
    """How the characters of a message are encoded. Guide: 2.1."""

    GSM7 = "GSM-7"
    """One septet (7 bits) a character; two for `€ ^ { } [ ] ~ | \\` and the form feed."""
    UCS2 = "UCS-2"
    """UTF-16: the whole message is in UCS-2 as soon as one character is not in GSM-7."""


def _encoding_of(text: str) -> Encoding:
    return Encoding.GSM7 if is_gsm7(text) else Encoding.UCS2


@frozen
class _Capacity:
    """What fits in a segment, in units: septets in GSM-7, UTF-16 units in UCS-2.

    Attributes:
        single: units of a message of one segment.
        part: units in each segment of a longer message.
        first_halves: units that begin a character of two units, which no segment may split.
    """

    single: int
    part: int
    first_halves: range


_CAPACITIES: Final = {
    Encoding.GSM7: _Capacity(GSM7_SINGLE, GSM7_PART, range(ord(ESCAPE), ord(ESCAPE) + 1)),
    Encoding.UCS2: _Capacity(UCS2_SINGLE, UCS2_PART, range(0xD800, 0xDC00)),
}

# GSM-7 is handled as UTF-16 too, one unit for a septet, so that one function cuts both. A lone
# surrogate is not valid text, but its size is counted like that of any other character.
_UTF16: Final = ("utf-16-le", "surrogatepass")

_BYTES_PER_UNIT: Final = 2


def _to_units(text: str, encoding: Encoding) -> bytes:
    return (escaped(text) if encoding is Encoding.GSM7 else text).encode(*_UTF16)


def _cut(units: bytes, capacity: _Capacity) -> list[bytes]:
    if len(units) <= capacity.single * _BYTES_PER_UNIT:
        return [units]
    segments: list[bytes] = []
    start = 0
    while start < len(units):
        end = start + capacity.part * _BYTES_PER_UNIT
        last_unit = int.from_bytes(units[end - _BYTES_PER_UNIT : end], "little")
        if last_unit in capacity.first_halves:
            end -= _BYTES_PER_UNIT
        segments.append(units[start:end])
        start = end
    return segments


def _to_text(units: bytes, encoding: Encoding) -> str:
    text = units.decode(*_UTF16)
    return text.replace(ESCAPE, "") if encoding is Encoding.GSM7 else text
