"""Report rows from the columns of a CSV file or the keys of a JSON object (Guide: 4).

The guide shows no JSON row, and a CSV report mixes the platform's columns with the user's own.
A plan is made once per set of names: it says which name plays which role, and every name that
plays none stays in `ReportRow.fields`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Any, Final, TypeVar

from attrs import frozen

from mediasflow_async.converter.names import NUMBER_COLUMNS
from mediasflow_async.converter.scalars import extended_keys, read_int
from mediasflow_async.dates import read_datetime
from mediasflow_async.models import ReportRow, Track

__all__ = ["RowReader", "array_in", "row_reader", "rows_in"]

_Value = TypeVar("_Value")

# The platform's columns in a CSV report; letter case is not certain.
_COLUMNS: Final = {
    "REF_LIST": "list_name",
    "ID_LINE": "line",
    "INT_MOBILE": "mobile",
    "STATUS_CODE": "status_code",
    "STATUS_TEXT": "status_text",
    "DELIVERYDATE": "delivered_at",
    "REPLY": "reply",
    "PREVIEW": "previewed_at",
    "PREVIEW_COUNTER": "preview_count",
}

# Keys of a JSON row, after the selectors of the search language and the campaign object.
_KEYS: Final = {
    "campaignId": "campaign_id",
    "campainId": "campaign_id",
    "refList": "list_name",
    "idLine": "line",
    "item": "mobile",
    "type": "type",
    "msg": "message",
    "message": "message",
    "status": "status_code",
    "statusText": "status_text",
    "sendDate": "sent_at",
    "deliveryDate": "delivered_at",
    "reply": "reply",
    "preview": "previewed_at",
    "previewCounter": "preview_count",
    "tracks": "tracks",
    "fields": "fields",
}
_INTERNATIONAL: Final = re.compile(r"[1-9]\d{7,14}", re.ASCII)
_TRACK: Final = re.compile(r"TRACK_(\d{1,3})(_COUNTER)?", re.IGNORECASE)

_INTEGERS: Final = frozenset({"campaign_id", "line", "status_code", "preview_count"})
_DATES: Final = frozenset({"sent_at", "delivered_at", "previewed_at"})
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


@frozen
class _Plan:
    roles: tuple[tuple[str, str], ...]
    tracks: tuple[tuple[int, str | None, str | None], ...]
    own: tuple[str, ...]


class RowReader:
    """Reads rows whose names are known, the same for every row of a report.

    Args:
        names: the columns of a CSV report, or the keys of a JSON row.
        zone: zone of the dates that name none.
        campaign_id: the campaign of the report, where it is about one.
        keys: whether the names are those of a JSON row.
    """

    def __init__(
        self, names: tuple[str, ...], zone: tzinfo, campaign_id: int | None, *, keys: bool
    ) -> None:
        self.names = names
        self._zone = zone
        self._campaign_id = campaign_id
        self._plan = _plan(names, keys=keys)

    def read(self, row: Mapping[str, Any], *, raw: Mapping[str, Any] | None = None) -> ReportRow:
        """Return the row that a mapping of these names holds; nothing in it can raise."""
        own = {name: row[name] for name in self._plan.own if name in row}
        values: dict[str, Any] = {"campaign_id": self._campaign_id, "fields": own}
        for name, role in self._plan.roles:
            self._take(role, name, row.get(name), values)
        if self._plan.tracks:
            values["tracks"] = tuple(self._tracks(row, own))
        return ReportRow(raw=raw or {}, **values)

    def _take(self, role: str, name: str, value: Any, values: dict[str, Any]) -> None:
        if value is None or value == "":
            return
        read = self._reader(role, name)(value)
        if read is None:
            values["fields"][name] = value
        elif role == "fields":
            values["fields"] |= read
        else:
            values[role] = read

    def _reader(self, role: str, name: str) -> Callable[[Any], Any]:
        if role in _INTEGERS:
            return _int_or_none
        if role in _DATES:
            return self._date
        if role == "mobile" and not _is_own_number(name):
            return _international
        return {"fields": _fields_or_none, "tracks": self._json_tracks}.get(role, _text_or_none)

    def _json_tracks(self, value: Any) -> tuple[Track, ...] | None:
        return tuple(_json_tracks(value, self._zone)) if isinstance(value, list) else None

    def _date(self, value: Any) -> datetime | None:
        return read_datetime(value, self._zone)

    def _tracks(self, row: Mapping[str, Any], own: dict[str, Any]) -> Iterable[Track]:
        for index, date_name, counter_name in self._plan.tracks:
            clicked_at = _read_or_keep(self._date, date_name, row, own)
            yield Track(index, clicked_at, _read_or_keep(_int_or_none, counter_name, row, own) or 0)


@lru_cache(maxsize=256)
def row_reader(
    names: tuple[str, ...], zone: tzinfo, campaign_id: int | None = None, *, keys: bool = False
) -> RowReader:
    """Return the reader for rows with these names; planned once for each set of names."""
    return RowReader(names, zone, campaign_id, keys=keys)


def rows_in(
    data: object, zone: tzinfo, campaign_id: int | None = None
) -> Iterable[ReportRow] | None:
    """Return the rows of a JSON report, or None when it does not look like one.

    An array of objects, or an object that wraps such an array.
    """
    array = array_in(data)
    if array is None or not all(isinstance(row, Mapping) for row in array):
        return None
    return (
        row_reader(tuple(row), zone, campaign_id, keys=True).read(row, raw=row) for row in array
    )


def array_in(data: object) -> Sequence[Any] | None:
    """Return the array that data is or wraps, or None when it is neither."""
    if isinstance(data, list):
        return data
    if not isinstance(data, Mapping):
        return None
    arrays = {key: value for key, value in data.items() if isinstance(value, list)}
    for name in _WRAPPERS:
        if name in arrays:
            return arrays[name]
    return next(iter(arrays.values())) if len(arrays) == 1 else None


def _plan(names: tuple[str, ...], *, keys: bool) -> _Plan:
    vocabulary = _COLUMNS | _KEYS if keys else _COLUMNS
    roles: dict[str, str] = {}
    for name in _exact_names_first(names, vocabulary):
        role = _role_of(name, vocabulary)
        if role and role not in roles:
            roles[role] = name
    if "mobile" not in roles and (own := next(filter(_is_own_number, names), None)):
        roles["mobile"] = own
    tracks = _track_names(names)
    taken = {*roles.values(), *(name for _, *pair in tracks for name in pair)}
    return _Plan(
        roles=tuple((name, role) for role, name in roles.items()),
        tracks=tracks,
        own=tuple(name for name in names if name not in taken),
    )


def _exact_names_first(names: tuple[str, ...], vocabulary: Mapping[str, str]) -> list[str]:
    return sorted(names, key=lambda name: name not in vocabulary)


def _role_of(name: str, vocabulary: Mapping[str, str]) -> str | None:
    if name in vocabulary:
        return vocabulary[name]
    folded = {known.upper(): role for known, role in vocabulary.items()}
    return folded.get(name.strip().upper())


def _is_own_number(name: str) -> bool:
    """Whether a column is the user's own one with the number, in whatever form it was uploaded."""
    return name.strip().lower() in NUMBER_COLUMNS


