"""Opening a journal in a SQLite file: made, migrated and ready."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

from mediasflow_async.delivery.database_journal import DatabaseJournal
from mediasflow_async.delivery.journal import Journal
from mediasflow_async.delivery.schema import HOME, MIGRATIONS, migrations_from
from mediasflow_async.delivery.sql_dialect import render
from mediasflow_async.delivery.sqlite import SQLITE, SqliteDatabase
from mediasflow_async.delivery.sqlite_clock import Clock, boot_id, shared_clock
from mediasflow_async.delivery.sqlite_file import connect, make_private
from mediasflow_async.delivery.sqlite_thread import SqliteThread

__all__ = ["open_sqlite"]

_BIRTH: Final = "INSERT OR IGNORE INTO mediasflow_journal (id, version, salt) VALUES (1, 0, ?)"


@asynccontextmanager
async def open_sqlite(path: Path) -> AsyncGenerator[Journal, None]:
    """Open the journal in a file, which is made where there is none.

    Raises:
        JournalError: the file cannot be opened, is no journal, or one of a later version.
    """
    writer = SqliteThread(partial(_create_and_connect, path), "BEGIN IMMEDIATE")
    reader = SqliteThread(partial(connect, path), "BEGIN")
    async with AsyncExitStack() as stack:
        await writer.start()
        stack.push_async_callback(writer.aclose)
        salt, clock = await writer.run(_prepare)
        await reader.start()
        stack.push_async_callback(reader.aclose)
        yield DatabaseJournal(SqliteDatabase(writer, reader, clock), salt)


def _create_and_connect(path: Path) -> sqlite3.Connection:
    make_private(path)
    return connect(path)


def _prepare(connection: sqlite3.Connection) -> tuple[bytes, Clock]:
    """Bring the tables up to date; return the salt and the clock."""
    connection.execute(render(HOME, SQLITE))
    connection.execute(_BIRTH, [secrets.token_bytes(32)])
    version, salt = connection.execute("SELECT version, salt FROM mediasflow_journal").fetchone()
    for statement in migrations_from(version):
        connection.execute(render(statement, SQLITE))
    connection.execute("UPDATE mediasflow_journal SET version = ?", [len(MIGRATIONS)])
    return salt, shared_clock(connection, boot_id())
