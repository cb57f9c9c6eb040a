"""The ASGI application, and how it is reached: over a socket, or in process by an httpx transport.

The application reads requests, injects faults and sends answers. A fault may cut the connection of
its request, which ASGI has no word for: the HTTP server hands the connection's transport over in
`scope["state"]`.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import threading
from concurrent.futures import Future
from email.utils import format_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import anyio
import anyio.to_thread
import httpx
import uvicorn
from attrs import evolve
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.routing import Mount
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from mediasflow_async.sandbox.http import Answer, HttpError, Request
from mediasflow_async.sandbox.preflight import preflight_route

if TYPE_CHECKING:
    import ssl

    from starlette.types import ASGIApp, Receive, Scope, Send

    from mediasflow_async.sandbox.api import Api
    from mediasflow_async.sandbox.dates import Clock
    from mediasflow_async.sandbox.faults import Fault, Faults
    from mediasflow_async.sandbox.request_log import RequestLog

__all__ = [
    "BASE_PATH",
    "BASE_PATH_ALT",
    "ConnectionCut",
    "HttpServer",
    "InProcessTransport",
    "make_app",
]

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


BASE_PATH = "/MediasflowApi/v1"
BASE_PATH_ALT = "/api/v1"


def make_app(api: Api, faults: Faults, request_log: RequestLog) -> Starlette:
    """Return the application: the API under both base paths, and the preflight page.

    Args:
        api: answers the requests.
        faults: what goes wrong with them.
        request_log: where they are recorded.
    """
    endpoint = _ApiEndpoint(api, faults, request_log)
    mounts = [Mount(path, endpoint) for path in (BASE_PATH, BASE_PATH_ALT)]
    return Starlette(routes=[*mounts, preflight_route(api.server)])


class ConnectionCut(Exception):
    """A fault cut the connection of an application that runs in process, without a socket."""


class _ApiEndpoint:
    """The API as an ASGI application: one request, its fault if it has one, its answer."""

    def __init__(self, api: Api, faults: Faults, request_log: RequestLog) -> None:
        self._api = api
        self._server = api.server
        self._faults = faults
        self._request_log = request_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = _request(scope)
        try:
            body = await _body(receive, self._api.body_limit(request.path))
        except ClientDisconnect:
            return
        except HttpError as error:
            await self._refuse(request, error, send)
            return
        request = evolve(request, body=body)
        names = self._api.names(request)
        number = self._record(request, names)
        fault = self._faults.take(request, names)
        answer = await self._answer(request, fault)
        if answer is None:
            await _cut(scope, reset=fault is not None and fault.reset)
            return
        self._request_log.finish(number, answer.status)
        await self._send(scope, send, answer, fault.truncate if fault else None)

    async def _refuse(self, request: Request, error: HttpError, send: Send) -> None:
        """Answer a request whose body was not read."""
        answer = self._api.shaper.refused(error)
        number = self._record(request, self._api.names(request))
        self._request_log.finish(number, answer.status)
        await _respond(send, answer, self._server.clock, answer.body)

    def _record(self, request: Request, names: frozenset[str]) -> int:
        name = "inject" if "inject" in names else next(iter(names), "")
        return self._request_log.receive(request, name, self._server.clock.now())

    async def _answer(self, request: Request, fault: Fault | None) -> Answer | None:
        """Return the answer, None when a fault leaves the client without one."""
        if fault is None:
            return await anyio.to_thread.run_sync(self._api.answer, request)
        if fault.when == "late":
            self._api.defer(request, fault.delay)
        if fault.when == "before":
            await anyio.sleep(fault.delay.total_seconds())
        usual = None
        if fault.processes:
            usual = await anyio.to_thread.run_sync(self._api.answer, request)
        if fault.when == "after":
            await anyio.sleep(fault.delay.total_seconds())
        return None if fault.breaks_connection else fault.answer(usual)

    async def _send(self, scope: Scope, send: Send, answer: Answer, truncate: int | None) -> None:
        await _respond(send, answer, self._server.clock, answer.body[:truncate])
        if truncate is not None and truncate < len(answer.body):
            await _cut(scope, reset=False)


def _request(scope: Scope) -> Request:
    """Return a request without its body."""
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    client = scope.get("client") or ("", 0)
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    return Request(
        method=scope["method"],
        path=path.strip("/"),
        query=dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
        headers=headers,
        client_ip=client[0],
        url=f"{scope['scheme']}://{headers.get('host', '')}{scope['path']}",
    )


async def _body(receive: Receive, limit: int) -> bytes:
    """Read a whole body.

    Raises:
        ClientDisconnect: the client is gone.
        HttpError: 413, the body has more than `limit` bytes.
    """
    chunks = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunks += message.get("body", b"")
        more = message.get("more_body", False)
        if len(chunks) > limit:
            raise HttpError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "TOO_LARGE",
                "the body is too large",
                headers={"Connection": "close"},
            )
    return bytes(chunks)


async def _respond(send: Send, answer: Answer, clock: Clock, body: bytes) -> None:
    """Send `answer` with `body`, which may be less than its Content-Length announces."""
    headers = {
        "Content-Type": answer.content_type,
        "Content-Length": str(len(answer.body)),
        "Date": format_datetime(clock.now(), usegmt=True),
        **answer.headers,
    }
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    await send(
        {"type": "http.response.body", "body": body, "more_body": len(body) < len(answer.body)}
    )


# SO_LINGER on, for 0 seconds: closing the socket sends a RST instead of a FIN.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


async def _cut(scope: Scope, *, reset: bool) -> None:
    """Close the connection that a request came on, once what was written has left."""
    transport: Any = scope.get("state", {}).get("transport")
    if transport is None:
        raise ConnectionCut
    if reset:
        transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE
        )
        transport.abort()
    else:
        transport.close()