def _track_names(names: tuple[str, ...]) -> tuple[tuple[int, str | None, str | None], ...]:
    found: dict[int, list[str | None]] = {}
    for name in names:
        if match := _TRACK.fullmatch(name.strip()):
            found.setdefault(int(match[1]), [None, None])[1 if match[2] else 0] = name
    return tuple((index, dates, counts) for index, (dates, counts) in sorted(found.items()))


def _json_tracks(tracks: list[Any], zone: tzinfo) -> Iterable[Track]:
    known = [track for track in tracks if isinstance(track, Mapping)]
    indexes = [_int_or_none(track.get("index")) for track in known]
    # `index` counts from 0 in a request and from 1 in the columns of a CSV report.
    first = 1 if 0 in indexes else 0
    for position, (track, index) in enumerate(zip(known, indexes, strict=True), 1):
        yield Track(
            position if index is None else index + first,
            read_datetime(track.get("date"), zone),
            _int_or_none(track.get("counter")) or 0,
        )


def _read_or_keep(
    read: Callable[[Any], _Value | None],
    name: str | None,
    row: Mapping[str, Any],
    own: dict[str, Any],
) -> _Value | None:
    """Return what a column says, and keep among the row's own what cannot be read."""
    if name is None or not row.get(name):
        return None
    value = read(row[name])
    if value is None:
        own[name] = row[name]
    return value


def _fields_or_none(value: Any) -> dict[str, Any] | None:
    try:
        return extended_keys(value)
    except ValueError:
        return None


def _int_or_none(value: Any) -> int | None:
    try:
        return read_int(value)
    except ValueError:
        return None


def _international(value: Any) -> str | None:
    text = _text_or_none(value)
    return f"+{text}" if text and _INTERNATIONAL.fullmatch(text) else text


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else None
