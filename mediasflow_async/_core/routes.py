"""The route of requests: our transport, httpx's, or the caller's; one `Live` per event loop.

A session may be used in one event loop after another. What belongs to a loop, its connections,
its semaphore and its timers, is made when the first call runs in it.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol

import anyio
import httpx
from anyio.lowlevel import current_token
from attrs import field, frozen

from mediasflow_async._core.calls import Call
from mediasflow_async._core.httpx_adapter import (
    CookielessClient,
    sending_through,
    sending_through_own,
    with_checksum,
)
from mediasflow_async._core.loops import Deadline, Deadlines, asyncio_loop, in_thread
from mediasflow_async._core.options import Settings, proxy_of_environment, tls_of_environment
from mediasflow_async.dialect import Checksum
from mediasflow_async.errors import SessionClosed
from mediasflow_async.secrecy import mask_http_loggers
from mediasflow_async.transport import AsyncioTransport, Outgoing

__all__ = ["Answer", "Connections", "Live", "Send", "send_for"]


class Connections:
    """Owns the connections of a session and of those derived from it.

    The connection pool below has no limit of its own. The semaphore in front of it is the limit:
    its slots are given back whatever happens to a request, while a cancelled request can cost
    httpcore's pool a connection for good.

    Args:
        base_url: the address that is talked to.
        settings: limits and timeouts.
        ssl_context: TLS settings; httpx's by default.
        transport: a transport of the caller's, never closed here.
        client: a client of the caller's, never closed here.
    """

    def __init__(
        self,
        base_url: httpx.URL,
        settings: Settings,
        *,
        ssl_context: ssl.SSLContext | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        client: httpx.AsyncClient | None = None,
    ) -> None:
        self._base_url = base_url
        self._settings = settings
        self._ssl_context = ssl_context
        self._transport = transport
        self._client = client
        self._proxy: httpx.Proxy | None = None
        self._is_prepared = False
        self._opening: tuple[Any, anyio.Lock] | None = None
        self._live: Live | None = None
        self._is_closed = False

    @property
    def is_closed(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._is_closed or (self._client is not None and self._client.is_closed)

    @property
    def are_open(self) -> bool:
        """Whether there may be connections of ours that nobody has closed."""
        return self._live is not None and self._client is None and self._transport is None

    def live(self) -> Live | None:
        """Return what belongs to the running loop, or None before `opened`.

        Raises:
            SessionClosed: after `aclose`.
        """
        self.check_open()
        live = self._live
        return live if live is not None and live.loop == _running_loop() else None

    async def opened(self) -> Live:
        """Return what belongs to the running loop, made now if need be.

        What the environment says of the way to the server is read once, in a thread: loading
        certificates takes long.

        Raises:
            ConfigurationError: the environment names a proxy or certificates that are none.
            SessionClosed: after `aclose`.
        """
        loop = _running_loop()
        if self._opening is None or self._opening[0] != loop:
            self._opening = loop, anyio.Lock()
        async with self._opening[1]:
            if (live := self.live()) is not None:
                return live
            if not self._is_prepared:
                await in_thread(self._prepare)
                self.check_open()
            mask_http_loggers()
            on_asyncio = asyncio_loop()
            # Connections of a loop that has ended cannot be closed any more, only dropped.
            self._live = Live(
                loop=loop,
                route=self._new_route(),
                slots=anyio.Semaphore(self._settings.max_in_flight, fast_acquire=True),
                deadlines=Deadlines(on_asyncio) if on_asyncio else None,
            )
            return self._live

    def _prepare(self) -> None:
        """Read what the environment says of the way to the server, unless that is given."""
        if self._client is None and self._transport is None:
            # Plain http on this machine needs no certificates, which take longest to load.
            if self._ssl_context is None and self._base_url.scheme != "http":
                self._ssl_context = tls_of_environment()
            self._proxy = proxy_of_environment(self._base_url, self._ssl_context)
            if self._proxy is not None:
                # What httpx imports when its first transport is made.
                import_module("httpcore")
        self._is_prepared = True

    async def wait_for_slot(self, live: Live) -> None:
        """Wait for a slot among the calls under way.

        Raises:
            SessionClosed: when the session was closed meanwhile.
        """
        await live.slots.acquire()
        try:
            self.check_open()
        except BaseException:
            live.slots.release()
            raise

    def check_open(self) -> None:
        """Raise `SessionClosed` when nothing can be sent any more."""
        if self._is_closed:
            raise SessionClosed("the session is closed")
        if self.is_closed:
            raise SessionClosed("the httpx client that the session was given is closed")

    async def aclose(self) -> None:
        """Close the connections that are ours; harmless to repeat."""
        self._is_closed = True
        live, self._live = self._live, None
        if live and live.loop == _running_loop():
            if live.deadlines is not None:
                live.deadlines.stop()
            await live.route.aclose()

    def _new_route(self) -> _Route:
        return _route_of(
            self._settings,
            ssl_context=self._ssl_context,
            proxy=self._proxy,
            transport=self._transport,
            client=self._client,
        )


def _running_loop() -> object:
    return asyncio_loop() or current_token()


@frozen(kw_only=True)
class Live:
    """What belongs to one event loop.

    Attributes:
        loop: the loop.
        route: sends requests.
        slots: a semaphore with one slot for each request that may be under way.
        rate_lock: held by the request that waits for the next moment of the session's rate.
        deadlines: of asyncio's loop; None for trio.
    """

    loop: Any
    route: _Route = field(repr=False)
    slots: anyio.Semaphore = field(repr=False)
    rate_lock: anyio.Lock = field(factory=lambda: anyio.Lock(fast_acquire=True), repr=False)
    deadlines: Deadlines | None = field(default=None, repr=False)

    def takes_slot(self) -> bool:
        """Take a slot, unless that takes waiting."""
        try:
            self.slots.acquire_nowait()
        except anyio.WouldBlock:
            return False
        return True

    def deadline(self, seconds: float | None) -> Deadline:
        """Return a block that is left after so many seconds; None for no limit."""
        if self.deadlines is None:
            return anyio.move_on_after(seconds)
        return self.deadlines.after(seconds)


def send_for(call: Call, route: _Route, checksum: Checksum | None) -> Send:
    """Return how to send a call over a route: whether on a connection of its own, and checked.

    Args:
        call: what is sent; one that may make SMS go out is asked alone.
        route: the route of the running event loop.
        checksum: gives the headers that prove the integrity of a request, or None.
    """
    send = route.send_alone if call.operation.may_send else route.send
    return send if checksum is None else with_checksum(send, checksum)


class Answer(Protocol):
    """An answer whose head is here; iterating gives the rest of its body, as it came."""

    @property
    def status(self) -> int:
        """Its status."""
        ...

    @property
    def headers(self) -> Sequence[tuple[bytes, bytes]]:
        """Its headers, as they came."""
        ...

    @property
    def fields(self) -> Mapping[bytes, bytes]:
        """Its headers, by their names in small letters."""
        ...

    @property
    def is_encoded(self) -> bool:
        """Whether the body is compressed."""
        ...

    def plain_body(self) -> bytes | None:
        """Return the body where all of it is here, and not compressed; else None."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Return the pieces of the body."""
        ...

    async def aclose(self) -> None:
        """Give up what has not come yet."""


