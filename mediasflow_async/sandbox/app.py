"""The ASGI application: reads requests, injects faults, sends answers.

A fault may cut the connection of its request, which ASGI has no word for: the HTTP server hands
the connection's transport over in `scope["state"]`.
"""

from __future__ import annotations

import socket
import struct
from email.utils import format_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import anyio
import anyio.to_thread
from attrs import evolve
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.routing import Mount

from mediasflow_async.sandbox.http import Answer, HttpError, Request
from mediasflow_async.sandbox.preflight import preflight_route

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from mediasflow_async.sandbox.api import Api
    from mediasflow_async.sandbox.dates import Clock
    from mediasflow_async.sandbox.faults import Fault, Faults
    from mediasflow_async.sandbox.request_log import RequestLog

__all__ = ["BASE_PATH", "BASE_PATH_ALT", "ConnectionCut", "make_app"]

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
