"""The HTTP server: uvicorn's protocol on a thread and an event loop of its own."""

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

_NAME = "mediasflow-sandbox"
_BACKLOG = 2048


class HttpServer:
    """A running server.

    Args:
        app: what answers.
        host: address to listen on.
        port: 0 for any free one.
        ssl_context: for HTTPS; None for HTTP.
    """

    def __init__(
        self, app: ASGIApp, host: str, port: int, ssl_context: ssl.SSLContext | None
    ) -> None:
        self._app = app
        self._ssl_context = ssl_context
        self._socket = _listen(host, port)
        self._ready = Future[asyncio.AbstractEventLoop]()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name=_NAME, daemon=True)

    @property
    def port(self) -> int:
        """Where the server listens."""
        return int(self._socket.getsockname()[1])

    def start(self) -> None:
        """Return when connections are accepted."""
        self._thread.start()
        self._ready.result()

    def stop(self) -> None:
        """Cut what is under way; return when the thread has ended and the port is free."""
        self._ready.result().call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        finally:
            self._socket.close()

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        state = ServerState()
        config = _config(self._app)
        server = await loop.create_server(
            lambda: _Protocol(config, state, {}), sock=self._socket, ssl=self._ssl_context
        )
        self._ready.set_result(loop)
        await self._stopping.wait()
        server.close()
        for connection in list(state.connections):
            connection.transport.abort()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=_BACKLOG)


def _config(app: ASGIApp) -> uvicorn.Config:
    config = uvicorn.Config(
        app, ws="none", lifespan="off", log_config=None, access_log=False, loop="asyncio"
    )
    config.load()
    return config


# Cut connections are what faults are for: not a word about them, and uvicorn's own loggers,
# which the user's application may need, stay as they are.
_SILENCE = logging.getLogger(f"{__name__}.silence")
_SILENCE.disabled = True


class _Protocol(H11Protocol):
    """Shows each request the transport that it came on, so that faults can cut it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        self.logger = _SILENCE
        self.access_log = False
        # Without it an answer of two packets waits 40 ms for the client's delayed acknowledgement:
        # asyncio leaves sockets alone that were not made as IPPROTO_TCP by name.
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
