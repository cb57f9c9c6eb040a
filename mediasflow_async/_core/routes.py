"""Which way requests go, for each event loop: our transport, httpx's, the caller's."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final
from urllib.request import getproxies, proxy_bypass

import anyio
import httpx
from anyio.lowlevel import current_token
from attrs import evolve, field, frozen

from mediasflow_async._core.loops import Deadline, Deadlines, asyncio_loop
from mediasflow_async._core.options import Settings, is_loopback
from mediasflow_async.errors import SessionClosed
from mediasflow_async.secrecy import mask_http_loggers
from mediasflow_async.transport import Answer, AsyncioTransport, Origin, Outgoing

__all__ = ["Connections", "Live", "Route", "route_of"]


Send = Callable[[httpx.Request], Awaitable[httpx.Response]]
Ask = Callable[[Outgoing, Origin], Awaitable[Answer]]


@frozen(kw_only=True)
class Route:
    """One way.

    Attributes:
        send: sends a request and returns the answer, its body still to be read.
        aclose: closes the connections that are ours.
        is_trusted: whether the transport is known to report every byte that leaves.
        ask: sends a request that is in bytes already; None where httpx is needed.
    """

    send: Send = field(repr=False)
    aclose: Callable[[], Awaitable[None]] = field(repr=False)
    is_trusted: bool
    ask: Ask | None = field(default=None, repr=False)

    @property
    def is_logged(self) -> bool:
        """Whether httpx, which logs what it does, is on this way."""
        return self.ask is None


def route_of(
    base_url: httpx.URL,
    settings: Settings,
    *,
    ssl_context: ssl.SSLContext | None,
    transport: httpx.AsyncBaseTransport | None,
    client: httpx.AsyncClient | None,
) -> Route:
    """Return the way to a server, with nothing open yet.

    On asyncio and uvloop that is our own transport. httpx's takes over on trio and where the
    environment names a proxy; the caller's own transport or client goes before all.
    """
    if client is not None:
        return _through_client(client)
    if transport is not None:
        return _through_transport(transport)
    if asyncio_loop() is None or is_proxied(base_url):
        return _through_clients_of_httpx(base_url, settings, ssl_context)
    own = AsyncioTransport(ssl_context=ssl_context, max_idle=settings.max_in_flight)
    return evolve(_through_own(own), aclose=own.aclose)


def _through_own(transport: AsyncioTransport) -> Route:
    """Return the way through our transport.

    All that httpx's client adds to it, cookies, redirects, a login of its own, is either done
    by the session or wanted by nobody, and would cost as much as the transport itself.
    """

    async def send(request: httpx.Request) -> httpx.Response:
        response = await transport.handle_async_request(request)
        response.request = request
        return response

    return Route(send=send, aclose=_leave_open, is_trusted=True, ask=transport.ask)


async def _send_through(client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
    try:
        return await client.send(request, stream=True, auth=None, follow_redirects=False)
    except UnicodeError:
        # httpx reads the address of a redirect even where it does not follow it.
        reason = "the answer redirects to what is no address"
    raise httpx.RemoteProtocolError(reason, request=request)


def _through_httpx(client: _Client, *, is_trusted: bool = True) -> Route:
    """Return the way through a client of ours."""
    send = partial(_send_through, client)
    return Route(send=send, aclose=client.aclose, is_trusted=is_trusted)


def _through_clients_of_httpx(
    base_url: httpx.URL, settings: Settings, ssl_context: ssl.SSLContext | None
) -> Route:
    """Return the way through httpx's own transport.

    It reuses a connection on which more has come than was asked for, and takes what is left over
    for the answer to the next request. A launch that ran would be reported as refused: what may
    send SMS gets a connection of its own, which nothing went over before.
    """
    # Plain http on this machine needs no certificates, which take longest to load.
    is_plain = base_url.scheme == "http"
    context = ssl_context or (
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if is_plain else httpx.create_ssl_context()
    )
    kept = _through_httpx(_client_of_httpx(base_url, context, settings.max_in_flight))
    alone = _through_httpx(_client_of_httpx(base_url, context, 0))

    async def send(request: httpx.Request) -> httpx.Response:
        return await (alone if request.extensions.get("alone") else kept).send(request)

    async def aclose() -> None:
        try:
            await kept.aclose()
        finally:
            await alone.aclose()

    return Route(send=send, aclose=aclose, is_trusted=True)


def _through_transport(transport: httpx.AsyncBaseTransport) -> Route:
    if isinstance(transport, AsyncioTransport):
        return _through_own(transport)
    is_trusted = type(transport) is httpx.AsyncHTTPTransport
    return _through_httpx(_Client(transport=_Borrowed(transport)), is_trusted=is_trusted)


def _through_client(client: httpx.AsyncClient) -> Route:
    async def send(request: httpx.Request) -> httpx.Response:
        return await _send_through(client, _adopted(request, client))

    return Route(send=send, aclose=_leave_open, is_trusted=False)


async def _leave_open() -> None:
    """Leave what is the caller's to the caller."""


