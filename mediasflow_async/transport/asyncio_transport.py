"""The transport that httpx sees."""

from __future__ import annotations

import asyncio
import ssl
from functools import partial

import httpx

from mediasflow_async.transport.answers import Answer
from mediasflow_async.transport.connection import Origin
from mediasflow_async.transport.dialing import Dialer
from mediasflow_async.transport.outgoing import Outgoing, outgoing_of
from mediasflow_async.transport.pool import Pool
from mediasflow_async.transport.sending import begin, send

__all__ = ["AsyncioTransport"]


class AsyncioTransport(httpx.AsyncBaseTransport):
    """HTTP/1.1 over TCP, TLS or a Unix socket, on asyncio and uvloop.

    It does what httpx's own transport does, without proxies, HTTP/2, trio and upgrades, and
    never sends a request twice. Besides httpx's `timeout`, `sni_hostname` and `target`, it reads
    the request extension `proof`: an object whose `leaving()` is called just before the first
    byte of the request is written, and may raise to keep it here, and whose `answered()` is
    called when the head of the answer is here.

    Args:
        ssl_context: TLS settings; httpx's own by default, made when first needed.
        keepalive_expiry_seconds: how long a connection is kept without a request; 4 by default,
            which is less than the 5 after which many servers close.
        max_idle: how many of those are kept for each origin; 100 by default.
        max_connections: how many connections there may be; None, the default, for no limit.
        uds: path of a Unix socket that every connection goes through.
    """

    def __init__(
        self,
        *,
        ssl_context: ssl.SSLContext | None = None,
        keepalive_expiry_seconds: float = 4.0,
        max_idle: int = 100,
        max_connections: int | None = None,
        uds: str | None = None,
    ) -> None:
        self._new_pool = partial(
            Pool,
            Dialer(ssl_context=ssl_context, uds=uds),
            keepalive_expiry_seconds=keepalive_expiry_seconds,
            max_idle=max_idle,
            max_connections=max_connections,
        )
        self._pool: Pool | None = None
        self._is_closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return its response, with the body still to be read.

        Raises:
            httpx.TransportError: as httpx's own transport does.
            RuntimeError: after `aclose`, or in another event loop than before.
        """
        answer = await self.ask(outgoing_of(request), _origin_of(request))
        return answer.response()

    async def ask(self, outgoing: Outgoing, origin: Origin) -> Answer:
        """Send a request that is in bytes already, and return its answer once its head is here.

        Raises:
            httpx.TransportError, RuntimeError: as `handle_async_request` does.
        """
        timeouts = outgoing.timeouts
        pool = self._live_pool()
        connection = pool.take_kept(origin) or await pool.take(origin, timeouts)
        answer = Answer(connection, timeouts.get("read"))
        try:
            if not begin(outgoing, connection, answer):
                await send(outgoing, connection, answer)
            while not answer.status:
                await answer.more()
            if outgoing.watcher is not None:
                outgoing.watcher.answered()
        except BaseException:
            answer.give_up()
            raise
        return answer

    async def aclose(self) -> None:
        """Close all connections; requests under way fail. Harmless to repeat."""
        self._is_closed = True
        pool, self._pool = self._pool, None
        # Those of a loop that has ended cannot be closed any more, only dropped.
        if pool is not None and pool.loop is asyncio.get_running_loop():
            await pool.aclose()

    def _live_pool(self) -> Pool:
        if self._is_closed:
            raise RuntimeError("Cannot send a request, as the transport has been closed.")
        if self._pool is None:
            self._pool = self._new_pool()
        if self._pool.loop is not asyncio.get_running_loop():
            raise RuntimeError("Cannot send a request in another event loop than before.")
        return self._pool


def _origin_of(request: httpx.Request) -> Origin:
    url = request.url
    return url.scheme, url.raw_host, url.port, request.extensions.get("sni_hostname")
