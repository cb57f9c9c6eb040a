"""From a report's names to rows; compiled for each set of names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from functools import cached_property, lru_cache
from operator import itemgetter
from typing import Any, Final, TypeVar

from attrs import Factory, fields, frozen

from mediasflow_async.converter.names import NUMBER_COLUMNS
from mediasflow_async.converter.reading import extended_keys, read_int
from mediasflow_async.dates import read_datetime
from mediasflow_async.models import ReportRow, Track

__all__ = [
    "DATES",
    "INTEGERS",
    "RowPlan",
    "RowReader",
    "RowValues",
    "array_in",
    "compile_reader",
    "international",
    "is_own_number",
    "json_rows",
    "named",
    "number_or_text",
    "own_fields",
    "plan_of",
    "row_reader",
    "row_values",
    "rows_in",
]


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
_TRACK: Final = re.compile(r"TRACK_(\d{1,3})(_COUNTER)?", re.IGNORECASE)

INTEGERS: Final = frozenset({"campaign_id", "line", "status_code", "preview_count"})
"""Roles that are numbers."""

DATES: Final = frozenset({"sent_at", "delivered_at", "previewed_at"})
"""Roles that are dates."""


@frozen
class RowPlan:
    """What the names of a report stand for.

    Attributes:
        roles: name of each attribute of `ReportRow` that the report holds, by attribute.
        tracks: for each short link its index, and the names of its date and of its counter.
        own: the names of the user's, and those that nobody knows.
    """

    roles: Mapping[str, str]
    tracks: tuple[tuple[int, str | None, str | None], ...]
    own: tuple[str, ...]


def plan_of(names: tuple[str, ...], *, keys: bool) -> RowPlan:
    """Return the plan for columns of a CSV report, or with `keys` for those of a JSON row."""
    vocabulary = _COLUMNS | _KEYS if keys else _COLUMNS
    roles: dict[str, str] = {}
    for name in _exact_names_first(names, vocabulary):
        role = _role_of(name, vocabulary)
        if role and role not in roles:
            roles[role] = name
    if "mobile" not in roles and (own := next(filter(is_own_number, names), None)):
        roles["mobile"] = own
    tracks = _track_names(names)
    if tracks:
        roles.pop("tracks", None)
    taken = {*roles.values(), *(name for _, *pair in tracks for name in pair)}
    return RowPlan(roles, tracks, tuple(name for name in names if name not in taken))


def _exact_names_first(names: tuple[str, ...], vocabulary: Mapping[str, str]) -> list[str]:
    return sorted(names, key=lambda name: name not in vocabulary)


def _role_of(name: str, vocabulary: Mapping[str, str]) -> str | None:
    if name in vocabulary:
        return vocabulary[name]
    folded = {known.upper(): role for known, role in vocabulary.items()}
    return folded.get(name.strip().upper())


def is_own_number(name: str) -> bool:
    """Whether a column is the user's own one with the number, in whatever form it was uploaded."""
    return name.strip().lower() in NUMBER_COLUMNS


def _track_names(names: tuple[str, ...]) -> tuple[tuple[int, str | None, str | None], ...]:
    found: dict[int, list[str | None]] = {}
    for name in names:
        if match := _TRACK.fullmatch(name.strip()):
            found.setdefault(int(match[1]), [None, None])[1 if match[2] else 0] = name
    return tuple((index, dates, counts) for index, (dates, counts) in sorted(found.items()))


# Digits of a number with its country code (E.164).
_LENGTHS: Final = range(8, 16)
_TRACK_KEYS: Final = ("index", "date", "counter")
_TRACK_OF: Final = itemgetter(*_TRACK_KEYS)
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
            return self._known_tracks(tuple(map(_TRACK_OF, value)))
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


# It sets what `__init__` would set, in the same order: to pass so many arguments takes longer.
_CODE: Final = """\
def read({parameters}):
    try:
        ({cells}) = cells
        row = new(ReportRow)
        made = row.__dict__
        {settings}
    except (TypeError, ValueError):
        return read_carefully({parameters})
    return row
"""