def _adopted(request: httpx.Request, client: httpx.AsyncClient) -> httpx.Request:
    """Return a request as the caller's client makes it: with its headers, cookies and agent."""
    headers = {name: value for name, value in request.headers.items() if name != "user-agent"}
    adopted = client.build_request(
        request.method, request.url, headers=headers, extensions=request.extensions
    )
    adopted.stream = request.stream
    return adopted


def _client_of_httpx(base_url: httpx.URL, context: ssl.SSLContext, most_kept: int) -> _Client:
    host = _host_of(base_url)
    return _Client(
        verify=context,
        # A proxy of the environment is not for this machine's own addresses.
        mounts={f"all://{host}": None} if is_loopback(host) else None,
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=most_kept),
    )


def is_proxied(base_url: httpx.URL) -> bool:
    """Whether the environment names a proxy for an address; httpx decides what to do with it."""
    if is_loopback(_host_of(base_url)) or proxy_bypass(base_url.host):
        return False
    return not getproxies().keys().isdisjoint({base_url.scheme, "all"})


def _host_of(url: httpx.URL) -> str:
    return f"[{url.host}]" if ":" in url.host else url.host


class _Borrowed(httpx.AsyncBaseTransport):
    """A transport of the caller's, which a client of ours must not close."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._transport.handle_async_request(request)


class _NoCookies(httpx.Cookies):
    """Takes no cookie."""

    def extract_cookies(self, response: httpx.Response) -> None:
        """Take none."""


class _Client(httpx.AsyncClient):
    """httpx's client without a memory: a cookie that nobody asked for is work and a risk."""

    @property
    def cookies(self) -> httpx.Cookies:
        """No cookies."""
        return _NO_COOKIES

    @cookies.setter
    def cookies(self, cookies: object) -> None:
        """Take none."""


_NO_COOKIES: Final = _NoCookies()


@frozen(kw_only=True)
class Live:
    """What belongs to one event loop.

    Attributes:
        loop: the loop.
        route: sends requests.
        places: one place for each request that may be under way.
        turn: held by the request that waits for the next slot of the session's rate.
        deadlines: of asyncio's loop; None for trio.
    """

    loop: Any
    route: Route = field(repr=False)
    places: anyio.Semaphore = field(repr=False)
    turn: anyio.Lock = field(factory=lambda: anyio.Lock(fast_acquire=True), repr=False)
    deadlines: Deadlines | None = field(default=None, repr=False)

    def takes_place(self) -> bool:
        """Take a place among the requests under way, unless that takes waiting."""
        try:
            self.places.acquire_nowait()
        except anyio.WouldBlock:
            return False
        return True

    def deadline(self, seconds: float | None) -> Deadline:
        """Return a block that is left after so many seconds; None for no limit."""
        if self.deadlines is None:
            return anyio.move_on_after(seconds)
        return self.deadlines.after(seconds)


class Connections:
    """Owns the connections of a session and of those derived from it.

    The pool below has no limit of its own. The places in front of it are the limit: they are
    given back by `async with`, whatever happens to a request, while a cancelled request can
    cost httpcore's pool a connection for good.

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
        self._live: Live | None = None
        self._is_closed = False

    @property
    def is_closed(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._is_closed or (self._client is not None and self._client.is_closed)

    def live(self) -> Live:
        """Return what belongs to the running loop, made now if need be.

        Raises:
            SessionClosed: after `aclose`.
        """
        self.check_open()
        on_asyncio = asyncio_loop()
        loop = on_asyncio or current_token()
        if self._live is None or self._live.loop != loop:
            mask_http_loggers()
            # Connections of a loop that has ended cannot be closed any more, only dropped.
            self._live = Live(
                loop=loop,
                route=self._new_route(),
                places=anyio.Semaphore(self._settings.max_in_flight, fast_acquire=True),
                deadlines=Deadlines(on_asyncio) if on_asyncio else None,
            )
        return self._live

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
        if live and live.loop == (asyncio_loop() or current_token()):
            if live.deadlines is not None:
                live.deadlines.stop()
            await live.route.aclose()

    def _new_route(self) -> Route:
        return route_of(
            self._base_url,
            self._settings,
            ssl_context=self._ssl_context,
            transport=self._transport,
            client=self._client,
        )