Send = Callable[[Outgoing], Awaitable[Answer]]
"""Sends a request and returns its answer, the body still to be read."""


@frozen(kw_only=True)
class _Route:
    """One way to the server: a transport, or a client of httpx.

    Attributes:
        send: sends a request.
        send_alone: sends a request that may make SMS go out. It goes over a connection that
            nothing went over before, unless the transport looks at what has arrived on a kept
            one before it is used again.
        aclose: closes the connections that are ours.
        is_trusted: whether the transport is known to report every byte that leaves.
        is_logged: whether httpx, which logs what it does, is on this route.
    """

    send: Send = field(repr=False)
    send_alone: Send = field(repr=False)
    aclose: Callable[[], Awaitable[None]] = field(repr=False)
    is_trusted: bool
    is_logged: bool


def _route_of(
    settings: Settings,
    *,
    ssl_context: ssl.SSLContext | None,
    proxy: httpx.Proxy | None,
    transport: httpx.AsyncBaseTransport | None,
    client: httpx.AsyncClient | None,
) -> _Route:
    """Return the route to a server, with nothing open yet.

    On asyncio and uvloop that is our own transport. httpx's takes over on trio and behind a
    proxy; the caller's own transport or client goes before all.
    """
    if client is not None:
        return _through_httpx(sending_through(client), _leave_open, is_trusted=False)
    if transport is not None:
        return _through_transport(transport)
    if _needs_httpx(proxy):
        context = ssl_context or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return _through_clients_of_httpx(settings, context, proxy)
    own = AsyncioTransport(ssl_context=ssl_context, max_idle=settings.max_in_flight)
    return _through_own(own, own.aclose)


