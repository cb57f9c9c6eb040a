"""The store of a journal on a server: PostgreSQL through a pool, repeated when a connection breaks.

Nobody knows what became of a statement whose connection broke before the answer. It is executed
again on another connection: the statements are such that this does no harm, and what they left
shows whether the first one had been executed.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import anyio
import psycopg
from anyio.lowlevel import current_token
from attrs import field, frozen
from psycopg import AsyncConnection, AsyncCursor
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.errors import UniqueViolation
from psycopg_pool import AsyncConnectionPool

from mediasflow_async._core.retry import RetryPolicy
from mediasflow_async.delivery import sql
from mediasflow_async.delivery.errors import CampaignTaken, JournalError
from mediasflow_async.errors import ConfigurationError, MediasflowError, value_of
from mediasflow_async.secrecy import hidden

__all__ = [
    "Address",
    "Connection",
    "PostgresPool",
    "connected",
    "open_store",
]

_LOCK: Final = 0x6D656469_61666C6F  # any number that no other program locks
_EXISTS: Final = b"SELECT to_regclass('mediasflow_journal')"
_INSERT_JOURNAL: Final = "INSERT INTO mediasflow_journal (id, version, salt) VALUES (1, 0, %s)"


@asynccontextmanager
async def open_store(url: str) -> AsyncGenerator[tuple[sql.Database, bytes], None]:
    """Open the journal's tables in a database, where they are made if they are not there.

    Yields:
        What runs the statements, and the salt of the digests.

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
        yield _PostgresDatabase(pool), salt


async def _prepare(connection: Connection) -> bytes:
    """Bring the tables up to date, one process at a time, and return the salt."""
    await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    if await _row(connection, _EXISTS) == (None,):
        await connection.execute(sql.render(sql.JOURNAL_TABLE, _POSTGRES).encode())
        await connection.execute(_INSERT_JOURNAL, [secrets.token_bytes(32)])
    version: int
    salt: bytes
    version, salt = await _row(connection, b"SELECT version, salt FROM mediasflow_journal")
    for statement in sql.migrations_from(version):
        await connection.execute(sql.render(statement, _POSTGRES).encode())
    latest = len(sql.MIGRATIONS)
    if version < latest:
        await connection.execute("UPDATE mediasflow_journal SET version = %s", [latest])
    return salt


async def _row(connection: Connection, query: bytes) -> tuple[Any, ...]:
    (row,) = await (await connection.execute(query)).fetchall()
    return row


_POSTGRES: Final = sql.SqlDialect(
    timestamp="timestamptz",
    interval="interval",
    binary="bytea",
    byte_order='COLLATE "C"',
    epoch="to_timestamp(0)",
    now="clock_timestamp()",
    greatest="greatest",
    skip_locked="FOR UPDATE SKIP LOCKED",
    parameter=r"%(\1)s",
)


@frozen
class _PostgresDatabase:
    """Runs each statement as a transaction of its own, on any connection of a pool.

    Attributes:
        pool: the connections.
    """

    pool: PostgresPool

    async def change(self, change: sql.Change, values: sql.Values) -> Sequence[sql.Row]:
        statement = f"{change.statement} RETURNING {change.returning}"

        async def work(connection: Connection, attempt: int) -> Sequence[sql.Row]:
            if attempt == 0 or not change.is_recognisable:
                return await _fetch(connection, statement, values)
            # An earlier execution may have ended only after the first readback.
            for query in (change.readback, statement, change.readback):
                if rows := await _fetch(connection, query, values):
                    return rows
            return ()

        return await self.pool.run(work)

    async def execute(self, statement: str, values: sql.Values) -> int:
        async def work(connection: Connection, _: int) -> int:
            return (await _execute(connection, statement, values)).rowcount

        return await self.pool.run(work)

    async def query(self, statement: str, values: sql.Values) -> Sequence[sql.Row]:
        async def work(connection: Connection, _: int) -> Sequence[sql.Row]:
            return await _fetch(connection, statement, values)

        return await self.pool.run(work)

    async def integrity_problems(self) -> Sequence[str]:
        # PostgreSQL has no such check, and reports damage where it meets it.
        return ()

    def check_place(self) -> None:
        # The server is asked anew by each statement.
        pass

    def datetime_of(self, value: datetime) -> datetime:
        return value.astimezone(UTC)

    def timedelta_of(self, value: timedelta) -> timedelta:
        return value


async def _fetch(connection: Connection, query: str, values: sql.Values) -> Sequence[sql.Row]:
    return await (await _execute(connection, query, values)).fetchall()


async def _execute(
    connection: Connection, query: str, values: sql.Values
) -> AsyncCursor[tuple[Any, ...]]:
    try:
        return await connection.execute(sql.render(query, _POSTGRES).encode(), values)
    except UniqueViolation:
        pass
    raise CampaignTaken("The campaign belongs to another key", campaign_id=values["campaign_id"])


_Result = TypeVar("_Result")
Connection = AsyncConnection[tuple[Any, ...]]
# Gets the number of the attempt as well: after the first, 0, an earlier one may have been executed.
_Work = Callable[[Connection, int], Awaitable[_Result]]

