"""The contender that is the limit of Python: a protocol that knows this one answer only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

import orjson

from parts.servers import trusting
from parts.worker import AsyncWork, Settings
from parts.workload import PATH, TOKEN, body, in_flight

__all__ = ["raw_limit"]

_HEAD: Final = (
    f"POST /{PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n"
    "Content-Type: application/json\r\nContent-Length: "
).encode()
_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"\r\nContent-Length: "
_BUFFER_BYTES: Final = 2**16


class _Protocol(asyncio.BufferedProtocol):
    """Takes answers of a known length, one at a time, into one buffer."""

    def __init__(self) -> None:
        self._buffer = bytearray(_BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        self._filled = 0
        self._answer: asyncio.Future[Any] | None = None
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        return self._view[self._filled :]

    def buffer_updated(self, nbytes: int) -> None:
        self._filled += nbytes
        head_end = self._buffer.find(_HEAD_END, 0, self._filled)
        if head_end < 0:
            return
        length_at = self._buffer.find(_LENGTH, 0, head_end) + len(_LENGTH)
        length = int(self._buffer[length_at : self._buffer.find(b"\r", length_at)])
        start = head_end + len(_HEAD_END)
        if self._answer and self._filled >= start + length:
            self._filled = 0
            self._answer.set_result(orjson.loads(self._view[start : start + length]))

    def ask(self, content: bytes) -> asyncio.Future[Any]:
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(_HEAD + str(len(content)).encode() + _HEAD_END + content)
        return self._answer


@asynccontextmanager
async def raw_limit(settings: Settings) -> AsyncGenerator[AsyncWork]:
    """Use one connection for each request in flight, with orjson both ways."""
    loop, most = asyncio.get_running_loop(), settings["in_flight"]
    context = trusting(settings["ca"]) if settings["ca"] else None
    made = [
        await loop.create_connection(_Protocol, "127.0.0.1", settings["port"], ssl=context)
        for _ in range(most)
    ]
    free = [protocol for _, protocol in made]

    async def one(number: int) -> Any:
        protocol = free.pop()
        answer = await protocol.ask(orjson.dumps(body(number)))
        free.append(protocol)
        return answer

    yield in_flight(one, most)
    for connection, _ in made:
        connection.close()
