"""Opens connections: addresses and the race between them, TLS, Unix sockets."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Any, Final

import aiohappyeyeballs
import anyio
import anyio.to_thread
import httpx

from mediasflow_async.transport.connection import Connection, Origin

__all__ = ["Dialer"]

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
            options = await self._tls_options(origin)
            with anyio.fail_after(timeout):
                return await self._connected(origin, make, options)
        except TimeoutError:
            raise httpx.ConnectTimeout("no connection in time") from None
        except (OSError, RuntimeError, ValueError) as error:
            raise httpx.ConnectError(str(error)) from error

    async def _connected(
        self, origin: Origin, make: Callable[[], Connection], options: dict[str, Any]
    ) -> Connection:
        loop = asyncio.get_running_loop()
        if self._uds is not None:
            opened = await loop.create_unix_connection(make, self._uds, **options)
        else:
            reached = await _reach(loop, origin)
            opened = await loop.create_connection(make, sock=reached, **options)
        return _speaking_http1(*opened)

    async def _tls_options(self, origin: Origin) -> dict[str, Any]:
        scheme, host, _, name = origin
        if scheme == "http":
            return {}
        context, name = await self._context(), name or host.decode("ascii")
        # A loop leaves the socket open when TLS cannot take the name: it is tried before.
        context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=name)
        return {"ssl": context, "server_hostname": name}

    async def _context(self) -> ssl.SSLContext:
        async with self._making_context:
            if self._ssl_context is None:
                # Reading the certificates takes long, and should hold nobody else up.
                self._ssl_context = await anyio.to_thread.run_sync(httpx.create_ssl_context)
            return self._ssl_context


def _speaking_http1(transport: asyncio.Transport, connection: Connection) -> Connection:
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
