"""The tables of a journal, without the journal's code."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from string import Template
from typing import Any, Final

__all__ = ["age", "asked"]

_UPDATE: Final = Template("UPDATE mediasflow_entries SET $changes")
_MOMENTS: Final = ("lease_until", "created_at", "updated_at", "launching_since", "quiet_since")


def asked(url: str, statement: str) -> list[tuple[Any, ...]]:
    """Execute a statement in the database of an address, and return its rows."""
    if url.startswith("sqlite"):
        path = url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            return connection.execute(statement).fetchall()
    import psycopg

    with psycopg.connect(url, autocommit=True) as postgres:
        cursor = postgres.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def age(url: str, by: timedelta) -> None:
    """Let time pass while nobody uses a journal: all that is in it is so much longer ago."""
    microseconds = by // timedelta(microseconds=1)
    is_sqlite = url.startswith("sqlite")
    span = str(microseconds) if is_sqlite else f"interval '{microseconds} microseconds'"
    changes = ", ".join(f"{name} = {name} - {span}" for name in _MOMENTS)
    asked(url, _UPDATE.substitute(changes=changes))
