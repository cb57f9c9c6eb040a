"""A relay between a client and a server, which may hold back, cut up and forge what passes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from attrs import define, field

from tests.support.sessions import until

__all__ = ["Relay", "relaying"]


@define(eq=False)
class Relay:
    """What a test knows of the one connection that passes.

    Attributes:
        url: its address.
        piece_bytes: how much of what the server says goes on at once.
        asked_bytes: how much the client has said.
        answered_bytes: how much the server has said.
        forged: said to the client in the server's name, with the next piece that the server says.
    """

    url: str
    piece_bytes: int = 2**16
    asked_bytes: int = 0
    answered_bytes: int = 0
    forged: bytes = b""
    _is_open: asyncio.Event = field(factory=asyncio.Event)
    _client: asyncio.StreamWriter | None = None

    def hold(self) -> None:
        """Keep from the server what the client says."""
        self._is_open.clear()

    def let_go(self) -> None:
        """Pass it on."""
        self._is_open.set()

    def forge(self, data: bytes) -> None:
        """Say something to the client in the server's name."""
        assert self._client
        self._client.write(data)

    async def answers(self, *, beyond: int) -> None:
        """Wait until the server has said more than so many bytes."""
        await until(lambda: self.answered_bytes > beyond)

    async def asks(self, *, beyond: int) -> None:
        """Wait until the client has said more than so many bytes."""
        await until(lambda: self.asked_bytes > beyond)

    async def pass_on(
        self,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        """Relay until one of the two has left."""
        self._client = client[1]
        ways = (
            asyncio.ensure_future(self._ask(client[0], server[1])),
            asyncio.ensure_future(self._answer(server[0], client[1])),
        )
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for writer in (client[1], server[1]):
                writer.transport.abort()

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(2**16):
            self.asked_bytes += len(data)
            await self._is_open.wait()
            writer.write(data)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(self.piece_bytes):
            self.answered_bytes += len(data)
            writer.write(data + self.forged)
            self.forged = b""
            # Each piece goes by itself.
            await asyncio.sleep(0)


@asynccontextmanager
async def relaying(url: str, *, piece_bytes: int = 2**16) -> AsyncIterator[Relay]:
    """Run a relay to a server in the loop of the test."""
    parts = urlsplit(url)
    tasks: list[asyncio.Task[None]] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server = await asyncio.open_connection(parts.hostname, parts.port)
        with contextlib.suppress(ConnectionError):
            await relay.pass_on((reader, writer), server)

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.get_running_loop().create_task(connected(reader, writer)))

    listening = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    relay = Relay(f"{parts.scheme}://127.0.0.1:{port}/", piece_bytes)
    relay.let_go()
    try:
        yield relay
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
