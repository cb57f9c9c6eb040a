"""Recipients of a request as the rows of a list (Guide: 2.1, 2.11)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mediasflow_async.models import Recipient

__all__ = ["recipient_rows"]

_COLUMNS: Final = {
    "mobile": "mobile",
    "title": "title",
    "lastName": "last_name",
    "firstName": "first_name",
    "email": "email",
    "phone": "phone",
}


def recipient_rows(recipients: Iterable[Recipient]) -> list[dict[str, str]]:
    """Return a row for each recipient, with all the own fields and the standard columns in use.

    An own field stays though it is empty for everyone: the message may name it.
    """
    rows = [_row(recipient) for recipient in recipients]
    used = {
        column: None
        for row in rows
        for column, value in row.items()
        if value or column not in _COLUMNS
    }
    return [{column: row.get(column, "") for column in used} for row in rows]


def _row(recipient: Recipient) -> dict[str, str]:
    own = {column: getattr(recipient, name) for column, name in _COLUMNS.items()}
    return {
        column: "" if value is None else str(value)
        for column, value in {**own, **recipient.fields}.items()
    }
