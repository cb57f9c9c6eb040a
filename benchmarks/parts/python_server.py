"""An HTTP server in Python, in a process of its own: `servers` starts it, people do not.

There are three, by what they answer. Each can poll: its event loop then never waits for its
sockets, so that no write of a client has to wake the process. On one machine that wake-up is
paid for by the client, 25 to 30 µs of its CPU time for each write.

The command line holds a JSON object with the arguments of `main`.
"""

from __future__ import annotations

import asyncio
import itertools
import ssl
import sys
from asyncio import StreamReader, StreamReaderProtocol, StreamWriter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import orjson

_PIECE_BYTES: Final = 2**18
_REQUEST_BYTES: Final = 2**16
_BACKLOG: Final = 1024
_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length:"
_FILES: Final = "/files/"


def main(
    kind: str, *, port: int, answer: str, files: str = "", chain: str = "", polls: bool = False
) -> None:
    """Serve until the process is ended.

    Args:
        kind: a key of `KINDS`.
        port: where to listen, at 127.0.0.1.
        answer: file with the body of the answer.
        files: folder whose files `fixed` gives, or an empty text.
        chain: file with key and certificates, or an empty text for no TLS.
        polls: whether the event loop keeps turning when nothing is to be done.
    """
    protocol = KINDS[kind](Path(answer).read_bytes(), Path(files) if files else None)
    asyncio.run(_serve(protocol, port, chain, polls=polls))


async def _serve(
    protocol: Callable[[], asyncio.BaseProtocol], port: int, chain: str, *, polls: bool
) -> None:
    context = None
    if chain:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(protocol, "127.0.0.1", port, ssl=context, backlog=_BACKLOG)
    # The pipe ends with whoever started this, however that ends: no server is left to poll.
    loop.add_reader(sys.stdin, sys.exit)
    if polls:
        _keep_turning(loop)
    await listening.serve_forever()


def _keep_turning(loop: asyncio.AbstractEventLoop) -> None:
    """Have something ready at every turn, so that the loop asks its sockets and never waits."""
    loop.call_soon(_keep_turning, loop)


class _Prompt(asyncio.BufferedProtocol):
    """Gives the same answer to every request, as fast as Python can.

    A request has a Content-Length and fits the buffer; the next one comes after the answer.
    """

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._buffer = bytearray(_REQUEST_BYTES)
        self._view = memoryview(self._buffer)
        self._filled = 0
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        return self._view[self._filled :]

    def buffer_updated(self, nbytes: int) -> None:
        self._filled += nbytes
        head_end = self._buffer.find(_HEAD_END, 0, self._filled)
        if head_end < 0:
            return
        length = _content_length(self._buffer[:head_end])
        if self._filled >= head_end + len(_HEAD_END) + length:
            self._filled = 0
            self._transport.write(self._answer)


class _Fixed:
    """Reads a body to its end, and then gives the same answer to everything but `/files/...`.

    nginx is faster, and does not wait for the end.
    """

    def __init__(self, answer: bytes, files: Path | None) -> None:
        self._answer = _head(len(answer)) + answer
        self._files = files

    async def answer(self, reader: StreamReader, writer: StreamWriter) -> None:
        head = await reader.readuntil(_HEAD_END)
        target = head.split(b" ", 2)[1].decode("ascii")
        await _skip_body(reader, head)
        for piece in self._pieces(target):
            writer.write(piece)
            await writer.drain()

    def _pieces(self, target: str) -> Iterator[bytes]:
        if self._files is None or not target.startswith(_FILES):
            yield self._answer
            return
        path = self._files / target.removeprefix(_FILES)
        with path.open("rb") as file:
            yield _head(path.stat().st_size)
            while piece := file.read(_PIECE_BYTES):
                yield piece


async def _skip_body(reader: StreamReader, head: bytes) -> None:
    if b"chunked" in head.lower():
        while size := int(await reader.readuntil(b"\r\n"), 16):
            await reader.readexactly(size + 2)
        await reader.readuntil(b"\r\n")
        return
    left = _content_length(head)
    while left:
        piece = await reader.read(min(left, _PIECE_BYTES))
        if not piece:
            raise ConnectionResetError
        left -= len(piece)


class _Campaigns:
    """Gives each draft a number of its own, and what names a campaign the same as launched.

    All else of the answer is always the same, and nothing is kept.
    """

    def __init__(self, answer: bytes) -> None:
        self._campaign = orjson.loads(answer)
        self._numbers = itertools.count(1)

    async def answer(self, reader: StreamReader, writer: StreamWriter) -> None:
        head = await reader.readuntil(_HEAD_END)
        request = orjson.loads(await reader.readexactly(_content_length(head)))
        number = request.get("campaignId") or next(self._numbers)
        status = "INPROGRESS" if "campaignId" in request else "DRAFT"
        body = orjson.dumps({**self._campaign, "id": number, "status": status})
        writer.write(_head(len(body)) + body)


def _streaming(server: _Fixed | _Campaigns) -> Callable[[], asyncio.BaseProtocol]:
    """Return what makes the protocol of a connection that a server answers request by request."""

    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        try:
            while True:
                await server.answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    return lambda: StreamReaderProtocol(StreamReader(limit=_PIECE_BYTES), serve)


def _head(length: int) -> bytes:
    lines = "HTTP/1.1 200 OK", "Content-Type: application/json", f"Content-Length: {length}"
    return "\r\n".join(lines).encode() + _HEAD_END


def _content_length(head: bytes | bytearray) -> int:
    """Return the length of the body that follows a head; 0 where it names none."""
    return int(head.lower().partition(_LENGTH)[2].split(b"\r\n", 1)[0] or 0)


KINDS: Final[dict[str, Callable[[bytes, Path | None], Callable[[], asyncio.BaseProtocol]]]] = {
    "prompt": lambda answer, _: lambda: _Prompt(_head(len(answer)) + answer),
    "fixed": lambda answer, files: _streaming(_Fixed(answer, files)),
    "campaigns": lambda answer, _: _streaming(_Campaigns(answer)),
}

if __name__ == "__main__":
    main(**orjson.loads(sys.argv[1]))
