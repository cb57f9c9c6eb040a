"""Rows as CSV, some at a time (Guide: 2.11)."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from mediasflow_async.masking import mask_text
from mediasflow_async.uploads.files import refused

__all__ = ["CsvRows"]


class CsvRows:
    """Writes rows as CSV in UTF-8 with semicolons.

    Args:
        first: the first row, whose keys are the columns.
    """

    def __init__(self, first: Mapping[Any, Any]) -> None:
        self._columns = tuple(first)
        if not self._columns:
            raise refused("the first row has columns")
        self._known = frozenset(self._columns)
        self._pick = _picking(self._columns)
        self._text = io.StringIO(newline="")
        self._writer = csv.writer(self._text, delimiter=";")
        self._writer.writerow(self._columns)

    def encode(self, rows: Sequence[Any]) -> bytes:
        """Return the lines of some rows; the header stands before the first of them.

        Raises:
            InvalidRequest: something is no row, has a column that the first row has not, or
                holds text that is none.
        """
        self._writer.writerows(self._cells(rows))
        text = self._text.getvalue()
        self._text.seek(0)
        self._text.truncate()
        try:
            return text.encode()
        except UnicodeEncodeError:
            rule = "a cell holds half of a surrogate pair, which UTF-8 cannot"
        raise refused(rule)

    def _cells(self, rows: Sequence[Any]) -> Iterable[Iterable[Any]]:
        # Of as many keys, all of them found, none is unknown. Only a plain dict is sure to tell
        # of one that it has not.
        if set(map(type, rows)) == {dict} and set(map(len, rows)) == {len(self._columns)}:
            try:
                return list(map(self._pick, rows))
            except KeyError:
                return list(map(self._checked, rows))
        return list(map(self._checked, rows))

    def _checked(self, row: Any) -> list[Any]:
        if not isinstance(row, Mapping):
            raise refused("all of it is bytes, or all of it rows as mappings")
        if unknown := set(row) - self._known:
            names = ", ".join(sorted(map(str, unknown)))
            raise refused(f"the first row has no column {mask_text(names)}")
        return [row.get(column) for column in self._columns]


def _picking(columns: Sequence[Any]) -> Callable[[Any], tuple[Any, ...]]:
    """Return what takes the cells out of a row."""
    if len(columns) > 1:
        return itemgetter(*columns)
    (column,) = columns
    return lambda row: (row[column],)
