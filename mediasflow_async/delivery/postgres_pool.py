"""Connections to PostgreSQL that outlive the server's restarts."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeVar

import anyio
import psycopg
from attrs import field, frozen
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from mediasflow_async.delivery.errors import JournalError
from mediasflow_async.delivery.postgres_address import Address
from mediasflow_async.errors import MediasflowError, value_of

__all__ = ["Connection", "PostgresPool", "connected"]

_Result = TypeVar("_Result")
Connection = AsyncConnection[tuple[Any, ...]]
Work = Callable[[Connection, int], Awaitable[_Result]]
"""Gets the number of the attempt as well: after the first, counted 0, an earlier one may have
been executed."""

_CLOSED: Final = "The journal is closed: keep it open while it is used"
_MOST_CONNECTIONS: Final = 10
_PATIENCE_SECONDS: Final = 30
_ATTEMPT_SECONDS: Final = 20
_LONGEST_PAUSE_SECONDS: Final = 2
# Named prepared statements do not pass through every pooler between here and the server.
_OPTIONS: Final[dict[str, Any]] = {"autocommit": True, "prepare_threshold": None}
_WAIT_FOR_THE_DISK: Final = (
    "SELECT set_config('synchronous_commit', 'on', false)"
    " WHERE current_setting('synchronous_commit') = 'off'"
)


@asynccontextmanager
async def connected(address: Address) -> AsyncGenerator[Connection, None]:
    """Give a connection of its own; what goes wrong in the block raises `JournalError`."""
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
    """Runs work on any of several connections, and again when the server was away.

    Attributes:
        address: where the server is.
        pool: its connections, each of which commits every statement by itself.
    """

    address: Address
    pool: AsyncConnectionPool[Connection] = field(repr=False)

    @classmethod
    @asynccontextmanager
    async def open(cls, address: Address) -> AsyncGenerator[PostgresPool, None]:
        """Give a pool, and close it at the end."""
        pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            address.conninfo,
            kwargs=_OPTIONS,
            configure=_wait_for_the_disk,
            min_size=1,
            max_size=_MOST_CONNECTIONS,
            timeout=_ATTEMPT_SECONDS,
            # Then it starts anew, rather than pause for longer and longer.
            reconnect_timeout=_LONGEST_PAUSE_SECONDS,
            name="mediasflow-journal",
            open=False,
        )
        try:
            await pool.open()
            yield cls(address, pool)
        finally:
            with anyio.CancelScope(shield=True):
                await pool.close()

    async def run(self, work: Work[_Result]) -> _Result:
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
                raise JournalError(f"PostgreSQL: {outcome.problem}")
            # Those that lost their connections together do not come back together.
            longest = min(0.05 * 2**attempt, _LONGEST_PAUSE_SECONDS)
            await anyio.sleep(random.uniform(0, longest))  # noqa: S311 - no secret
            attempt += 1
        return value_of(outcome)

    async def _attempt(
        self, work: Work[_Result], attempt: int
    ) -> _Result | MediasflowError | _Lost:
        problem = f"no answer for {_ATTEMPT_SECONDS} seconds"
        # A caller that is cancelled gets its answer first: to break off costs the connection.
        with anyio.CancelScope(shield=True), suppress(TimeoutError):
            try:
                async with asyncio.timeout(_ATTEMPT_SECONDS), self.pool.connection() as connection:
                    return await work(connection, attempt)
            except psycopg.OperationalError as error:
                problem = self.address.cleaned(error)
            except psycopg.Error as error:
                return JournalError(f"PostgreSQL: {self.address.cleaned(error)}")
        return _Lost(problem)


@frozen
class _Lost:
    """The connection is gone, or never came; what was asked may have been done."""

    problem: str


async def _wait_for_the_disk(connection: Connection) -> None:
    """Have commits wait for the disk, also where the database is set up not to."""
    await connection.execute(_WAIT_FOR_THE_DISK)
