"""The blacklists: numbers that get no message (Guide: 2.9, 2.10).

The API adds to the account's blacklist and to those of its brands, and shows them. The client's
and Mediasflow's own stop messages too, but only `Sandbox.block` adds to them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attrs import frozen

from mediasflow_async.sandbox import reading, texts
from mediasflow_async.sandbox.dates import gson
from mediasflow_async.sandbox.http import invalid
from mediasflow_async.sandbox.users import CUSTOMER_ID

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping
    from datetime import datetime

    from mediasflow_async.sandbox.context import RequestContext
    from mediasflow_async.sandbox.reading import Object
    from mediasflow_async.sandbox.rules import ServerRules

__all__ = [
    "Entry",
    "Scope",
    "add",
    "add_entry",
    "block",
    "blocked_scopes",
    "entries",
    "list_entries",
    "status_of",
]

Scope = Literal["ACCOUNT", "BRAND", "CUSTOMER", "MEDIASFLOW"]


@frozen(kw_only=True)
class Entry:
    """A number in a blacklist.

    A number may stand in several, once in each.

    Attributes:
        item: the number, E.164.
        kind: `MOBILE` or `VMS`; only MOBILE stops SMS.
        scope: whose blacklist: the `ACCOUNT`'s, one `BRAND`'s, the client's (`CUSTOMER`), or
            everybody's (`MEDIASFLOW`).
        brand: for BRAND.
        description: as given.
        user_id: who added it.
        created_at: epoch seconds.
    """

    item: str
    kind: str
    scope: Scope
    brand: str
    description: str | None
    user_id: str
    created_at: float


_KINDS = ("MOBILE", "VMS")


def add_entry(context: RequestContext, data: Object) -> dict[str, Any]:
    """Answer POST /blacklist with the entry. Guide: 2.9.

    Raises:
        HttpError: 400 about the first field that breaks a rule.
    """
    kind = reading.required(reading.text(data, "typeItem"), "typeItem")
    if kind not in _KINDS:
        raise invalid("typeItem", "typeItem is MOBILE or VMS")
    number = texts.e164(reading.required(reading.text(data, "item"), "item"))
    if number is None:
        raise invalid("item", "item is not a phone number")
    brand = reading.text(data, "brand") or ""
    entry = Entry(
        item=number,
        kind=kind,
        scope="BRAND" if brand else "ACCOUNT",
        brand=brand,
        description=reading.text(data, "createdDescription"),
        user_id=context.caller.id,
        created_at=context.now.timestamp(),
    )
    add(context.db, entry)
    return _row(entry, context.rules)


def list_entries(context: RequestContext) -> list[Any]:
    """Answer GET /blacklist with the entries of the account and its brands. Guide: 2.10."""
    own = [entry for entry in entries(context.db) if entry.scope in ("ACCOUNT", "BRAND")]
    if context.rules.blacklist_shape == "strings":
        return [entry.item for entry in own]
    return [_row(entry, context.rules) for entry in own]


def _row(entry: Entry, rules: ServerRules) -> dict[str, Any]:
    created = gson(entry.created_at, rules)
    row = {
        "item": entry.item,
        "typeItem": entry.kind,
        "createdDescription": entry.description,
        "brand": entry.brand,
        "creationDate": created,
        "userOwnerID": entry.user_id,
        "customerID": CUSTOMER_ID,
    }
    return {name: value for name, value in row.items() if value}


def block(
    db: sqlite3.Connection, number: str, scope: Scope, brand: str, *, user_id: str, now: datetime
) -> None:
    """Put `number` into a blacklist from outside, as Mediasflow or a client would.

    Raises:
        ValueError: `number` is no phone number, or BRAND comes without a brand.
    """
    mobile = texts.e164(number)
    if mobile is None:
        raise ValueError("block() needs a phone number, such as +33612345678")
    if (scope == "BRAND") != bool(brand):
        raise ValueError("a brand goes with scope BRAND, and only with it")
    entry = Entry(
        item=mobile,
        kind="MOBILE",
        scope=scope,
        brand=brand,
        description=None,
        user_id=user_id,
        created_at=now.timestamp(),
    )
    add(db, entry)


_STATUS_CODES: Mapping[str, int] = {"MEDIASFLOW": 15, "BRAND": 14, "ACCOUNT": 14}


def blocked_scopes(db: sqlite3.Connection, brand: str) -> dict[str, str]:
    """Return each number that gets no SMS for `brand`, with the scope of its blacklist."""
    query = "SELECT item, scope FROM blacklist WHERE kind = 'MOBILE'"
    rows = db.execute(f"{query} AND (scope <> 'BRAND' OR brand = ?)", (brand,))
    return {row["item"]: row["scope"] for row in rows}


def status_of(scope: str, client_code: int) -> int:
    """Return the status code of a message that a blacklist of `scope` stops. Guide: 3.

    Args:
        scope: of the blacklist.
        client_code: what the rules say for the client's blacklist, whose code the guide lost.
    """
    return _STATUS_CODES.get(scope, client_code)


def add(db: sqlite3.Connection, entry: Entry) -> None:
    """Keep `entry`; one that is there already stays as it is."""
    db.execute(
        "INSERT OR IGNORE INTO blacklist VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            entry.item,
            entry.kind,
            entry.scope,
            entry.brand,
            entry.description,
            entry.user_id,
            entry.created_at,
        ),
    )


def entries(db: sqlite3.Connection) -> list[Entry]:
    """Return every entry, oldest first."""
    rows = db.execute("SELECT * FROM blacklist ORDER BY created_at, rowid")
    return [Entry(**row) for row in rows]
