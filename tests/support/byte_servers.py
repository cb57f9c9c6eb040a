"""Servers on real sockets that do, byte by byte, what a test tells them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Final, cast

import anyio
import trustme
from attrs import field, frozen

from tests.support.sessions import until

__all__ = [
    "OK",
    "Peer",
    "Script",
    "Server",
    "answering",
    "certificate_files",
    "client_context",
    "http",
    "new_client_context",
    "new_server_context",
    "refusing",
    "server_context",
    "serving",
    "unreachable",
]

_MOST_BYTES: Final = 4 * 1024 * 1024

Script = Callable[["Peer"], Awaitable[None]]
"""What a server does with each connection, which is closed at the end of it."""


def http(
    body: bytes = b"",
    *headers: bytes,
    status: bytes = b"200 OK",
    length: int | None = None,
) -> bytes:
    """Return an answer; `length` is announced instead of the body's own."""
    announced = b"Content-Length: %d" % (len(body) if length is None else length)
    return b"\r\n".join([b"HTTP/1.1 " + status, announced, *headers, b"", body])


OK: Final = http(b"hello")


@frozen(eq=False)
class Peer:
    """The server's side of a connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    number: int
    """How many connections came before it."""
    requests: list[bytes] = field(factory=list)

    async def head(self) -> bytes:
        """Read the head of a request."""
        return await self.reader.readuntil(b"\r\n\r\n")

    async def request(self) -> bytes:
        """Read a request, its body as it came over the wire."""
        head = await self.head()
        lines = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
        if b"transfer-encoding" in lines:
            body = await self.reader.readuntil(b"0\r\n\r\n")
        else:
            body = await self.reader.readexactly(int(lines.get(b"content-length", 0)))
        self.requests.append(head + body)
        return head + body

    async def send(self, *pieces: bytes) -> None:
        """Send pieces, each of which should arrive by itself."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(0.001)

    async def end(self) -> None:
        """Read, as the script of this connection, until the client has left."""
        with contextlib.suppress(ConnectionError):
            await self.reader.read()

    async def left(self) -> None:
        """Wait, as the test, until the client has left a script that reads until then."""
        with anyio.fail_after(10):
            await until(self.writer.is_closing)

    def stop_reading(self) -> None:
        """Take no more of what the client writes."""
        self._transport.pause_reading()

    def read_on(self) -> None:
        """Take again what the client writes."""
        self._transport.resume_reading()

    @property
    def _transport(self) -> asyncio.Transport:
        return cast("asyncio.Transport", self.writer.transport)

    def reset(self) -> None:
        """Close the connection as after a crash."""
        raw: socket.socket = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@frozen(eq=False)
class Server:
    """A server that runs."""

    url: str
    peers: list[Peer] = field(factory=list)

    @property
    def requests(self) -> list[bytes]:
        """What all connections have brought, whole requests only."""
        return [request for peer in self.peers for request in peer.requests]


def answering(*answers: bytes) -> Script:
    """Answer the requests of each connection in turn, the last answer for all that follow."""

    async def script(peer: Peer) -> None:
        left = list(answers)
        while True:
            await peer.request()
            await peer.send(left.pop(0) if len(left) > 1 else left[0])

    return script


@contextmanager
def unreachable(host: str = "127.0.0.1") -> Iterator[int]:
    """Give a port that takes no connection and refuses none: its queue is full."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with contextlib.ExitStack() as waiting, socket.socket(family) as listening:
        listening.bind((host, 0))
        listening.listen(0)
        while True:
            one = waiting.enter_context(socket.socket(family))
            one.settimeout(0.1)
            try:
                one.connect(listening.getsockname())
            except TimeoutError:
                break
        yield listening.getsockname()[1]


def refusing() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port: int = unused.getsockname()[1]
        return port


@asynccontextmanager
async def serving(
    script: Script,
    *,
    tls: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
    name: str | None = None,
) -> AsyncIterator[Server]:
    """Run a server in the loop of the test."""
    tasks: list[asyncio.Task[None]] = []
    found = Server("")
    accept = partial(_accept, script, found.peers, tasks)
    listening = await asyncio.start_server(accept, host, 0, ssl=tls, limit=_MOST_BYTES)
    port = listening.sockets[0].getsockname()[1]
    shown = name or (f"[{host}]" if ":" in host else host)
    try:
        yield Server(f"http{'s' if tls else ''}://{shown}:{port}/", found.peers)
    finally:
        listening.close()
        await _end(tasks)


def _accept(
    script: Script,
    peers: list[Peer],
    tasks: list[asyncio.Task[None]],
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    peer = Peer(reader, writer, len(peers))
    peers.append(peer)
    tasks.append(asyncio.get_running_loop().create_task(_play(script, peer)))


async def _play(script: Script, peer: Peer) -> None:
    try:
        # A client may leave when it wants.
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await script(peer)
        peer.writer.close()
    finally:
        # Of TLS, nobody waits for the last words.
        peer.writer.transport.abort()


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, Exception):
            raise result


@cache
def _authority() -> trustme.CA:
    return trustme.CA()


def new_server_context(*names: str) -> ssl.SSLContext:
    """Return TLS settings of a server with these names, or of this machine."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate = _authority().issue_cert(*(names or ("localhost", "127.0.0.1")))
    certificate.configure_cert(context)
    return context


def certificate_files(folder: Path) -> tuple[Path, Path]:
    """Write a certificate of this machine, and its key, and return where they are."""
    issued = _authority().issue_cert("127.0.0.1")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    return certificate, key


def new_client_context() -> ssl.SSLContext:
    """Return TLS settings of a client that trusts those servers."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _authority().configure_trust(context)
    return context


# For all who do not change them.
server_context = cache(new_server_context)
client_context = cache(new_client_context)