_CLOSED: Final = "The journal is closed: keep it open while it is used"
_MOST_CONNECTIONS: Final = 10
_PATIENCE_SECONDS: Final = 30
_ATTEMPT_SECONDS: Final = 20
_LONGEST_PAUSE_SECONDS: Final = 2
_BACKOFF: Final = RetryPolicy(
    base_wait=timedelta(seconds=0.05), max_wait=timedelta(seconds=_LONGEST_PAUSE_SECONDS)
)
# Not every pooler between here and the server passes named prepared statements on.
_OPTIONS: Final[dict[str, Any]] = {"autocommit": True, "prepare_threshold": None}
_WAIT_FOR_THE_DISK: Final = (
    "SELECT set_config('synchronous_commit', 'on', false)"
    " WHERE current_setting('synchronous_commit') = 'off'"
)


@asynccontextmanager
async def connected(address: Address) -> AsyncGenerator[Connection, None]:
    """Open a connection; what goes wrong in the block raises `JournalError`."""
    try:
        async with await AsyncConnection.connect(address.conninfo, **_OPTIONS) as connection:
            yield connection
    except psycopg.Error as error:
        problem = address.cleaned(error)
    else:
        return
    raise JournalError(f"PostgreSQL: {problem}")


@frozen
class PostgresPool:
    """Runs work on any of several connections, and repeats it when the connection breaks.

    Attributes:
        address: where the server is.
        pool: its connections, each of which commits every statement by itself.
    """

    address: Address
    pool: AsyncConnectionPool[Connection] = field(repr=False)

    @classmethod
    @asynccontextmanager
    async def open(cls, address: Address) -> AsyncGenerator[PostgresPool, None]:
        """Open a pool, as an async context manager."""
        pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            address.conninfo,
            kwargs=_OPTIONS,
            configure=_wait_for_the_disk,
            min_size=1,
            max_size=_MOST_CONNECTIONS,
            timeout=_ATTEMPT_SECONDS,
            # After that time the pool begins its waits anew, rather than double them further.
            reconnect_timeout=_LONGEST_PAUSE_SECONDS,
            name="mediasflow-journal",
            open=False,
        )
        opened_in = os.getpid()
        try:
            await pool.open()
            yield cls(address, pool)
        finally:
            # A forked child shares the connections, and would end them for its parent.
            if os.getpid() == opened_in:
                with anyio.CancelScope(shield=True):
                    await pool.close()

    async def run(self, work: _Work[_Result]) -> _Result:
        """Return what the work returns, on whichever connection gets through.

        Raises:
            JournalError: the server refused, or was away for too long.
        """
        if self.pool.closed:
            raise JournalError(_CLOSED)
        give_up_at = time.monotonic() + _PATIENCE_SECONDS
        attempt = 0
        while isinstance(outcome := await self._attempt(work, attempt), _Lost):
            if time.monotonic() > give_up_at:
                raise outcome.error
            attempt += 1
            await anyio.sleep(_BACKOFF.wait_after(outcome.error, attempt).total_seconds())
        return value_of(outcome)

    async def _attempt(
        self, work: _Work[_Result], attempt: int
    ) -> _Result | MediasflowError | _Lost:
        problem = f"no answer for {_ATTEMPT_SECONDS} seconds"
        # A cancelled caller waits for the answer: breaking off would cost the connection.
        with anyio.CancelScope(shield=True), suppress(TimeoutError):
            try:
                async with asyncio.timeout(_ATTEMPT_SECONDS), self.pool.connection() as connection:
                    return await work(connection, attempt)
            except psycopg.OperationalError as error:
                problem = self.address.cleaned(error)
            except psycopg.Error as error:
                return JournalError(f"PostgreSQL: {self.address.cleaned(error)}")
        return _Lost(JournalError(f"PostgreSQL: {problem}"))


@frozen
class _Lost:
    """The connection broke, or was never there; the statement may have been executed."""

    error: JournalError


async def _wait_for_the_disk(connection: Connection) -> None:
    """Make commits wait for the disk, also where the database is set up otherwise."""
    await connection.execute(_WAIT_FOR_THE_DISK)


_DEFAULTS: Final = {
    "application_name": "mediasflow-async",
    "connect_timeout": "10",
    # A connection whose server or cable is gone is given up after half a minute.
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
_SECRET: Final = ("password", "sslpassword")


@frozen
class Address:
    """Where the database is and who connects, as libpq reads it; no repr shows it.

    Attributes:
        conninfo: the whole address, its secrets included.
        secrets: those secrets.
    """

    conninfo: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)

    @classmethod
    def of(cls, url: str) -> Address:
        """Read a URL; what it leaves open is taken from libpq's environment variables.

        Raises:
            ConfigurationError: it cannot be read, or a password in it may be taken for a part
                of the address, and shown as such.
        """
        given = _parts(url)
        secrets = tuple(str(given[name]) for name in _SECRET if given.get(name))
        return cls(make_conninfo("", **{**_DEFAULTS, **given}), secrets)

    def cleaned(self, error: psycopg.Error) -> str:
        """Return what an error says, without the rows and the secrets that it may quote."""
        return hidden(error.diag.message_primary or str(error), self.secrets)


def _parts(url: str) -> Mapping[str, str | int | None]:
    split = urlsplit(url)
    if url.count("@") <= 1 and ("@" in split.netloc) == ("@" in url):
        try:
            return conninfo_to_dict(url)
        except (psycopg.ProgrammingError, UnicodeEncodeError):
            # Its message quotes the part that cannot be read, which may be the password.
            pass
    raise ConfigurationError(
        "the address of the database cannot be read; it is postgresql://user:password@host/name, "
        "with each special character of the user and the password percent-encoded"
    )
