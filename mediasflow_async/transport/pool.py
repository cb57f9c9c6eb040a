"""Connections: kept for the next request, opened when there is none, closed with age."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Final, TypeVar

import aiohappyeyeballs
import anyio
import anyio.to_thread
import httpx

from mediasflow_async.transport.answers import Answer
from mediasflow_async.transport.connection import Connection
from mediasflow_async.transport.outgoing import Origin, Outgoing
from mediasflow_async.transport.tls import Tls

__all__ = ["Dialer", "Pool"]


class Pool:
    """Gives the connection that was used last, and closes those that nobody has used for long.

    Nothing is scanned, and no task runs in the background: age is looked at when a connection
    is taken, and at the oldest one when another is given back.

    Args:
        dialer: opens connections.
        keepalive_expiry_seconds: how long a connection is kept without a request.
        max_idle: how many are kept for each origin.
    """

    def __init__(self, dialer: Dialer, *, keepalive_expiry_seconds: float, max_idle: int) -> None:
        self.loop: Final = asyncio.get_running_loop()
        self._dialer = dialer
        self._expiry_seconds = keepalive_expiry_seconds
        self._max_idle = max_idle
        self._buffer = memoryview(bytearray(_BUFFER_BYTES))
        self._kept: defaultdict[Origin, dict[Connection, float]] = defaultdict(dict)
        self._open: set[Connection] = set()
        self._posted: list[tuple[Connection, Outgoing, Answer]] = []
        self._emptied: anyio.Event | None = None

    def kept(self, origin: Origin) -> Connection | None:
        """Return a kept connection for one request, or None when there is none that is fit."""
        kept = self._kept.get(origin)
        oldest_useful = self.loop.time() - self._expiry_seconds
        while kept:
            connection, since = kept.popitem()
            if since > oldest_useful and connection.is_fit:
                return connection
            connection.abort()
        return None

    async def dialed(self, origin: Origin, timeout: float | None) -> Connection:
        """Return a new connection for one request.

        Raises:
            httpx.ConnectError, httpx.ConnectTimeout: when it cannot be opened.
        """
        self._check_open()
        connection = await self._dialer.dial(
            origin, lambda: Connection(origin, self, self._buffer), timeout
        )
        # Not when it is made: of a connection whose task is cancelled at that moment, uvloop
        # does not tell the loss.
        self._open.add(connection)
        if self._emptied is not None:
            connection.abort()
        self._check_open()
        return connection

    def is_busy_beside(self, connection: Connection) -> bool:
        """Whether another request is under way; one alone would wait for nobody."""
        return len(self._open) - len(self._kept.get(connection.origin, ())) > 1

    def post(self, connection: Connection, outgoing: Outgoing, answer: Answer) -> None:
        """Write a whole request at the end of this turn of the loop, with all others of the turn.

        A server that sleeps is woken once for all of them, rather than by each. Nothing has left
        before, and the watcher of the request is told at the moment when it does. Only for kept
        connections: on a new one TLS may have something to say that nobody has asked for.
        """
        if not self._posted:
            self.loop.call_soon(self._write_posted)
        self._posted.append((connection, outgoing, answer))

    def _write_posted(self) -> None:
        posted, self._posted = self._posted, []
        for connection, outgoing, answer in posted:
            connection.begin_late(outgoing, answer)

    def give_back(self, connection: Connection) -> None:
        """Keep a connection for the next request."""
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

    def _check_open(self) -> None:
        if self._emptied is not None:
            raise httpx.ConnectError("the transport was closed")


_BUFFER_BYTES: Final = 256 * 1024
_HEAD_START_SECONDS: Final = 0.25
_PORTS: Final = {"http": 80, "https": 443}
_OUR_PROTOCOLS: Final = (None, "http/1.1")
_Protocol = TypeVar("_Protocol", bound=asyncio.BaseProtocol)


class Dialer:
    """Opens connections.

    Args:
        ssl_context: TLS settings; httpx's own by default, made when first needed.
    """

    def __init__(self, *, ssl_context: ssl.SSLContext | None) -> None:
        self._ssl_context = ssl_context
        self._making_context = anyio.Lock()
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
