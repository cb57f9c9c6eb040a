"""How the application is reached: over HTTP on a socket, or in process by an httpx transport."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING

import httpx
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from mediasflow_async.sandbox.app import ConnectionCut

if TYPE_CHECKING:
    import ssl

    from starlette.applications import Starlette
    from starlette.types import ASGIApp

__all__ = ["HttpServer", "InProcessTransport"]

_THREAD_NAME = "mediasflow-sandbox"
_BACKLOG = 2048


class HttpServer:
    """uvicorn on a thread and an event loop of its own, so that the user's loop may block.

    Args:
        app: what answers.
        host: address to listen on.
        port: 0 for any free one.
        ssl_context: for HTTPS; None for HTTP.
        keep_alive_seconds: how long an idle connection stays open; None keeps it as long as
            uvicorn does.
        keep_alive: what is announced as `Keep-Alive`, nothing where it is empty; None announces
            the seconds, if any are given.
    """

    def __init__(
        self,
        app: ASGIApp,
        host: str,
        port: int,
        ssl_context: ssl.SSLContext | None,
        *,
        keep_alive_seconds: int | None = None,
        keep_alive: str | None = None,
    ) -> None:
        self._config = _config(app, keep_alive_seconds)
        self._state = ServerState()
        if keep_alive is None and keep_alive_seconds is not None:
            keep_alive = f"timeout={keep_alive_seconds}"
        if keep_alive:
            self._state.default_headers = [(b"Keep-Alive", keep_alive.encode("ascii"))]
        self._ssl_context = ssl_context
        self._socket = _listen(host, port)
        self._ready = Future[asyncio.AbstractEventLoop]()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name=_THREAD_NAME, daemon=True)

    @property
    def port(self) -> int:
        """The port that the server listens on."""
        return int(self._socket.getsockname()[1])

    def start(self) -> None:
        """Start the thread, and return when connections are accepted."""
        self._thread.start()
        self._ready.result()

    def stop(self) -> None:
        """Cut all connections, and return when the thread has ended and the port is free."""
        self._ready.result().call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        finally:
            self._socket.close()

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: _Protocol(self._config, self._state, {}),
            sock=self._socket,
            ssl=self._ssl_context,
        )
        self._ready.set_result(loop)
        await self._stopping.wait()
        server.close()
        for connection in list(self._state.connections):
            connection.transport.abort()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=_BACKLOG)


def _config(app: ASGIApp, keep_alive_seconds: int | None) -> uvicorn.Config:
    config = uvicorn.Config(
        app, ws="none", lifespan="off", log_config=None, access_log=False, loop="asyncio"
    )
    if keep_alive_seconds is not None:
        config.timeout_keep_alive = keep_alive_seconds
    config.load()
    return config


# uvicorn logs connections that faults cut. A logger of our own is silenced instead of uvicorn's,
# which the user's application may need.
_SILENCE = logging.getLogger(f"{__name__}.silence")
_SILENCE.disabled = True


class _Protocol(H11Protocol):
    """Puts each connection's transport into `scope["state"]`, where faults find it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        self.logger = _SILENCE
        self.access_log = False
        # Without TCP_NODELAY, an answer of two packets waits 40 ms for the client's delayed
        # acknowledgement. asyncio sets it only on sockets that were made with IPPROTO_TCP.
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class InProcessTransport(httpx.AsyncBaseTransport):
    """Hands requests to the sandbox's application in the caller's own event loop."""

    def __init__(self, app: Starlette) -> None:
        self._transport = httpx.ASGITransport(app=app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the sandbox's answer.

        Raises:
            httpx.RemoteProtocolError: a fault cut the connection.
        """
        try:
            return await self._transport.handle_async_request(request)
        except ConnectionCut:
            raise httpx.RemoteProtocolError(
                "the sandbox closed the connection without a complete answer", request=request
            ) from None
