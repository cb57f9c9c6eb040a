"""Rows of delivery reports, from CSV records and JSON objects (Guide: 2.4 to 2.7, 4).

The rows of a report all have the same names, so what the names stand for is decided once, and a
function that reads such a row is compiled from it: a report has up to millions of rows. The
function takes only values that are as they should be. Every other row goes to `RowReader.read`,
which looks at each value by itself and keeps what it cannot read in `ReportRow.fields`: no row
raises, and no value is lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import tzinfo
from functools import cached_property, lru_cache
from typing import Any, Final, TypeVar

from attrs import Factory, fields, frozen

from mediasflow_async.converter.names import (
    CAMPAIGN_IDS,
    REPORT_COLUMNS,
    ROW_KEYS,
    folded,
    is_number_column,
)
from mediasflow_async.converter.reading import read_int
from mediasflow_async.converter.row_values import (
    RowValues,
    int_or_none,
    international,
    label_in,
    number_or_text,
    own_fields,
    row_values,
    status_code,
)
from mediasflow_async.models import ReportRow, Track

__all__ = ["Aliases", "RowReader", "json_rows", "named", "renamed", "row_reader"]


Aliases = tuple[tuple[str, str], ...]
"""Names that a server gives to columns or keys, each with the one that it stands for."""


def json_rows(
    objects: Iterable[Mapping[str, Any]],
    zone: tzinfo,
    campaign_id: int | None = None,
    aliases: Aliases = (),
    *,
    depth: int = 3,
) -> list[ReportRow]:
    """Return the rows of the objects of a JSON report, which is fastest where their keys agree.

    An object without a status that holds a list of objects is a group of rows: of one campaign,
    whose number it has.

    Args:
        objects: the objects.
        zone: zone of the dates that name none.
        campaign_id: the campaign of rows that name none.
        aliases: other names that the server gives to the keys.
        depth: how many groups may be within one another.
    """
    rows: list[ReportRow] = []
    names: tuple[str, ...] = ()
    reader = row_reader((), zone, campaign_id, keys=True)
    for row in objects:
        if tuple(row) != names:
            names = tuple(row)
            reader = row_reader(renamed(names, aliases), zone, campaign_id, keys=True)
        if reader.may_be_group and depth and (group := _group_in(row, reader)) is not None:
            own = _campaign_of(row, campaign_id)
            rows += json_rows(group, zone, own, aliases, depth=depth - 1)
        else:
            rows.append(reader.of_values(row.values(), row))
    return rows


def renamed(names: tuple[str, ...], aliases: Aliases) -> tuple[str, ...]:
    """Return names with what the aliases stand for, unless that is a name of its own."""
    if not aliases:
        return names
    known = {folded(alias): name for alias, name in aliases if name not in names}
    return tuple(known.pop(folded(name), name) for name in names)


def _group_in(row: Mapping[str, Any], reader: RowReader) -> list[Any] | None:
    """Return the rows that an object holds, or None where it is a row itself."""
    lists = [row[name] for name in reader.own if isinstance(row.get(name), list)]
    held: list[Any] = lists[0] if len(lists) == 1 else [None]
    return held if all(isinstance(part, dict) for part in held) else None


def _campaign_of(group: Mapping[str, Any], campaign_id: int | None) -> int | None:
    numbers = {folded(name): int_or_none(value) for name, value in group.items()}
    found = (numbers[name] for name in CAMPAIGN_IDS if numbers.get(name))
    return next(found, campaign_id)


@lru_cache(maxsize=256)
def row_reader(
    names: tuple[str, ...], zone: tzinfo, campaign_id: int | None = None, *, keys: bool = False
) -> RowReader:
    """Return the reader for rows with these names, the same one for the same arguments."""
    return RowReader(names, zone, campaign_id, keys=keys)


_Value = TypeVar("_Value")


class RowReader:
    """Reads rows that have the same names.

    Args:
        names: the columns of a CSV report, or the keys of a JSON row.
        zone: zone of the dates that name none.
        campaign_id: the campaign of rows that name none.
        keys: whether the names are those of a JSON row.
    """

    def __init__(
        self, names: tuple[str, ...], zone: tzinfo, campaign_id: int | None, *, keys: bool
    ) -> None:
        self.names = names
        self._zone = zone
        self._campaign_id = campaign_id
        self._keys = keys
        self._plan = _plan_of(names, keys=keys)
        self._values = row_values(zone)

    @property
    def own(self) -> tuple[str, ...]:
        """The names that stand for nothing in a report."""
        return self._plan.own

    @cached_property
    def may_be_group(self) -> bool:
        """Whether an object with these names can be no row: it has no status, number or line."""
        return self._keys and self._plan.attributes.keys().isdisjoint(_OF_A_ROW)

    @cached_property
    def of_cells(self) -> Callable[[Sequence[str]], ReportRow]:
        """The function that reads the cells of a CSV record; it never raises."""
        return self._compiled(self._read_cells)

    @cached_property
    def of_values(self) -> Callable[[Iterable[Any], Mapping[str, Any]], ReportRow]:
        """The function that reads a JSON row; it never raises.

        It takes the values in the order of the names, and the row itself.
        """
        return self._compiled(
            # Under the names of this reader, which the row itself may spell in another way.
            lambda values, raw: self.read(dict(zip(self.names, values, strict=True)), raw=raw)
        )

    def _compiled(self, read_carefully: Callable[..., ReportRow]) -> Callable[..., ReportRow]:
        return _compiled_reader(
            self.names, self._plan, self._values, self._campaign_id, read_carefully, keys=self._keys
        )

    def _read_cells(self, cells: Sequence[str]) -> ReportRow:
        record = named(self.names, cells)
        return row_reader(tuple(record), self._zone, self._campaign_id).read(record)

    def read(self, row: Mapping[str, Any], *, raw: Mapping[str, Any] | None = None) -> ReportRow:
        """Return the row of a mapping with these names, value by value; never raises."""
        own = {name: row[name] for name in self._plan.own if name in row}
        values: dict[str, Any] = {"campaign_id": self._campaign_id, "fields": own}
        for attribute, name in self._plan.attributes.items():
            value = _read_or_keep(self._reader(attribute, name), name, row, own)
            if attribute == "fields":
                own |= value or {}
            elif value is not None:
                values[attribute] = value
        if self._plan.tracks:
            values["tracks"] = tuple(self._tracks(row, own))
        label = label_in(row.get(self._plan.attributes.get("status_code", "")))
        if label and "status_text" not in values:
            values["status_text"] = label
        return ReportRow(raw=raw or {}, **values)

    def _reader(self, attribute: str, name: str) -> Callable[[Any], Any]:
        if attribute == "status_code":
            return status_code
        if attribute in _INTEGERS:
            return read_int
        if attribute in _DATES:
            return self._values.date
        if attribute == "mobile" and not is_number_column(name):
            return international
        readers: dict[str, Callable[[Any], Any]] = {
            "fields": own_fields,
            "tracks": self._values.tracks,
        }
        return readers.get(attribute, number_or_text)

    def _tracks(self, row: Mapping[str, Any], own: dict[str, Any]) -> Iterator[Track]:
        for index, date_name, count_name in self._plan.tracks:
            clicked_at = _read_or_keep(self._values.date, date_name, row, own)
            count = _read_or_keep(read_int, count_name, row, own)
            yield Track(index, clicked_at, count or 0)


def named(names: tuple[str, ...], cells: Sequence[str]) -> dict[str, str]:
    """Return a CSV record as a mapping; a cell without a column is named by its position."""
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
    """Return the value of a name, or None and keep it in `own` when it cannot be read."""
    value = "" if name is None else row.get(name)
    if name is None or value is None or value == "":
        return None
    try:
        return read(value)
    except (TypeError, ValueError):
        own[name] = value
    return None


# Attributes of `ReportRow` that are numbers, and those that are dates.
_INTEGERS: Final = frozenset({"campaign_id", "line", "status_code", "preview_count"})
_DATES: Final = frozenset({"sent_at", "delivered_at", "previewed_at"})
_TRACK: Final = re.compile(r"track(\d{1,3})(counter)?")
_OF_A_ROW: Final = frozenset({"status_code", "mobile", "line"})


@frozen
class _Plan:
    """What the names of a report stand for.

    Attributes:
        attributes: the name that holds each attribute of `ReportRow`, by attribute.
        tracks: for each short link its index, the name of its date and that of its counter.
        own: the names of the user's own columns, and unknown ones.
    """

    attributes: Mapping[str, str]
    tracks: tuple[tuple[int, str | None, str | None], ...]
    own: tuple[str, ...]


def _plan_of(names: tuple[str, ...], *, keys: bool) -> _Plan:
    """Return the plan for the columns of a CSV report, or with `keys` for a JSON row."""
    attributes: dict[str, str] = {}
    for vocabulary in (REPORT_COLUMNS, ROW_KEYS) if keys else (REPORT_COLUMNS,):
        for name in _exact_names_first(names, vocabulary):
            attribute = _attribute_of(name, vocabulary)
            if attribute and attribute not in attributes and name not in attributes.values():
                attributes[attribute] = name
    if "mobile" not in attributes and (own := next(filter(is_number_column, names), None)):
        attributes["mobile"] = own
    tracks = _track_names(names)
    if tracks:
        attributes.pop("tracks", None)
    taken = {*attributes.values(), *(name for _, *pair in tracks for name in pair)}
    return _Plan(attributes, tracks, tuple(name for name in names if name not in taken))


def _exact_names_first(names: tuple[str, ...], vocabulary: Mapping[str, str]) -> list[str]:
    return sorted(names, key=lambda name: name not in vocabulary)


def _attribute_of(name: str, vocabulary: Mapping[str, str]) -> str | None:
    if name in vocabulary:
        return vocabulary[name]
    known = {folded(known): attribute for known, attribute in vocabulary.items()}
    return known.get(folded(name))


def _track_names(names: tuple[str, ...]) -> tuple[tuple[int, str | None, str | None], ...]:
    found: dict[int, list[str | None]] = {}
    for name in names:
        if match := _TRACK.fullmatch(folded(name)):
            found.setdefault(int(match[1]), [None, None])[1 if match[2] else 0] = name
    return tuple((index, dates, counts) for index, (dates, counts) in sorted(found.items()))


# The attributes are set in the row's `__dict__`, in the order of `__init__`: a call with so many
# arguments takes longer.
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

# The expression of each kind of value `{0}`, with the default `{1}`: for a cell, which is text,
# and for a value of JSON.
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
# Whether nobody has clicked on a link, by its date and its counter: most have no click, and
# share one `Track`.
_UNTOUCHED_TEXT: Final = "not {date} and (not {count} or {count} == '0')"
_UNTOUCHED_JSON: Final = (
    "({date} is None or {date} == '') and "
    "({count} is None or {count} == '' or {count} == '0' or type({count}) is int and not {count})"
)


def _compiled_reader(
    names: tuple[str, ...],
    plan: _Plan,
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
        read_carefully: reads, from the same arguments, a row with any other value.
        keys: whether the names are those of a JSON row, which is then a second argument.
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
    # Of what the server sent, the code holds the names alone, as literals.
    namespace |= {_untouched(index): Track(index) for index, _, _ in plan.tracks}
    exec(compile(code, "<reader of report rows>", "exec"), namespace)  # noqa: S102 - see above
    read: Callable[..., ReportRow] = namespace["read"]
    return read


def _absent() -> dict[str, str]:
    """Return the expression of each attribute of a row that a report does not hold."""
    return {
        attribute.name: "{}" if attribute.default == Factory(dict) else f"{attribute.default!r}"
        for attribute in fields(ReportRow)
    }


def _present(plan: _Plan, cells: Mapping[str, str], *, keys: bool) -> dict[str, str]:
    """Return the expression of each attribute of a row that the report holds."""
    forms = _OF_JSON if keys else _OF_TEXT
    made: dict[str, str] = {}
    for attribute, name in plan.attributes.items():
        form = forms[_kind(attribute, name)]
        made[attribute] = form.format(cells[name], _DEFAULTS.get(attribute, "None"))
    own = "".join(f"{name!r}: {cells[name]}, " for name in plan.own)
    given = made.get("fields")
    made["fields"] = given if given and not own else f"{{{own}{f'**({given})' if given else ''}}}"
    if keys:
        made["raw"] = "raw"
    if plan.tracks:
        form = _UNTOUCHED_JSON if keys else _UNTOUCHED_TEXT
        made["tracks"] = f"({''.join(_track(track, cells, form) for track in plan.tracks)})"
    return {"campaign_id": "campaign_id", **made}


def _kind(attribute: str, name: str) -> str:
    if attribute in _INTEGERS:
        return "integer"
    if attribute in _DATES:
        return "date"
    if attribute == "mobile" and is_number_column(name):
        return "text"
    return attribute if attribute in _OF_JSON else "text"


def _track(
    track: tuple[int, str | None, str | None], cells: Mapping[str, str], untouched: str
) -> str:
    index, *names = track
    clicked_at, count = (cells[name] if name else "None" for name in names)
    is_untouched = untouched.format(date=clicked_at, count=count)
    return f"{_untouched(index)} if {is_untouched} else track({index}, {clicked_at}, {count}), "


def _untouched(index: int) -> str:
    """Return the name, in the code, of the `Track` of a link without clicks."""
    return f"untouched_{index}"
