"""PostgreSQL as the database of a journal, for several machines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from attrs import frozen
from psycopg import AsyncCursor
from psycopg.errors import UniqueViolation

from mediasflow_async.delivery.database import Row, Values
from mediasflow_async.delivery.errors import CampaignTaken
from mediasflow_async.delivery.postgres_pool import Connection, PostgresPool
from mediasflow_async.delivery.sql_dialect import SqlDialect, render
from mediasflow_async.delivery.statements import Change

__all__ = ["POSTGRES", "PostgresDatabase"]

POSTGRES: Final = SqlDialect(
    instant="timestamptz",
    span="interval",
    binary="bytea",
    by_bytes='COLLATE "C"',
    epoch="to_timestamp(0)",
    now="clock_timestamp()",
    later="greatest",
    skip_locked="FOR UPDATE SKIP LOCKED",
    parameter=r"%(\1)s",
)


@frozen
class PostgresDatabase:
    """Runs each statement as a transaction of its own, on any connection of a pool.

    When a connection is lost, nobody knows whether the statement was executed. It is made again
    on another one: the statements are such that this does no harm, and what they leave shows
    whether the first one had been executed.

    Attributes:
        pool: the connections.
    """

    pool: PostgresPool

    async def change(self, change: Change, values: Values) -> Sequence[Row]:
        """Make a change and return what it left."""
        statement = f"{change.statement} RETURNING {change.returning}"

        async def work(connection: Connection, attempt: int) -> Sequence[Row]:
            if attempt == 0 or not change.is_signed:
                return await _fetch(connection, statement, values)
            # The first statement may still be on its way when the trace is looked for.
            for query in (change.trace, statement, change.trace):
                if rows := await _fetch(connection, query, values):
                    return rows
            return ()

        return await self.pool.run(work)

    async def write(self, statement: str, values: Values) -> int:
        """Change or delete rows and return how many there were."""

        async def work(connection: Connection, _: int) -> int:
            return (await _execute(connection, statement, values)).rowcount

        return await self.pool.run(work)

    async def ask(self, question: str, values: Values) -> Sequence[Row]:
        """Return the rows of a query."""

        async def work(connection: Connection, _: int) -> Sequence[Row]:
            return await _fetch(connection, question, values)

        return await self.pool.run(work)

    async def damages(self) -> Sequence[str]:
        """Return nothing: PostgreSQL has no such check, and reports damage where it meets it."""
        return ()

    def moment(self, value: datetime) -> datetime:
        """Return a moment in UTC."""
        return value.astimezone(UTC)

    def span(self, value: timedelta) -> timedelta:
        """Return a duration."""
        return value


async def _fetch(connection: Connection, query: str, values: Values) -> Sequence[Row]:
    return await (await _execute(connection, query, values)).fetchall()


async def _execute(
    connection: Connection, query: str, values: Values
) -> AsyncCursor[tuple[Any, ...]]:
    try:
        return await connection.execute(render(query, POSTGRES).encode(), values)
    except UniqueViolation:
        pass
    raise CampaignTaken("The campaign belongs to another key", campaign_id=values["campaign_id"])
