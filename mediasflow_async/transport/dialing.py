"""Opens connections: addresses and the race between them, TLS, Unix sockets."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Any, Final, TypeVar

import aiohappyeyeballs
import anyio
import anyio.to_thread
import httpx

from mediasflow_async.transport.connection import Connection, Origin
from mediasflow_async.transport.tls import Tls

__all__ = ["Dialer"]

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
