"""The connections of a transport: which are kept for the next request, and for how long."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from typing import Final

import anyio
import httpx

from mediasflow_async.transport.connection import Connection, Origin
from mediasflow_async.transport.dialing import Dialer
from mediasflow_async.transport.places import Places

__all__ = ["Pool"]

_BUFFER_BYTES: Final = 256 * 1024


class Pool:
    """Gives the connection that was used last, and closes those that nobody has used for long.

    Nothing is scanned, and no task runs in the background: age is looked at when a connection
    is taken, and at the oldest one when another is given back.

    Args:
        dialer: opens connections.
        keepalive_expiry_seconds: how long a connection is kept without a request.
        max_idle: how many are kept for each origin.
        max_connections: how many there may be; None for no limit.
    """

    def __init__(
        self,
        dialer: Dialer,
        *,
        keepalive_expiry_seconds: float,
        max_idle: int,
        max_connections: int | None,
    ) -> None:
        self.loop: Final = asyncio.get_running_loop()
        self._dialer = dialer
        self._expiry_seconds = keepalive_expiry_seconds
        self._max_idle = max_idle
        self._places = Places(max_connections) if max_connections is not None else None
        self._buffer = memoryview(bytearray(_BUFFER_BYTES))
        self._kept: defaultdict[Origin, dict[Connection, float]] = defaultdict(dict)
        self._open: set[Connection] = set()
        self._emptied: anyio.Event | None = None

    def take_kept(self, origin: Origin) -> Connection | None:
        """Return a kept connection for one request; None where it takes waiting to have one."""
        if self._places is not None:
            return None
        connection = self._newest(origin)
        if connection is not None:
            connection.is_taken = True
        return connection

    async def take(self, origin: Origin, timeouts: Mapping[str, float | None]) -> Connection:
        """Return a connection for one request, kept or new.

        Raises:
            httpx.PoolTimeout: when there are too many, and none becomes free in time.
            httpx.ConnectError, httpx.ConnectTimeout: when a new one cannot be opened.
        """
        if self._places is not None:
            await self._places.take(timeouts.get("pool"))
        connection = self._newest(origin)
        if connection is None:
            connection = await self._new(origin, timeouts.get("connect"))
        connection.is_taken = True
        return connection

    def give_back(self, connection: Connection) -> None:
        """Keep a connection for the next request."""
        self._free(connection)
        kept = self._kept[connection.origin]
        now = kept[connection] = self.loop.time()
        oldest, since = next(iter(kept.items()))
        if len(kept) > self._max_idle or now - since >= self._expiry_seconds:
            oldest.abort()

    def drop(self, connection: Connection) -> None:
        """Forget a connection that will not carry another request."""
        kept = self._kept[connection.origin]
        kept.pop(connection, None)
        if not kept:
            del self._kept[connection.origin]
        self._free(connection)

    def lost(self, connection: Connection) -> None:
        """Note that a connection is closed for good."""
        self._open.discard(connection)
        if self._emptied is not None and not self._open:
            self._emptied.set()

    async def aclose(self) -> None:
        """Close all connections; requests under way fail."""
        self._emptied = anyio.Event()
        for connection in list(self._open):
            connection.close()
        if self._open:
            await self._emptied.wait()

    def _newest(self, origin: Origin) -> Connection | None:
        kept = self._kept.get(origin)
        oldest_useful = self.loop.time() - self._expiry_seconds
        while kept:
            connection, since = kept.popitem()
            if since > oldest_useful and connection.is_fit:
                return connection
            connection.abort()
        return None

    async def _new(self, origin: Origin, timeout: float | None) -> Connection:
        try:
            self._check_open()
            self._make_room()
            connection = await self._dialer.dial(
                origin, lambda: Connection(origin, self, self._buffer), timeout
            )
            self._note(connection)
        except BaseException:
            if self._places is not None:
                self._places.free()
            raise
        return connection

    def _check_open(self) -> None:
        if self._emptied is not None:
            raise httpx.ConnectError("the transport was closed")

    def _note(self, connection: Connection) -> None:
        # Not when it is made: of a connection whose task is cancelled at that moment, uvloop
        # does not tell the loss.
        self._open.add(connection)
        if self._emptied is not None:
            connection.abort()
        self._check_open()

    def _make_room(self) -> None:
        """Close a kept connection to another origin, if a new one would be one too many."""
        if self._places is not None and sum(map(len, self._kept.values())) > self._places.left:
            next(connection for kept in self._kept.values() for connection in kept).abort()

    def _free(self, connection: Connection) -> None:
        if connection.is_taken:
            connection.is_taken = False
            if self._places is not None:
                self._places.free()
