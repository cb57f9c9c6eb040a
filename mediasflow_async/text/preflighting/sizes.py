"""Sizes of many messages: a fast path for the ordinary one, and the longest of all."""

from __future__ import annotations

import re
from heapq import heappush, heapreplace
from typing import Final, NamedTuple

from attrs import field, frozen

from mediasflow_async.text.encoding import GSM7_SINGLE, Encoding, measure
from mediasflow_async.text.gsm7 import BASIC, ESCAPE

__all__ = ["LongMessage", "Longest", "Size", "size_of"]

_LONGEST_KEPT: Final = 5
_NOT_ONE_SEPTET: Final = re.compile(f"[^{re.escape(BASIC.replace(ESCAPE, ''))}]")


class Size(NamedTuple):
    """What `measure` says of a text, in an order that sorts."""

    segments: int
    units: int
    encoding: Encoding
    remaining: int


def size_of(text: str) -> Size:
    """Return the size of a text as `measure` gives it, sooner where that is simple."""
    units = len(text)
    if units <= GSM7_SINGLE and not _NOT_ONE_SEPTET.search(text):
        return Size(1, units, Encoding.GSM7, GSM7_SINGLE - units)
    size = measure(text)
    return Size(size.segments, size.units, size.encoding, size.remaining)


@frozen
class LongMessage:
    """One of the longest messages.

    Attributes:
        row: its row, counted from 1; None when it was put together from the longest cells.
        encoding: how it travels.
        units: septets in GSM-7, UTF-16 units in UCS-2.
        segments: SMS that it takes.
        text: the message itself. It is personal data, and in no repr.
    """

    row: int | None
    encoding: Encoding
    units: int
    segments: int
    text: str = field(repr=False)


class Longest:
    """Keeps the five longest messages."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, int, Encoding, str]] = []

    def add(self, row: int, size: Size, text: str) -> None:
        """Consider one more message; of equals, the first stays."""
        if len(self._heap) < _LONGEST_KEPT:
            heappush(self._heap, (size.segments, size.units, -row, size.encoding, text))
        elif size[:2] > self._heap[0][:2]:
            heapreplace(self._heap, (size.segments, size.units, -row, size.encoding, text))

    def messages(self) -> tuple[LongMessage, ...]:
        """Return them, the longest first."""
        return tuple(
            LongMessage(-row, encoding, units, segments, text)
            for segments, units, row, encoding, text in sorted(self._heap, reverse=True)
        )
