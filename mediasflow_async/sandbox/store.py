"""The state of a sandbox, in SQLite: its tables, its transactions, the credit of the account."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from mediasflow_async.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

__all__ = ["Store", "read_credit", "write_credit"]

# Those of the guide's examples.
_FIRST_IDS = {"campaigns": 943, "lists": 392, "messages": 1}


class Store:
    """One SQLite connection that threads take in turn.

    Args:
        path: file to keep the state in; None keeps it in memory.
        credit: SMS that the account can send at first.

    Raises:
        ConfigurationError: the file is not one that this version of the sandbox wrote.
    """

    def __init__(self, path: str | Path | None, credit: float) -> None:
        self._credit = credit
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = _connect(path)
        with self.transaction() as db:
            if db.execute("SELECT count(*) FROM balance").fetchone()[0] == 0:
                self._fill(db)

    @contextmanager
    def transaction(self) -> Generator[sqlite3.Connection]:
        """Give the connection to one thread at a time; all of its changes are kept, or none.

        Raises:
            RuntimeError: the store is closed.
        """
        with self._lock:
            if self._connection is None:
                raise RuntimeError("this sandbox has stopped: its messages are gone with it")
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def clear(self) -> None:
        """Forget everything; ids start again."""
        with self.transaction() as db:
            for table in _TABLES:
                db.execute(f"DELETE FROM {table}")  # noqa: S608  a constant
            self._fill(db)

    def _fill(self, db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO balance VALUES (?)", (self._credit,))
        db.execute("DELETE FROM sqlite_sequence")
        db.executemany(
            "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)",
            [(table, first - 1) for table, first in _FIRST_IDS.items()],
        )

    def close(self) -> None:
        """Close the connection; a state in memory is lost."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()


def read_credit(db: sqlite3.Connection) -> float:
    """Return how many SMS the account can still send."""
    return float(db.execute("SELECT credit FROM balance").fetchone()[0])


def write_credit(db: sqlite3.Connection, value: float) -> None:
    """Change how many SMS the account can still send."""
    db.execute("UPDATE balance SET credit = ?", (value,))


def _connect(path: str | Path | None) -> sqlite3.Connection:
    connection = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
    with ExitStack() as stack:
        stack.callback(connection.close)
        _check_revision(connection, path)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")
        connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
        stack.pop_all()
    return connection


def _check_revision(db: sqlite3.Connection, path: str | Path | None) -> None:
    """Refuse a file with other tables than ours before anything in it is changed.

    Raises:
        ConfigurationError: another version of the sandbox wrote it, or another program.
    """
    try:
        (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        (revision,) = db.execute("PRAGMA user_version").fetchone()
    except sqlite3.DatabaseError as error:
        raise ConfigurationError(f"database: {path} cannot be read: {error}") from None
    if tables and revision != _REVISION:
        raise ConfigurationError(
            f"database: {path} was written by another version of the sandbox, or by another "
            "program, and cannot be read",
            next_step="Name another file, or delete it if all that it holds is a sandbox's state: "
            "a new one is made.",
        )


# Goes up with every change of the tables, and of the JSON in them.
_REVISION = 2
_SCHEMA = f"""
PRAGMA user_version = {_REVISION};
CREATE TABLE IF NOT EXISTS balance (credit REAL NOT NULL);
CREATE TABLE IF NOT EXISTS campaigns (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id TEXT NOT NULL,
    state TEXT NOT NULL,
    sender TEXT NOT NULL,
    settings TEXT NOT NULL,
    totals TEXT NOT NULL,
    starts_at REAL,
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL,
    launches INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS campaigns_due ON campaigns (starts_at) WHERE state = 'SCHEDULED';
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    campaign_id INTEGER NOT NULL,
    user_id TEXT NOT NULL,
    line INTEGER NOT NULL,
    ref_list TEXT NOT NULL,
    mobile TEXT NOT NULL,
    type TEXT NOT NULL,
    sender TEXT NOT NULL,
    text TEXT NOT NULL,
    encoding TEXT NOT NULL,
    segments INTEGER NOT NULL,
    fields TEXT NOT NULL,
    sent_at REAL NOT NULL,
    posted_at REAL,
    timeline TEXT NOT NULL,
    stops_at REAL,
    left INTEGER NOT NULL,
    test INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS messages_campaign ON messages (campaign_id);
CREATE INDEX IF NOT EXISTS messages_sent ON messages (sent_at);
CREATE INDEX IF NOT EXISTS messages_stops ON messages (stops_at) WHERE stops_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS lists (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id TEXT NOT NULL,
    name TEXT NOT NULL,
    header TEXT NOT NULL,
    mobile_column INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS list_rows (
    list_id INTEGER NOT NULL,
    line INTEGER NOT NULL,
    cells TEXT NOT NULL,
    PRIMARY KEY (list_id, line)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS blacklist (
    item TEXT NOT NULL,
    kind TEXT NOT NULL,
    scope TEXT NOT NULL,
    brand TEXT NOT NULL,
    description TEXT,
    user_id TEXT NOT NULL,
    created_at REAL NOT NULL,
    PRIMARY KEY (item, kind, scope, brand)
);
"""
_TABLES = ("balance", "campaigns", "messages", "lists", "list_rows", "blacklist")