def _needs_httpx(proxy: httpx.Proxy | None) -> bool:
    """Whether our own transport cannot reach the server from here."""
    return proxy is not None or asyncio_loop() is None


def _through_transport(transport: httpx.AsyncBaseTransport) -> _Route:
    if isinstance(transport, AsyncioTransport) and _sends_as_ours(transport):
        return _through_own(transport, _leave_open)
    client = CookielessClient(transport=_Borrowed(transport), trust_env=False)
    is_trusted = type(transport) is httpx.AsyncHTTPTransport
    return _through_httpx(sending_through_own(client), client.aclose, is_trusted=is_trusted)


def _sends_as_ours(transport: AsyncioTransport) -> bool:
    """Whether a transport of ours, or one derived from it, is unchanged where httpx enters it.

    A class of the caller's may do anything there, such as sending nothing.
    """
    return type(transport).handle_async_request is AsyncioTransport.handle_async_request


def _through_own(transport: AsyncioTransport, aclose: Callable[[], Awaitable[None]]) -> _Route:
    """Return the route through our transport, which looks at a kept connection before its use.

    All that httpx's client adds to it, cookies, redirects, a login of its own, is either done
    by the session or wanted by nobody, and would cost as much as the transport itself.
    """
    return _Route(
        send=transport.send,
        send_alone=transport.send,
        aclose=aclose,
        is_trusted=True,
        is_logged=False,
    )


def _through_httpx(
    send: Send, aclose: Callable[[], Awaitable[None]], *, is_trusted: bool
) -> _Route:
    return _Route(send=send, send_alone=send, aclose=aclose, is_trusted=is_trusted, is_logged=True)


def _through_clients_of_httpx(
    settings: Settings, ssl_context: ssl.SSLContext, proxy: httpx.Proxy | None
) -> _Route:
    """Return the route through httpx's own transport.

    It reuses a connection on which more has come than was asked for, and takes what is left over
    for the answer to the next request. A launch that ran would be reported as refused: what may
    send SMS gets a connection of its own.
    """

    def client(most_kept: int) -> CookielessClient:
        return CookielessClient(
            verify=ssl_context,
            proxy=proxy,
            trust_env=False,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=most_kept),
        )

    keeping, alone = client(settings.max_in_flight), client(0)

    async def aclose() -> None:
        try:
            await keeping.aclose()
        finally:
            await alone.aclose()

    return _Route(
        send=sending_through_own(keeping),
        send_alone=sending_through_own(alone),
        aclose=aclose,
        is_trusted=True,
        is_logged=True,
    )


async def _leave_open() -> None:
    """Leave what is the caller's to the caller."""


class _Borrowed(httpx.AsyncBaseTransport):
    """A transport of the caller's, which a client of ours must not close."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._transport.handle_async_request(request)
