"""The tables of procrastinate, made once by whoever comes first."""

from __future__ import annotations

from typing import Final

from procrastinate.schema import SchemaManager

from mediasflow_async.delivery.postgres_address import Address
from mediasflow_async.delivery.postgres_pool import Connection, connected
from mediasflow_async.workers.errors import QueueError

__all__ = ["prepare_tables"]

_LOCK: Final = 0x6D656469_71756575  # any number that no other program locks
_EXIST: Final = "SELECT to_regclass('procrastinate_jobs') IS NOT NULL"
# What tables of an earlier release lack.
_ARE_OF_TODAY: Final = """
SELECT to_regproc('procrastinate_retry_job_v2') IS NOT NULL
   AND to_regproc('procrastinate_fetch_job_v2') IS NOT NULL
   AND to_regproc('procrastinate_defer_jobs_v1') IS NOT NULL
"""
_EARLIER: Final = (
    "the tables of procrastinate in this database are of an earlier release: apply its migrations "
    "first, which its documentation lists"
)


async def prepare_tables(address: Address) -> None:
    """Make the tables where there are none, one process at a time.

    Raises:
        QueueError: there are tables of an earlier release of procrastinate.
        JournalError: the server cannot be reached.
    """
    async with connected(address) as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        if await _is_true(connection, _EXIST):
            is_usable = await _is_true(connection, _ARE_OF_TODAY)
        else:
            await connection.execute(SchemaManager.get_schema())
            is_usable = True
    if not is_usable:
        raise QueueError(_EARLIER)


async def _is_true(connection: Connection, question: str) -> bool:
    ((answer,),) = await (await connection.execute(question.encode())).fetchall()
    return bool(answer)
