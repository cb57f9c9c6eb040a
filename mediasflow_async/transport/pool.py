"""Connections: kept for the next request, opened when there is none, closed with age."""

from __future__ import annotations

import asyncio
import math
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
        self._timeouts = _IdleTimeouts()
        self._open: set[Connection] = set()
        self._posted: list[tuple[Connection, Outgoing, Answer]] = []
        self._emptied: anyio.Event | None = None

    def kept(self, origin: Origin, *, is_once: bool = False) -> Connection | None:
        """Return a kept connection for one request, or None when there is none that is fit.

        The server may close an idle connection while a request is on its way over it. A request
        that is not repeated in doubt (`is_once`) gets a young connection; an older one is left to
        those that are.
        """
        kept = self._kept.get(origin)
        now = self.loop.time()
        while kept:
            connection, since = kept.popitem()
            idle, announced = now - since, connection.announced_seconds
            if idle >= self._expiry_seconds or idle >= announced - _MARGIN_SECONDS:
                connection.abort()
            elif not connection.is_fit:
                self._timeouts.note_end(origin, idle, now)
                connection.abort()
            elif is_once and idle >= self._timeouts.young_seconds(origin, announced):
                kept[connection] = since
                return None
            else:
                connection.idle_seconds = idle
                return connection
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
        before, and the observer of the request is told at the moment when it does. Only for kept
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
        idle = now - since
        if len(kept) > self._max_idle or idle >= self._expiry_seconds:
            oldest.abort()
        elif (
            idle >= _MARGIN_SECONDS
            and self._timeouts.is_refuted(oldest.origin, idle, now)
            and oldest.is_fit
        ):
            self._timeouts.forget(oldest.origin)

    def drop(self, connection: Connection) -> None:
        """Forget a connection that will not carry another request."""
        kept = self._kept[connection.origin]
        kept.pop(connection, None)
        if not kept:
            del self._kept[connection.origin]

    def note_end(self, connection: Connection) -> None:
        """Learn from a connection that the server has ended how long it keeps idle ones."""
        now = self.loop.time()
        since = self._kept.get(connection.origin, {}).get(connection)
        idle = connection.idle_seconds if since is None else now - since
        # A new one says nothing of that, nor does one that was closed here.
        if idle is not None:
            self._timeouts.note_end(connection.origin, idle, now)

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


_MARGIN_SECONDS: Final = 0.5
"""Time for a request to arrive, and for timers that are not exact."""
_YOUNG_SECONDS: Final = 1.0
_MEMORY_SECONDS: Final = 60.0
_MOST_ORIGINS: Final = 100
_NEVER: Final = (math.inf, -math.inf)


class _IdleTimeouts:
    """The idle timeouts of servers, as far as they have shown them.

    A connection that the server ends after some idle time shows that its timeout is not longer.
    The shortest such time of an origin counts. A restart ends all connections, of whatever age:
    what is remembered is forgotten once an open connection is older than that by the margin, but
    no earlier than a minute after the latest end that agreed with it.
    """

    def __init__(self) -> None:
        self._ends: dict[Origin, tuple[float, float]] = {}
        """Of each origin the shortest idle time, and when an end last agreed with it."""

    def note_end(self, origin: Origin, idle: float, now: float) -> None:
        """Note that the server has ended a connection that had been idle for so many seconds."""
        shortest, _ = self._ends.get(origin, _NEVER)
        if idle < shortest + _MARGIN_SECONDS:
            self._ends.pop(origin, None)
            self._ends[origin] = (min(idle, shortest), now)
        if len(self._ends) > _MOST_ORIGINS:
            del self._ends[next(iter(self._ends))]

    def young_seconds(self, origin: Origin, announced: float) -> float:
        """Return up to which idle time a connection is far from being closed."""
        shortest, _ = self._ends.get(origin, _NEVER)
        return min(_YOUNG_SECONDS, (min(shortest, announced) - _MARGIN_SECONDS) / 2)

    def is_refuted(self, origin: Origin, idle: float, now: float) -> bool:
        """Whether an open connection that has been idle for so long disproves what is known."""
        shortest, confirmed_at = self._ends.get(origin, _NEVER)
        return idle >= shortest + _MARGIN_SECONDS and now >= confirmed_at + _MEMORY_SECONDS

    def forget(self, origin: Origin) -> None:
        """Forget what is known of an origin."""
        del self._ends[origin]


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
