"""The database of the queue: procrastinate's tables, connections, errors, the workers' token.

What the driver and procrastinate raise becomes a `QueueError`, without the rows and the secrets
that such an error may quote.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime
from hashlib import blake2b
from typing import Final

import anyio
from attrs import field, frozen
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ProcrastinateException
from procrastinate.psycopg_connector import wrap_exceptions
from procrastinate.schema import SchemaManager

from mediasflow_async._core.token_stores import StoredToken
from mediasflow_async.delivery.postgres import Address, Connection, connected
from mediasflow_async.secrecy import Secret, hidden
from mediasflow_async.workers.jobs import QueueError, arguments_from_json, json_of_arguments

__all__ = ["TOKEN_TABLE", "Database", "DatabaseTokenStore", "prepare_tables"]


_MOST_CONNECTIONS: Final = 6


@frozen
class Database:
    """Where the queue is kept.

    Attributes:
        address: where the server is.
        connector: the connections that procrastinate uses.
    """

    address: Address
    connector: PsycopgConnector = field(repr=False)

    @classmethod
    @asynccontextmanager
    async def open(cls, address: Address) -> AsyncGenerator[Database, None]:
        """Connect, and close the connections at the end."""
        connector = PsycopgConnector(
            conninfo=address.conninfo,
            # Not every pooler on the way passes named prepared statements on.
            kwargs={"prepare_threshold": None},
            min_size=1,
            max_size=_MOST_CONNECTIONS,
            name="mediasflow-queue",
            json_dumps=json_of_arguments,
            json_loads=arguments_from_json,
        )
        database = cls(address, connector)
        try:
            async with database.translated():
                await connector.open_async()
            yield database
        finally:
            with anyio.CancelScope(shield=True):
                await connector.close_async()

    def new_app(self) -> App:
        """Return an application of procrastinate that has no task yet."""
        return App(connector=self.connector)

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Connection, None]:
        """Open a transaction on one connection.

        Raises:
            QueueError: the database failed.
        """
        async with (
            self.translated(),
            self.connector.pool.connection() as connection,
            connection.transaction(),
        ):
            yield connection

    @asynccontextmanager
    async def translated(self) -> AsyncGenerator[None, None]:
        """Raise `QueueError` for what the driver and procrastinate raise in the block."""
        try:
            async with wrap_exceptions():
                yield
        except ProcrastinateException as error:
            problem = self.problem(error)
        else:
            return
        raise QueueError(f"PostgreSQL: {problem}")

    def problem(self, error: ProcrastinateException) -> str:
        """Return what is wrong, without the rows and the secrets that an error may quote."""
        cause = error.__cause__ or error
        primary = getattr(getattr(cause, "diag", None), "message_primary", None)
        return hidden(primary or str(cause), self.address.secrets)


_LOCK: Final = 0x6D656469_71756575  # any number that no other program locks
_TABLES_EXIST: Final = "SELECT to_regclass('procrastinate_jobs') IS NOT NULL"
# Functions that an earlier release of procrastinate does not have.
_ARE_CURRENT: Final = """
SELECT to_regproc('procrastinate_retry_job_v2') IS NOT NULL
   AND to_regproc('procrastinate_fetch_job_v2') IS NOT NULL
   AND to_regproc('procrastinate_defer_jobs_v1') IS NOT NULL
"""
_EARLIER_RELEASE: Final = (
    "the tables of procrastinate in this database are of an earlier release: apply its migrations "
    "first, which its documentation lists"
)


async def prepare_tables(address: Address, *further: bytes) -> None:
    """Create the tables where there are none, one process at a time.

    Args:
        address: where the server is.
        *further: statements that create tables beside those of procrastinate.

    Raises:
        QueueError: there are tables of an earlier release of procrastinate.
        JournalError: the server cannot be reached.
    """
    async with connected(address) as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        if await _is_true(connection, _TABLES_EXIST):
            is_usable = await _is_true(connection, _ARE_CURRENT)
        else:
            await connection.execute(SchemaManager.get_schema())
            is_usable = True
        for statement in further:
            await connection.execute(statement)
    if not is_usable:
        raise QueueError(_EARLIER_RELEASE)


async def _is_true(connection: Connection, question: str) -> bool:
    ((answer,),) = await (await connection.execute(question.encode())).fetchall()
    return bool(answer)


TOKEN_TABLE: Final = b"""
CREATE TABLE IF NOT EXISTS mediasflow_tokens (
    account text PRIMARY KEY,
    token text NOT NULL,
    issued_at timestamptz NOT NULL,
    ends_at timestamptz
)
"""
"""One row per account, under a salted digest; the row without a name holds the salt."""

_TOKEN_LOCK: Final = 0x6D656469_746F6B6E  # any number that no other program locks
_SALT_BYTES: Final = 16
_DIGEST_BYTES: Final = 20
_ADD_SALT: Final = b"""
INSERT INTO mediasflow_tokens VALUES ('', %s, clock_timestamp(), NULL) ON CONFLICT DO NOTHING
"""
_SALT: Final = b"SELECT token FROM mediasflow_tokens WHERE account = ''"
_GET: Final = b"SELECT token, issued_at, ends_at FROM mediasflow_tokens WHERE account = %s"
_PUT: Final = b"""
INSERT INTO mediasflow_tokens VALUES (%s, %s, %s, %s)
ON CONFLICT (account) DO UPDATE
   SET token = excluded.token, issued_at = excluded.issued_at, ends_at = excluded.ends_at
"""


@frozen
class DatabaseTokenStore:
    """A `TokenStore` in the workers' database; `Queue.token_store` makes one.

    Attributes:
        database: where the table is.
    """

    database: Database
    _held: dict[str, Connection] = field(factory=dict, init=False, repr=False)

    @asynccontextmanager
    async def lock(self, account: str) -> AsyncGenerator[None, None]:
        """Hold the lock of all accounts; it ends with its connection, and a process that dies.

        Raises:
            QueueError: the database failed.
        """
        async with self.database.transaction() as connection:
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_TOKEN_LOCK])
            self._held[account] = connection
            try:
                yield
            finally:
                del self._held[account]

    async def get(self, account: str) -> StoredToken | None:
        """Return the token of an account, or None."""
        connection = self._held[account]
        cursor = await connection.execute(_GET, [await _name_of(account, connection)])
        rows: list[tuple[str, datetime, datetime | None]] = await cursor.fetchall()
        for token, issued_at, ends_at in rows:
            return StoredToken(token=Secret(token), issued_at=issued_at, ends_at=ends_at)
        return None

    async def put(self, account: str, token: StoredToken) -> None:
        """Replace the token of an account."""
        connection = self._held[account]
        name = await _name_of(account, connection)
        values = [name, token.token.reveal(), token.issued_at, token.ends_at]
        await connection.execute(_PUT, values)


async def _name_of(account: str, connection: Connection) -> str:
    await connection.execute(_ADD_SALT, [secrets.token_hex(_SALT_BYTES)])
    ((salt,),) = await (await connection.execute(_SALT)).fetchall()
    digest = blake2b(account.encode(), key=str(salt).encode(), digest_size=_DIGEST_BYTES)
    return digest.hexdigest()