# What is made of `{0}`, by kind: first where it is the text of a cell, then where it is JSON.
_OF_TEXT: Final = {
    "integer": "int({0}) if {0} else {1}",
    "date": "date_of_text({0}) if {0} else None",
    "mobile": "({0} if {0}[:1] == '+' else international({0})) or None",
    "text": "{0} or None",
}
_OF_JSON: Final = {
    "integer": "{0} if type({0}) is int else {1} if {0} is None or {0} == '' else integer({0})",
    "date": (
        "None if {0} is None or {0} == '' else date_of_text({0}) if type({0}) is str else date({0})"
    ),
    "mobile": "None if {0} is None or {0} == '' else international({0})",
    "text": "({0} or None) if type({0}) is str else None if {0} is None else text({0})",
    "tracks": "() if {0} is None or {0} == '' else tracks({0})",
    "fields": "{{}} if {0} is None or {0} == '' else own_fields({0})",
}
_DEFAULTS: Final = {"campaign_id": "campaign_id", "preview_count": "0"}

# Whether nobody has clicked on a link, by the date and by the counter of it.
_UNTOUCHED_TEXT: Final = "not {date} and (not {count} or {count} == '0')"
_UNTOUCHED_JSON: Final = (
    "({date} is None or {date} == '') and "
    "({count} is None or {count} == '' or {count} == '0' or type({count}) is int and not {count})"
)


def compile_reader(
    names: tuple[str, ...],
    plan: RowPlan,
    values: RowValues,
    campaign_id: int | None,
    read_carefully: Callable[..., ReportRow],
    *,
    keys: bool,
) -> Callable[..., ReportRow]:
    """Return a reader of the cells of a row, in the order of their names.

    Args:
        names: the columns of a CSV report, or the keys of a JSON row.
        plan: what they stand for.
        values: readers of dates and clicks.
        campaign_id: the campaign of rows that name none.
        read_carefully: reads what is not as it should be; it is called with the same arguments.
        keys: whether the names are those of a JSON row. The reader then takes the row itself, too.
    """
    cells = {name: f"c{number}" for number, name in enumerate(names)}
    forms = _absent() | _present(plan, cells, keys=keys)
    code = _CODE.format(
        parameters="cells, raw" if keys else "cells",
        cells="".join(f"{cell}, " for cell in cells.values()),
        settings="\n        ".join(f"made[{name!r}] = {form}" for name, form in forms.items()),
    )
    namespace: dict[str, Any] = {
        "ReportRow": ReportRow,
        "new": ReportRow.__new__,
        "campaign_id": campaign_id,
        "read_carefully": read_carefully,
        "integer": read_int,
        "text": number_or_text,
        "international": international,
        "own_fields": own_fields,
        "date": values.date,
        "date_of_text": values.date_of_text,
        "track": values.track,
        "tracks": values.tracks,
    }
    # Of what a server sends, the names alone are in the code, and as literals.
    namespace |= {_untouched(index): Track(index) for index, _, _ in plan.tracks}
    exec(compile(code, "<reader of report rows>", "exec"), namespace)  # noqa: S102
    read: Callable[..., ReportRow] = namespace["read"]
    return read


def _absent() -> dict[str, str]:
    """Return the attributes of a row that has none of them, each with its expression."""
    return {
        attribute.name: "{}" if attribute.default == Factory(dict) else f"{attribute.default!r}"
        for attribute in fields(ReportRow)
    }


def _present(plan: RowPlan, cells: Mapping[str, str], *, keys: bool) -> dict[str, str]:
    """Return the attributes that a report holds, each with the expression that makes it."""
    forms = _OF_JSON if keys else _OF_TEXT
    made = {
        role: forms[_kind(role, name)].format(cells[name], _DEFAULTS.get(role, "None"))
        for role, name in plan.roles.items()
    }
    own = "".join(f"{name!r}: {cells[name]}, " for name in plan.own)
    given = made.get("fields")
    made["fields"] = given if given and not own else f"{{{own}{f'**({given})' if given else ''}}}"
    if keys:
        made["raw"] = "raw"
    if plan.tracks:
        form = _UNTOUCHED_JSON if keys else _UNTOUCHED_TEXT
        made["tracks"] = f"({''.join(_track(track, cells, form) for track in plan.tracks)})"
    return {"campaign_id": "campaign_id", **made}


def _kind(role: str, name: str) -> str:
    if role in INTEGERS:
        return "integer"
    if role in DATES:
        return "date"
    if role == "mobile" and is_own_number(name):
        return "text"
    return role if role in _OF_JSON else "text"


def _track(
    track: tuple[int, str | None, str | None], cells: Mapping[str, str], untouched: str
) -> str:
    index, *names = track
    clicked_at, count = (cells[name] if name else "None" for name in names)
    is_untouched = untouched.format(date=clicked_at, count=count)
    return f"{_untouched(index)} if {is_untouched} else track({index}, {clicked_at}, {count}), "


def _untouched(index: int) -> str:
    """Return the name of the track that nobody has clicked on."""
    return f"untouched_{index}"


