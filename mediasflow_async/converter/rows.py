"""Report rows from the columns of a CSV file or the keys of a JSON object (Guide: 4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import tzinfo
from functools import cached_property, lru_cache
from typing import Any, Final, TypeVar

from mediasflow_async.converter.row_code import compile_reader
from mediasflow_async.converter.row_plans import DATES, INTEGERS, is_own_number, plan_of
from mediasflow_async.converter.row_values import (
    international,
    number_or_text,
    own_fields,
    row_values,
)
from mediasflow_async.converter.scalars import read_int
from mediasflow_async.models import ReportRow, Track

__all__ = ["RowReader", "array_in", "json_rows", "named", "row_reader", "rows_in"]

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
