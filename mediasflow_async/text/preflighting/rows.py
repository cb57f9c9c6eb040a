"""Rows: their columns, and the recipients of a request as rows (Guide: 2.1, 2.11)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mediasflow_async.models import Recipient
from mediasflow_async.text.preflighting.numbers import NUMBER_COLUMNS

__all__ = ["Columns", "number_column", "recipient_row"]

_OWN_COLUMNS: Final = {
    "title": "title",
    "lastName": "last_name",
    "firstName": "first_name",
    "email": "email",
    "phone": "phone",
}


def recipient_row(recipient: Recipient) -> dict[str, Any]:
    """Return a recipient as the row of a list, under the names that the API gives to columns."""
    own = {column: getattr(recipient, name) for column, name in _OWN_COLUMNS.items()}
    given = {column: value for column, value in own.items() if value is not None}
    return {"mobile": recipient.mobile, **given, **recipient.fields}


def number_column(columns: Mapping[str, Any]) -> str | None:
    """Return the column that holds the numbers, by its name; None when there is none."""
    by_name = {name.strip().lower(): name for name in reversed(list(columns))}
    return next((by_name[name] for name in NUMBER_COLUMNS if name in by_name), None)


class Columns:
    """The columns of the rows met so far; rows of one list have the same, others need not."""

    def __init__(self) -> None:
        self.names: dict[str, None] = {}
        self._latest: frozenset[str] = frozenset()
        self._number: str | None = None

    def number_column(self, row: Mapping[str, Any]) -> str | None:
        """Return the name of the row's column of numbers."""
        if row.keys() != self._latest:
            self._learn(row)
        return self._number

    def _learn(self, row: Mapping[str, Any]) -> None:
        self._latest = frozenset(row)
        self._number = number_column(row)
        self.names |= dict.fromkeys(row)
