"""Values of report rows, one by one: dates, clicks, states, numbers (Guide: 2.4 to 2.7).

Whatever can be meant by a value is read, and what cannot be read raises, so that the row keeps it
as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final

from mediasflow_async.converter.names import folded
from mediasflow_async.converter.reading import extended_keys, read_int
from mediasflow_async.dates import read_datetime
from mediasflow_async.models import Track

__all__ = [
    "RowValues",
    "int_or_none",
    "international",
    "label_in",
    "number_or_text",
    "own_fields",
    "row_values",
    "status_code",
]


_REMEMBERED: Final = 2048
_E164_LENGTHS: Final = range(8, 16)  # digits with the country code
_TRACK_KEYS: Final = ("index", "date", "counter")
_TRACK_OF: Final = itemgetter(*_TRACK_KEYS)


@lru_cache(maxsize=8)
def row_values(zone: tzinfo) -> RowValues:
    """Return the readers for a zone, which share what they remember between reports."""
    return RowValues(zone)


class RowValues:
    """Readers of dates and clicks; they remember results, since the same come again and again.

    Args:
        zone: zone of the dates that name none.
    """

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self.date_of_text = lru_cache(maxsize=_REMEMBERED)(self.date)
        self._known_tracks = lru_cache(maxsize=_REMEMBERED)(self._tracks)

    def date(self, value: object) -> datetime:
        """Return a date; for text, `date_of_text` is this with a memory."""
        moment = read_datetime(value, self._zone)
        if moment is None:
            raise ValueError("expected a date")
        return moment

    def track(self, index: int, clicked_at: object, count: object) -> Track:
        """Return the clicks on a link, from its two columns of a CSV report."""
        return Track(
            index,
            clicked_at=None if clicked_at is None or clicked_at == "" else self.date(clicked_at),
            count=0 if count is None or count == "" else read_int(count),
        )

    def tracks(self, value: object) -> tuple[Track, ...]:
        """Return the clicks of a JSON row."""
        if not isinstance(value, list):
            raise ValueError("expected an array")
        try:
            return self._known_tracks(tuple(map(_TRACK_OF, value)))
        except (KeyError, TypeError):
            # A key is missing, or a value cannot be hashed.
            tracks = (track for track in value if isinstance(track, dict))
            return self._tracks([tuple(map(track.get, _TRACK_KEYS)) for track in tracks])

    def _tracks(self, tracks: Sequence[tuple[Any, ...]]) -> tuple[Track, ...]:
        """Return clicks, from the index, the date and the counter of each link (Guide: 4)."""
        indexes = [int_or_none(index) for index, _, _ in tracks]
        # `index` counts from 0 in a request and from 1 in the columns of a CSV report.
        first = 1 if 0 in indexes else 0
        return tuple(
            Track(
                position if index is None else index + first,
                clicked_at=read_datetime(clicked_at, self._zone),
                count=int_or_none(count) or 0,
            )
            for position, (index, (_, clicked_at, count)) in enumerate(
                zip(indexes, tracks, strict=True), 1
            )
        )


def int_or_none(value: object) -> int | None:
    """Return an integer as `read_int` does, or None for what is none."""
    try:
        return read_int(value)
    except ValueError:
        return None


_CODES: Final = ("code", "statuscode", "id", "value", "status")
_LABELS: Final = ("label", "statustext", "text", "libelle", "name", "description")


def status_code(value: object) -> int:
    """Return a status, from a number or from an object with its code."""
    return read_int(_first_of(_CODES, value) if isinstance(value, dict) else value)


def label_in(status: object) -> str | None:
    """Return the words of a status that is an object."""
    label = _first_of(_LABELS, status) if isinstance(status, dict) else None
    return label if isinstance(label, str) else None


def _first_of(names: Sequence[str], value: Mapping[str, Any]) -> object:
    members = {folded(name): member for name, member in value.items()}
    return next((members[name] for name in names if members.get(name) is not None), None)


def international(value: object) -> str | None:
    """Return a mobile number in E.164, with the plus sign that a JSON report leaves out.

    None for a text without a number.
    """
    number = number_or_text(value)
    if not number.isdecimal():
        number = _digits_of(number.strip())
    is_whole = len(number) in _E164_LENGTHS and number.isascii() and number.isdecimal()
    return f"+{number}" if is_whole and number[0] != "0" else number or None


# What Java writes of a number that went through a double: 33612345678.0, 3.3612345678E10. The
# form of Excel, 3.36E+10, has lost digits.
_DOUBLE: Final = re.compile(r"([0-9]{8,15})\.0|([1-9])\.([0-9]{7,14})E([0-9]{1,2})")


def _digits_of(number: str) -> str:
    """Return the digits of a number that is written as a double, or else the text as it is."""
    found = _DOUBLE.fullmatch(number) if "." in number else None
    if found is None:
        return number
    whole, first, others, exponent = found.groups("")
    is_exact = not whole and len(others) <= int(exponent) < max(_E164_LENGTHS)
    return (first + others).ljust(int(exponent) + 1, "0") if is_exact else whole or number


def own_fields(value: object) -> Mapping[str, Any]:
    """Return the user's own fields of a JSON row, in either shape that the guide prints."""
    return value if isinstance(value, dict) and "keyName" not in value else extended_keys(value)


def number_or_text(value: object) -> str:
    """Return text, or the digits of an integer, even where that is written as 12.0."""
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    raise ValueError("expected text")