_Value = TypeVar("_Value")

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
        self._keys = keys
        self._plan = plan_of(names, keys=keys)
        self._values = row_values(zone)

    @cached_property
    def of_cells(self) -> Callable[[Sequence[str]], ReportRow]:
        """What reads the cells of a record of a CSV report; nothing in them can raise."""
        return self._compiled(self._read_cells)

    @cached_property
    def of_values(self) -> Callable[[Iterable[Any], Mapping[str, Any]], ReportRow]:
        """What reads the values of a JSON row in the order of the names, and the row itself."""
        return self._compiled(lambda _, raw: self.read(raw, raw=raw))

    def _compiled(self, read_carefully: Callable[..., ReportRow]) -> Callable[..., ReportRow]:
        return compile_reader(
            self.names, self._plan, self._values, self._campaign_id, read_carefully, keys=self._keys
        )

    def _read_cells(self, cells: Sequence[str]) -> ReportRow:
        record = named(self.names, cells)
        return row_reader(tuple(record), self._zone, self._campaign_id).read(record)

    def read(self, row: Mapping[str, Any], *, raw: Mapping[str, Any] | None = None) -> ReportRow:
        """Return the row that a mapping of these names holds; nothing in it can raise."""
        own = {name: row[name] for name in self._plan.own if name in row}
        values: dict[str, Any] = {"campaign_id": self._campaign_id, "fields": own}
        for role, name in self._plan.roles.items():
            value = _read_or_keep(self._reader(role, name), name, row, own)
            if role == "fields":
                own |= value or {}
            elif value is not None:
                values[role] = value
        if self._plan.tracks:
            values["tracks"] = tuple(self._tracks(row, own))
        return ReportRow(raw=raw or {}, **values)

    def _reader(self, role: str, name: str) -> Callable[[Any], Any]:
        if role in INTEGERS:
            return read_int
        if role in DATES:
            return self._values.date
        if role == "mobile" and not is_own_number(name):
            return international
        return {"fields": own_fields, "tracks": self._values.tracks}.get(role, number_or_text)

    def _tracks(self, row: Mapping[str, Any], own: dict[str, Any]) -> Iterator[Track]:
        for index, date_name, count_name in self._plan.tracks:
            clicked_at = _read_or_keep(self._values.date, date_name, row, own)
            count = _read_or_keep(read_int, count_name, row, own)
            yield Track(index, clicked_at, count or 0)


@lru_cache(maxsize=256)
def row_reader(
    names: tuple[str, ...], zone: tzinfo, campaign_id: int | None = None, *, keys: bool = False
) -> RowReader:
    """Return the reader for rows with these names; planned once for each set of names."""
    return RowReader(names, zone, campaign_id, keys=keys)


def json_rows(
    objects: Iterable[Mapping[str, Any]], zone: tzinfo, campaign_id: int | None = None
) -> list[ReportRow]:
    """Return the rows of objects of a JSON report; quickest where their keys are the same."""
    rows: list[ReportRow] = []
    reader = row_reader((), zone, campaign_id, keys=True)
    for row in objects:
        names = tuple(row)
        if names != reader.names:
            reader = row_reader(names, zone, campaign_id, keys=True)
        rows.append(reader.of_values(row.values(), row))
    return rows


def rows_in(
    data: object, zone: tzinfo, campaign_id: int | None = None
) -> Iterable[ReportRow] | None:
    """Return the rows of a JSON report, or None when it does not look like one.

    An array of objects, or an object that wraps such an array.
    """
    array = array_in(data)
    if array is None or not all(isinstance(row, Mapping) for row in array):
        return None
    return json_rows(array, zone, campaign_id)


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


def named(names: tuple[str, ...], cells: Sequence[str]) -> dict[str, str]:
    """Return a record as a mapping; cells beyond the names get names by their position."""
    if len(cells) == len(names):
        return dict(zip(names, cells, strict=True))
    beyond = tuple(f"column_{index + 1}" for index in range(len(names), len(cells)))
    padded = (*cells, *[""] * (len(names) - len(cells)))
    return dict(zip(names + beyond, padded, strict=True))


def _read_or_keep(
    read: Callable[[Any], _Value],
    name: str | None,
    row: Mapping[str, Any],
    own: dict[str, Any],
) -> _Value | None:
    """Return what a name says, and keep among the row's own what cannot be read."""
    value = "" if name is None else row.get(name)
    if name is None or value is None or value == "":
        return None
    try:
        return read(value)
    except (TypeError, ValueError):
        own[name] = value
    return None
