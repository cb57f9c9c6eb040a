"""The token that all workers share, in their database: one login for all of them."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime
from hashlib import blake2b
from typing import Final

from attrs import field, frozen

from mediasflow_async._core.token_stores import StoredToken
from mediasflow_async.delivery.postgres import Connection
from mediasflow_async.secrecy import Secret
from mediasflow_async.workers.database import Database

__all__ = ["TOKEN_TABLE", "DatabaseTokenStore"]

TOKEN_TABLE: Final = b"""
CREATE TABLE IF NOT EXISTS mediasflow_tokens (
    account text PRIMARY KEY,
    token text NOT NULL,
    issued_at timestamptz NOT NULL,
    ends_at timestamptz
)
"""
"""One row per account, under a salted digest; the row without a name holds the salt."""

_LOCK: Final = 0x6D656469_746F6B6E  # any number that no other program locks
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
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
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
