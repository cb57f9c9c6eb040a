"""The httpx client of a session: made when first used, one per event loop, closed if ours."""

from __future__ import annotations

import ssl
from typing import Any

import anyio
import httpx
from anyio.lowlevel import current_token
from attrs import field, frozen

from mediasflow_async.errors import SessionClosed
from mediasflow_async.settings import Settings, is_loopback
from mediasflow_async.telemetry import mask_http_loggers

__all__ = ["Connections", "Live"]


class _Borrowed(httpx.AsyncBaseTransport):
    """A transport of the caller's, which a client of ours must not close."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._transport.handle_async_request(request)


@frozen
class Live:
    """What belongs to one event loop.

    Attributes:
        loop: the loop.
        client: httpx's client.
        places: one place for each request that may be under way.
        turn: held by the request that waits for the next slot of the session's rate.
    """

    loop: Any
    client: httpx.AsyncClient = field(repr=False)
    places: anyio.Semaphore = field(repr=False)
    turn: anyio.Lock = field(factory=lambda: anyio.Lock(fast_acquire=True), repr=False)


class Connections:
    """Owns the client of a session and of those derived from it.

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
        self._uses_tls = base_url.scheme == "https"
        self._host = f"[{base_url.host}]" if ":" in base_url.host else base_url.host
        self._settings = settings
        self._ssl_context = ssl_context
        self._transport = transport
        self._client = client
        self._live: Live | None = None
        self._is_closed = False

    @property
    def is_trusted(self) -> bool:
        """Whether the transport is httpx's own, which reports every byte that leaves."""
        return self._client is None and (
            self._transport is None or type(self._transport) is httpx.AsyncHTTPTransport
        )

    @property
    def is_closed(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._is_closed or (self._client is not None and self._client.is_closed)

    def live(self) -> Live:
        """Return the client and the places of the running loop, made now if need be.

        Raises:
            SessionClosed: after `aclose`.
        """
        self.check_open()
        loop = current_token()
        if self._live is None or self._live.loop != loop:
            mask_http_loggers()
            # Connections of a loop that has ended cannot be closed any more, only dropped.
            self._live = Live(loop, self._client or self._new_client(), self._new_places())
        return self._live

    def check_open(self) -> None:
        """Raise `SessionClosed` when nothing can be sent any more."""
        if self._is_closed:
            raise SessionClosed("the session is closed")
        if self.is_closed:
            raise SessionClosed("the httpx client that the session was given is closed")

    async def aclose(self) -> None:
        """Close the client, if it is ours; harmless to repeat."""
        self._is_closed = True
        live, self._live = self._live, None
        if live and self._client is None and live.loop == current_token():
            await live.client.aclose()

    def _new_client(self) -> httpx.AsyncClient:
        kept = self._settings.max_in_flight
        return httpx.AsyncClient(
            transport=_Borrowed(self._transport) if self._transport else None,
            verify=self._ssl_context or self._default_verify(),
            # A proxy of the environment is not for this machine's own addresses.
            mounts={f"all://{self._host}": None} if is_loopback(self._host) else None,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=kept),
            timeout=self._settings.httpx_timeout(),
            headers={"User-Agent": "mediasflow-async"},
        )

    def _default_verify(self) -> ssl.SSLContext | bool:
        # Plain http on this machine needs no certificates, which take longest to load.
        return True if self._uses_tls else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    def _new_places(self) -> anyio.Semaphore:
        return anyio.Semaphore(self._settings.max_in_flight, fast_acquire=True)
