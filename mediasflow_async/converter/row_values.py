"""Single values of a report row; a reader raises ValueError for what it cannot read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final

from mediasflow_async.converter.scalars import extended_keys, read_int
from mediasflow_async.dates import read_datetime
from mediasflow_async.models import Track

__all__ = ["RowValues", "international", "number_or_text", "own_fields", "row_values"]

# Digits of a number with its country code (E.164).
_LENGTHS: Final = range(8, 16)
_TRACK_KEYS: Final = ("index", "date", "counter")
_TRACK: Final = itemgetter(*_TRACK_KEYS)
_REMEMBERED: Final = 2048


def number_or_text(value: object) -> str:
    """Return a text; a number is taken as its digits."""
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(value)
    raise ValueError("expected text")


def international(value: object) -> str:
    """Return a mobile number with the plus sign that a JSON report leaves out."""
    number = number_or_text(value)
    is_whole = len(number) in _LENGTHS and number.isascii() and number.isdecimal()
    return f"+{number}" if is_whole and number[0] != "0" else number


def own_fields(value: object) -> Mapping[str, Any]:
    """Return the user's own fields of a JSON row, in either shape that the guide prints."""
    return value if isinstance(value, dict) and "keyName" not in value else extended_keys(value)


class RowValues:
    """Readers of dates and clicks, which come again and again in a report.

    Args:
        zone: zone of the dates that name none.
    """

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self.date_of_text = lru_cache(maxsize=_REMEMBERED)(self.date)
        self._known_tracks = lru_cache(maxsize=_REMEMBERED)(self._tracks)

    def date(self, value: object) -> datetime:
        """Return a date; where it is known to be a text, `date_of_text` takes less time."""
        moment = read_datetime(value, self._zone)
        if moment is None:
            raise ValueError("expected a date")
        return moment

    def track(self, index: int, clicked_at: object, count: object) -> Track:
        """Return the clicks on a link, from what two columns of a CSV report say."""
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
            return self._known_tracks(tuple(map(_TRACK, value)))
        except (KeyError, TypeError):
            # Something is missing, or of another kind.
            tracks = (track for track in value if isinstance(track, dict))
            return self._tracks([tuple(map(track.get, _TRACK_KEYS)) for track in tracks])

    def _tracks(self, tracks: Sequence[tuple[Any, ...]]) -> tuple[Track, ...]:
        """Return clicks, from the index, the date and the counter of each link."""
        indexes = [_int_or_none(index) for index, _, _ in tracks]
        # `index` counts from 0 in a request and from 1 in the columns of a CSV report.
        first = 1 if 0 in indexes else 0
        return tuple(
            Track(
                position if index is None else index + first,
                clicked_at=read_datetime(clicked_at, self._zone),
                count=_int_or_none(count) or 0,
            )
            for position, (index, (_, clicked_at, count)) in enumerate(
                zip(indexes, tracks, strict=True), 1
            )
        )


def _int_or_none(value: object) -> int | None:
    try:
        return read_int(value)
    except ValueError:
        return None


@lru_cache(maxsize=8)
def row_values(zone: tzinfo) -> RowValues:
    """Return the readers for a zone."""
    return RowValues(zone)
