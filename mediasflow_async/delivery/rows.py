"""Between the entries of a journal and the rows of its database."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
from attrs import asdict, fields

from mediasflow_async.delivery.entries import Entry
from mediasflow_async.delivery.states import MOVES, Reason, State

__all__ = ["compared", "entry_of", "json_line", "moved"]

_FIELDS: Final = tuple(field.name for field in fields(Entry))
_MOMENTS: Final = (
    "lease_until",
    "created_at",
    "updated_at",
    "launching_since",
    "quiet_since",
    "read_at",
)


def entry_of(row: Sequence[Any], moment: Callable[[Any], datetime]) -> Entry:
    """Return the entry of a row.

    Args:
        row: the values that `statements.ENTRY` selects.
        moment: makes a datetime of what the database returns for one.
    """
    values = dict(zip(_FIELDS, row, strict=True))
    for name in _MOMENTS:
        values[name] = None if values[name] is None else moment(values[name])
    values["state"] = State(values["state"])
    values["reason"] = Reason(values["reason"]) if values["reason"] else None
    return Entry(**values)


def json_line(entry: Entry) -> str:
    """Return an entry as a line of JSON, without the time at which it was read."""
    values = asdict(entry)
    del values["read_at"]
    return orjson.dumps(values).decode()


def compared(entry: Entry, lease: timedelta | None = None) -> dict[str, Any]:
    """Return the parameters of `statements.HOLD`, with a new number for the change."""
    return {
        "key": entry.key,
        "state": entry.state.value,
        "owner": entry.owner,
        "lease": lease,
        "change": secrets.randbits(63),
    }


def moved(
    entry: Entry,
    to: State,
    *,
    lease: timedelta | None,
    campaign_id: int | None,
    sender: str | None,
    reason: Reason | None,
    status: int | None,
) -> dict[str, Any]:
    """Return the parameters of `statements.MOVE`.

    Raises:
        ValueError: there is no such move.
    """
    if to not in MOVES[entry.state]:
        raise ValueError(f"a journal has no move from {entry.state} to {to}")
    return compared(entry, lease if to.is_open else None) | {
        "to": to.value,
        "campaign_id": campaign_id,
        "sender": sender,
        "reason": reason.value if reason else None,
        "status": status,
    }
