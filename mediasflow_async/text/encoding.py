"""How long a text is as an SMS: its encoding, its units and its segments.

3GPP TS 23.038 gives the alphabets and TS 23.040 the header that makes the parts of a long message
shorter: 153 instead of 160 septets, 67 instead of 70 UTF-16 units. Guide: 2.1, `msg`.
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
"""Septets of a GSM-7 message that travels alone. Guide: 2.1."""

GSM7_PART: Final = 153
"""Septets of each segment of a longer GSM-7 message; each is billed. Guide: 2.1."""

UCS2_SINGLE: Final = 70
"""UTF-16 units of a UCS-2 message that travels alone. Guide: 2.1."""

UCS2_PART: Final = 67
"""UTF-16 units of each segment of a longer UCS-2 message; each is billed. Guide: 2.1."""

MAX_SEGMENTS: Final = 6
"""The most segments that an account can be allowed: 918 septets, 402 units. Guide: 2.1."""


def measure(text: str) -> TextSize:
    """Return the size of `text`, after NFC: an `e` and its accent count as the one `é`.

    More text never takes fewer segments, unless it begins with an accent that joins the letter
    before it.
    """
    text = normalize("NFC", text)
    encoding = _encoding_of(text)
    units = _to_units(text, encoding)
    room = _ROOMS[encoding]
    parts = _pack(units, room)
    last = len(parts[-1]) // _BYTES_PER_UNIT
    capacity = room.single if len(parts) == 1 else room.part
    count = len(units) // _BYTES_PER_UNIT
    return TextSize(encoding, count, len(parts), capacity - last, text)


def split(text: str) -> tuple[str, ...]:
    """Return the segments of `text`, as many as `measure` counts.

    Joined, they are the text after NFC. None ends inside a character.
    """
    text = normalize("NFC", text)
    encoding = _encoding_of(text)
    parts = _pack(_to_units(text, encoding), _ROOMS[encoding])
    return tuple(_to_text(part, encoding) for part in parts)


@frozen
class TextSize:
    """The size of a text as an SMS.

    Attributes:
        encoding: GSM-7 when it carries every character, UCS-2 otherwise.
        units: septets in GSM-7, UTF-16 units in UCS-2, over the whole message.
        segments: SMS that the message takes, 1 and more (an empty text takes one).
        remaining: units that the last segment still has room for.
    """

    encoding: Encoding
    units: int
    segments: int
    remaining: int
    _text: str = field(repr=False, eq=False)

    @property
    def culprits(self) -> tuple[Culprit, ...]:
        """The characters that force UCS-2, in order; none in GSM-7. Looked up at each call."""
        return find_culprits(self._text)

    def fits(self, max_segments: int = 1) -> bool:
        """Tell whether an account that allows `max_segments`, from 1 to 6, sends this text.

        A new account allows one. A longer message is refused whole, status 7. Guide: 2.1.
        """
        return self.segments <= min(max_segments, MAX_SEGMENTS)


class Encoding(StrEnum):
    """How the characters of a message travel."""

    GSM7 = "GSM-7"
    """7 bits a character, two septets for `€ ^ { } [ ] ~ | \\` and the form feed."""
    UCS2 = "UCS-2"
    """UTF-16, for the whole message as soon as one character is not in GSM-7."""


def _encoding_of(text: str) -> Encoding:
    return Encoding.GSM7 if is_gsm7(text) else Encoding.UCS2


@frozen
class _Room:
    """What fits in a segment, in units of 16 bits (a septet takes one of them here).

    Attributes:
        single: units of a message that travels alone.
        part: units of a segment of a longer one.
        leads: units that announce a second one, from which no segment may part them.
    """

    single: int
    part: int
    leads: range


_ROOMS: Final = {
    Encoding.GSM7: _Room(GSM7_SINGLE, GSM7_PART, leads=range(ord(ESCAPE), ord(ESCAPE) + 1)),
    Encoding.UCS2: _Room(UCS2_SINGLE, UCS2_PART, leads=range(0xD800, 0xDC00)),
}

# Half a surrogate pair is no text, but it has a size like any other.
_UTF16: Final = ("utf-16-le", "surrogatepass")

_BYTES_PER_UNIT: Final = 2


def _to_units(text: str, encoding: Encoding) -> bytes:
    return (escaped(text) if encoding is Encoding.GSM7 else text).encode(*_UTF16)


def _pack(units: bytes, room: _Room) -> list[bytes]:
    if len(units) <= room.single * _BYTES_PER_UNIT:
        return [units]
    parts: list[bytes] = []
    start = 0
    while start < len(units):
        end = start + room.part * _BYTES_PER_UNIT
        if int.from_bytes(units[end - _BYTES_PER_UNIT : end], "little") in room.leads:
            end -= _BYTES_PER_UNIT
        parts.append(units[start:end])
        start = end
    return parts


def _to_text(units: bytes, encoding: Encoding) -> str:
    text = units.decode(*_UTF16)
    return text.replace(ESCAPE, "") if encoding is Encoding.GSM7 else text
