"""A server that does to each connection what a row of a table says, and keeps what has arrived."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import ssl
import struct
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import Final, SupportsIndex

import anyio
from attrs import define, field

__all__ = ["Peer", "Script", "Site", "serving"]

Script = Callable[["Peer"], Awaitable[None]]
"""What the server does with a connection, which is read to its end and closed afterwards."""

_HEAD_END: Final = b"\r\n\r\n"
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
_TURNS: Final = 5
_TLS_RECORD_HEAD_BYTES: Final = 5
_TLS_HANDSHAKE: Final = frozenset({20, 21, 22})


class _Wire(asyncio.StreamReader):
    """Keeps what has arrived, whether anybody reads it or not."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived = bytearray()
        self.has_ended = False

    def feed_data(self, data: Iterable[SupportsIndex]) -> None:
        self.arrived += bytes(data)
        super().feed_data(data)

    def feed_eof(self) -> None:
        self.has_ended = True
        super().feed_eof()

    def set_exception(self, exc: Exception) -> None:
        self.has_ended = True
        super().set_exception(exc)


@define(eq=False)
class Site:
    """What a server knows of all its connections.

    Attributes:
        port: where it listens.
        stalled: called again and again while the server, in the middle of something, does
            nothing more.
        is_left: whether the client is gone for good.
        peers: its connections so far.
        seen: launches that have arrived whole.
        processed: launches that it has acted upon.
        is_ready: set when the launch may begin, by scripts that want a request before it.
    """

    port: int
    stalled: Callable[[], object] = lambda: None
    is_left: bool = False
    peers: list[Peer] = field(factory=list)
    seen: int = 0
    processed: int = 0
    is_ready: anyio.Event = field(factory=anyio.Event)

    @property
    def launch_bytes(self) -> bytes:
        """What has arrived of launches, whole or not, that the server has not refused."""
        return b"".join(bytes(peer.launch_bytes) for peer in self.peers)

    async def settled(self) -> None:
        """Wait, once the client is gone, until nothing more can arrive."""
        self.is_left = True
        for peer in self.peers:
            await peer.is_over.wait()

    async def hang_up(self) -> None:
        """Take what has been sent, then end what the client may have left open.

        httpcore leaves the socket of a handshake that is cut short to the server, or where it
        does not listen to that one any more, to the collector.
        """
        self.is_left = True
        await _turns()
        for peer in self.peers:
            if not peer.is_over.is_set():
                await peer.reset()
        await self.settled()
        await _turns()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()


async def _turns() -> None:
    """Let the event loop look at every socket."""
    for _ in range(_TURNS):
        await asyncio.sleep(0)


class Peer:
    """The server's side of a connection.

    Args:
        site: the server.
        reader: reads from the connection, or from the bytes of TLS.
        writer: writes to it.
        is_bare: whether a handshake of TLS is expected, and nobody here takes part in it.
    """

    def __init__(
        self, site: Site, reader: _Wire, writer: asyncio.StreamWriter, *, is_bare: bool
    ) -> None:
        self.site = site
        self.number = len(site.peers)
        self.is_over = anyio.Event()
        self._wire = reader
        self._writer = writer
        self._is_bare = is_bare
        self._done_bytes = 0
        self._left_bytes = 0

    @property
    def launch_bytes(self) -> bytes:
        """What has arrived, but for requests that are dealt with and handshakes."""
        arrived = bytes(self._wire.arrived[self._done_bytes :])
        return b"".join(_application_records(arrived)) if self._is_bare else arrived

    async def read(self, count: int) -> bytes:
        """Read some bytes."""
        return await self._wire.readexactly(count)

    async def head(self) -> bytes:
        """Read the head of a request."""
        head = await self._wire.readuntil(_HEAD_END)
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
        self._left_bytes = int(fields.get(b"content-length", 0))
        return head

    async def body(self) -> None:
        """Read the rest of a launch whose head was read."""
        await self.read(self._left_bytes)
        self.site.seen += 1

    async def launch(self) -> None:
        """Read a launch."""
        await self.head()
        await self.body()

    def process(self) -> None:
        """Do what the launch asks for."""
        self.site.processed += 1

    def forget(self) -> None:
        """Leave out of the account what has arrived: it was refused, or is no launch."""
        self._done_bytes = len(self._wire.arrived)

    async def other_request(self) -> None:
        """Read a request that is no launch."""
        await self.head()
        await self.read(self._left_bytes)
        self.forget()

    async def send(self, data: bytes) -> None:
        """Send some bytes."""
        self._writer.write(data)
        await self._writer.drain()

    async def trickle(self, data: bytes) -> None:
        """Send some bytes, one by one."""
        for at in range(len(data)):
            await self.send(data[at : at + 1])
            await asyncio.sleep(0)

    async def stall(self) -> None:
        """Do nothing more, and tell the test so until the client leaves."""
        while not (self.site.is_left or self._wire.has_ended):
            self.site.stalled()
            await asyncio.sleep(0)

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Go on as a server of TLS."""
        self.forget()
        await self._writer.start_tls(context)
        self._is_bare = False

    def start_bare_tls(self) -> None:
        """Go on as a server that should speak TLS, and does not."""
        self.forget()
        self._is_bare = True

    async def close(self) -> None:
        """Close the connection."""
        self._writer.close()

    async def shut(self) -> None:
        """Say at once, below TLS and without the event loop, that nothing more comes."""
        self._writer.get_extra_info("socket").shutdown(socket.SHUT_WR)

    async def reset(self) -> None:
        """Close the connection as after a crash."""
        raw = self._writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._writer.transport.abort()

    async def play(self, script: Script) -> None:
        """Follow a script, then take what still comes until the client leaves."""
        try:
            # A client may leave when it wants.
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await script(self)
                while not self._writer.is_closing() and await self._wire.read(65536):
                    pass
        finally:
            self._writer.transport.abort()
            self.is_over.set()


def _application_records(arrived: bytes) -> Iterator[bytes]:
    """Yield of bytes that open a connection of TLS whatever is no part of a handshake."""
    while arrived:
        length = _TLS_RECORD_HEAD_BYTES + int.from_bytes(arrived[3:5])
        if arrived[0] not in _TLS_HANDSHAKE:
            yield arrived[:length]
        arrived = arrived[length:]


@asynccontextmanager
async def serving(
    script: Script, *, tls: ssl.SSLContext | None = None, is_bare: bool = False
) -> AsyncIterator[Site]:
    """Run a server in the loop of the test.

    Args:
        script: what it does with each connection.
        tls: its TLS settings, None for a server of plain HTTP.
        is_bare: whether clients begin with a handshake in which nobody here takes part.
    """
    tasks: list[asyncio.Task[None]] = []
    loop = asyncio.get_running_loop()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert isinstance(reader, _Wire)
        peer = Peer(site, reader, writer, is_bare=is_bare)
        site.peers.append(peer)
        tasks.append(loop.create_task(peer.play(script)))

    listening = await loop.create_server(
        lambda: asyncio.StreamReaderProtocol(_Wire(), accept), "127.0.0.1", 0, ssl=tls
    )
    site = Site(listening.sockets[0].getsockname()[1])
    try:
        yield site
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result
