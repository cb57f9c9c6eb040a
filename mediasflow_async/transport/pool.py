"""Connections kept, and connections opened."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import aiohappyeyeballs
import anyio
import anyio.to_thread
import httpx

from mediasflow_async.transport.connection import Connection
from mediasflow_async.transport.http1 import Origin
from mediasflow_async.transport.tls import Tls

__all__ = ["Dialer", "Places", "Pool"]


_Protocol = TypeVar("_Protocol", bound=asyncio.BaseProtocol)

_BUFFER_BYTES: Final = 256 * 1024
_HEAD_START_SECONDS: Final = 0.25
_PORTS: Final = {"http": 80, "https": 443}
_OUR_PROTOCOLS: Final = (None, "http/1.1")


class Dialer:
    """Opens connections.

    Args:
        ssl_context: TLS settings; httpx's own by default, made when first needed.
        uds: path of a Unix socket that every connection goes through.
    """

    def __init__(self, *, ssl_context: ssl.SSLContext | None, uds: str | None) -> None:
        self._ssl_context = ssl_context
        self._making_context = anyio.Lock()
        self._uds = uds
        self._buffer = memoryview(bytearray(_BUFFER_BYTES))

    async def dial(
        self, origin: Origin, make: Callable[[], Connection], timeout: float | None
    ) -> Connection:
        """Open a connection.

        Args:
            origin: where to.
            make: makes the connection's protocol.
            timeout: longest time for all of it, TLS included, in seconds; None for no limit.

        Raises:
            httpx.ConnectError: when the name, the connection or TLS fails.
            httpx.ConnectTimeout: when it takes too long.
            httpx.UnsupportedProtocol: when the scheme is neither http nor https, or there is no
                host.
        """
        if origin[0] not in _PORTS:
            raise httpx.UnsupportedProtocol("the scheme of the URL is neither http nor https")
        if not origin[1]:
            raise httpx.UnsupportedProtocol("the URL names no host")
        try:
            settings = await self._tls_settings(origin)
            with anyio.fail_after(timeout):
                return await self._connected(origin, make, settings)
        except TimeoutError:
            raise httpx.ConnectTimeout("no connection in time") from None
        except (OSError, RuntimeError, ValueError) as error:
            raise httpx.ConnectError(str(error)) from error

    async def _connected(
        self,
        origin: Origin,
        make: Callable[[], Connection],
        settings: tuple[ssl.SSLContext, str] | None,
    ) -> Connection:
        if settings is None:
            return (await self._open(origin, make))[1]
        context, name = settings
        # Before there is a socket: TLS may not take the name.
        tls = Tls(context, name, connection := make(), self._buffer)
        if not isinstance(asyncio.get_running_loop(), asyncio.BaseEventLoop):
            # uvloop has TLS of its own, in C.
            options = {"ssl": context, "server_hostname": name}
            return _speaking_http1(*await self._open(origin, lambda: connection, **options))
        transport, _ = await self._open(origin, lambda: tls)
        try:
            error = await tls.ready
        except BaseException:
            transport.abort()
            raise
        if error is not None:
            raise error
        return _speaking_http1(tls, connection)

    async def _open(
        self, origin: Origin, make: Callable[[], _Protocol], **options: Any
    ) -> tuple[asyncio.Transport, _Protocol]:
        loop = asyncio.get_running_loop()
        if self._uds is not None:
            return await loop.create_unix_connection(make, self._uds, **options)
        reached = await _reach(loop, origin)
        return await loop.create_connection(make, sock=reached, **options)

    async def _tls_settings(self, origin: Origin) -> tuple[ssl.SSLContext, str] | None:
        scheme, host, _, name = origin
        return None if scheme == "http" else (await self._context(), name or host.decode("ascii"))

    async def _context(self) -> ssl.SSLContext:
        async with self._making_context:
            if self._ssl_context is None:
                # Reading the certificates takes long, and should hold nobody else up.
                self._ssl_context = await anyio.to_thread.run_sync(httpx.create_ssl_context)
            return self._ssl_context


def _speaking_http1(transport: asyncio.Transport | Tls, connection: Connection) -> Connection:
    """Return a connection, unless the TLS settings have made the server expect HTTP/2."""
    encryption: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    if encryption is not None and encryption.selected_alpn_protocol() not in _OUR_PROTOCOLS:
        connection.abort()
        raise ConnectionError("the TLS settings offer, and the server chose, more than HTTP/1.1")
    return connection


async def _reach(loop: asyncio.AbstractEventLoop, origin: Origin) -> socket.socket:
    scheme, host, port, _ = origin
    addresses = await loop.getaddrinfo(
        host.decode("ascii"),
        _PORTS[scheme] if port is None else port,
        type=socket.SOCK_STREAM,
    )
    return await aiohappyeyeballs.start_connection(
        addresses, happy_eyeballs_delay=_HEAD_START_SECONDS, loop=loop
    )


class Places:
    """Gives its places in the order in which they were asked for.

    Args:
        count: how many there are.
    """

    def __init__(self, count: int) -> None:
        self._left = anyio.Semaphore(count, fast_acquire=True)

    @property
    def left(self) -> int:
        """How many are left."""
        return self._left.value

    async def take(self, timeout: float | None) -> None:
        """Take a place.

        Raises:
            httpx.PoolTimeout: when none becomes free in so many seconds; None for no limit.
        """
        try:
            # Who need not wait has time, even if it is none.
            self._left.acquire_nowait()
        except anyio.WouldBlock:
            await self._wait(timeout)

    def free(self) -> None:
        """Give a place back."""
        self._left.release()

    async def _wait(self, timeout: float | None) -> None:
        try:
            with anyio.fail_after(timeout):
                await self._left.acquire()
        except TimeoutError:
            raise httpx.PoolTimeout("no connection became free in time") from None


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
