"""SQLite as the database of a journal, for the processes of one machine."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from attrs import frozen

from mediasflow_async.delivery.database import Row, Values
from mediasflow_async.delivery.errors import CampaignTaken
from mediasflow_async.delivery.sql_dialect import SqlDialect, render
from mediasflow_async.delivery.sqlite_clock import Clock
from mediasflow_async.delivery.sqlite_thread import SqliteThread
from mediasflow_async.delivery.statements import Change

__all__ = ["SQLITE", "SqliteDatabase"]

SQLITE: Final = SqlDialect(
    instant="bigint",
    span="bigint",
    binary="blob",
    by_bytes="",
    epoch="0",
    now=":now",
    later="max",
    skip_locked="",
    parameter=r":\1",
)
"""Durations are whole microseconds, and moments are microseconds since 1970."""

_MICROSECOND: Final = timedelta(microseconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@frozen
class SqliteDatabase:
    """Writes with one connection and reads with another, so that neither waits for the other.

    Attributes:
        writer: the connection whose transactions write.
        reader: the one whose transactions read.
        clock: the clock of all who share the file.
    """

    writer: SqliteThread
    reader: SqliteThread
    clock: Clock

    async def change(self, change: Change, values: Values) -> Sequence[Row]:
        """Make a change and return what it left."""

        def work(connection: sqlite3.Connection) -> Sequence[Row]:
            given = self._given(values)
            _execute(connection, render(change.statement, SQLITE), given)
            return connection.execute(render(change.trace, SQLITE), given).fetchall()

        return await self.writer.run(work)

    async def write(self, statement: str, values: Values) -> int:
        """Change or delete rows and return how many there were."""

        def work(connection: sqlite3.Connection) -> int:
            return connection.execute(render(statement, SQLITE), self._given(values)).rowcount

        return await self.writer.run(work)

    async def ask(self, question: str, values: Values) -> Sequence[Row]:
        """Return the rows of a query."""

        def work(connection: sqlite3.Connection) -> Sequence[Row]:
            return connection.execute(render(question, SQLITE), self._given(values)).fetchall()

        return await self.reader.run(work)

    async def damages(self) -> Sequence[str]:
        """Return what SQLite's own check of the whole file finds."""
        rows = await self.ask("PRAGMA integrity_check", {})
        return [sentence for (sentence,) in rows if sentence != "ok"]

    def moment(self, value: int) -> datetime:
        """Return a moment."""
        return _EPOCH + value * _MICROSECOND

    def span(self, value: int) -> timedelta:
        """Return a duration."""
        return value * _MICROSECOND

    def _given(self, values: Values) -> dict[str, Any]:
        """Return the values as SQLite takes them, and the present moment of the transaction."""
        given = {name: _plain(value) for name, value in values.items()}
        return given | {"now": self.clock.now_us()}


def _plain(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value // _MICROSECOND
    if isinstance(value, datetime):
        return (value - _EPOCH) // _MICROSECOND
    return value


def _execute(connection: sqlite3.Connection, statement: str, given: dict[str, Any]) -> None:
    try:
        connection.execute(statement, given)
    except sqlite3.IntegrityError as error:
        if error.sqlite_errorname != "SQLITE_CONSTRAINT_UNIQUE":
            raise
    else:
        return
    raise CampaignTaken("The campaign belongs to another key", campaign_id=given["campaign_id"])
