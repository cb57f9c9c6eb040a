"""How requests of a session reach the server: made when first used, one way per event loop."""

from __future__ import annotations

import ssl
from typing import Any

import anyio
import httpx
from anyio.lowlevel import current_token
from attrs import field, frozen

from mediasflow_async.deadlines import Deadline, Deadlines
from mediasflow_async.errors import SessionClosed
from mediasflow_async.event_loops import asyncio_loop
from mediasflow_async.routes import Route, route_of
from mediasflow_async.settings import Settings
from mediasflow_async.telemetry import mask_http_loggers

__all__ = ["Connections", "Live"]


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
