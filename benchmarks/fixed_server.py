"""A small HTTP server in a process of its own: `servers` starts it, people do not.

It reads the body of a request to its end and then gives the same answer to everything but
`/files/<name>`, which it reads from a folder. nginx is faster, and does not wait for the end.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from asyncio import StreamReader, StreamWriter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_PIECE_BYTES: Final = 2**18
_HEAD_END: Final = b"\r\n\r\n"
_FILES: Final = "/files/"


def _head(length: int, status: str = "200 OK") -> bytes:
    lines = f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {length}"
    return "\r\n".join(lines).encode() + _HEAD_END


class FixedServer:
    """Answers requests.

    Args:
        answer: the body of the answer.
        files: folder with files to give, or None.
    """

    def __init__(self, answer: bytes, files: Path | None) -> None:
        self._answer = _head(len(answer)) + answer
        self._files = files

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Answer the requests of one connection until the other side closes it."""
        try:
            while True:
                await self._answer_one(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _answer_one(self, reader: StreamReader, writer: StreamWriter) -> None:
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
        path = self._files / Path(target).name
        with path.open("rb") as file:
            yield _head(path.stat().st_size)
            while piece := file.read(_PIECE_BYTES):
                yield piece


async def _skip_body(reader: StreamReader, head: bytes) -> None:
    parts = (line.lower().partition(b":") for line in head.split(b"\r\n"))
    headers = {name: value for name, _, value in parts}
    if b"chunked" in headers.get(b"transfer-encoding", b""):
        await _skip_chunks(reader)
        return
    left = int(headers.get(b"content-length", b"0"))
    while left:
        piece = await reader.read(min(left, _PIECE_BYTES))
        if not piece:
            raise ConnectionResetError
        left -= len(piece)


async def _skip_chunks(reader: StreamReader) -> None:
    while size := int(await reader.readuntil(b"\r\n"), 16):
        await reader.readexactly(size + 2)
    await reader.readuntil(b"\r\n")


async def _run(server: FixedServer, port: int, chain: str) -> None:
    context = None
    if chain:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
    listening = await asyncio.start_server(
        server.serve, "127.0.0.1", port, ssl=context, limit=_PIECE_BYTES, backlog=1024
    )
    await listening.serve_forever()


def main(answer: str, files: str, chain: str, port: str) -> None:
    """Serve until the process is ended."""
    server = FixedServer(Path(answer).read_bytes(), Path(files) if files else None)
    asyncio.run(_run(server, int(port), chain))


if __name__ == "__main__":
    main(*sys.argv[1:])
