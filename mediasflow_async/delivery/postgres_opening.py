"""Opening a journal in a PostgreSQL database: made, migrated and ready."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

from anyio.lowlevel import current_token

from mediasflow_async.delivery.database_journal import DatabaseJournal
from mediasflow_async.delivery.journal import Journal
from mediasflow_async.delivery.postgres import POSTGRES, PostgresDatabase
from mediasflow_async.delivery.postgres_address import Address
from mediasflow_async.delivery.postgres_pool import Connection, PostgresPool, connected
from mediasflow_async.delivery.schema import HOME, MIGRATIONS, migrations_from
from mediasflow_async.delivery.sql_dialect import render
from mediasflow_async.errors import ConfigurationError

__all__ = ["open_postgres"]

_LOCK: Final = 0x6D656469_61666C6F  # any number that no other program locks
_EXISTS: Final = b"SELECT to_regclass('mediasflow_journal')"
_BIRTH: Final = "INSERT INTO mediasflow_journal (id, version, salt) VALUES (1, 0, %s)"


@asynccontextmanager
async def open_postgres(url: str) -> AsyncGenerator[Journal, None]:
    """Open the journal in a database, where its tables are made if they are not there.

    Raises:
        ConfigurationError: the address cannot be read, or the event loop is none of asyncio's.
        JournalError: the server cannot be reached, or the journal is of a later version.
    """
    if not isinstance(current_token().native_token, asyncio.AbstractEventLoop):
        raise ConfigurationError(
            "a journal on PostgreSQL runs on asyncio, which its driver is made for, not on trio"
        )
    address = Address.of(url)
    async with connected(address) as connection, connection.transaction():
        salt = await _prepare(connection)
    async with PostgresPool.open(address) as pool:
        yield DatabaseJournal(PostgresDatabase(pool), salt)


async def _prepare(connection: Connection) -> bytes:
    """Bring the tables up to date, one process at a time, and return the salt."""
    await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    if await _row(connection, _EXISTS) == (None,):
        await connection.execute(render(HOME, POSTGRES).encode())
        await connection.execute(_BIRTH, [secrets.token_bytes(32)])
    version: int
    salt: bytes
    version, salt = await _row(connection, b"SELECT version, salt FROM mediasflow_journal")
    for statement in migrations_from(version):
        await connection.execute(render(statement, POSTGRES).encode())
    if version < len(MIGRATIONS):
        await connection.execute("UPDATE mediasflow_journal SET version = %s", [len(MIGRATIONS)])
    return salt


async def _row(connection: Connection, query: bytes) -> tuple[Any, ...]:
    (row,) = await (await connection.execute(query)).fetchall()
    return row
