"""After ten thousand requests cancelled at random moments, all is as it was before."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import anyio
import pytest
from attrs import define, field

from mediasflow_async.transport import AsyncioTransport
from tests.support.byte_servers import OK, Peer, client_context, http, server_context, serving
from tests.support.sessions import until
from tests.support.transport_requests import fetch
from tests.transport.conftest import open_sockets

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("nothing_left")]

MANY = 10_000
KEPT = 20
WORKERS = 30
HALF = http(b"hel", length=5)


async def moody(peer: Peer) -> None:
    """Answer at once, or in two parts with some time between them."""
    mood = random.Random(peer.number)  # noqa: S311 - nothing secret
    while True:
        await peer.request()
        if mood.random() < 0.5:
            peer.writer.write(OK)
        else:
            peer.writer.write(HALF)
            await asyncio.sleep(mood.random() * 0.002)
            # Who is gone gets no more.
            await peer.writer.drain()
            peer.writer.write(b"lo")


@define
class Chaos:
    """Sends requests and cancels them until so many were."""

    transport: AsyncioTransport
    urls: list[str]
    dice: random.Random
    cancelled: int = 0
    finished: int = 0
    errors: list[BaseException] = field(factory=list)

    async def work(self) -> None:
        while self.cancelled < MANY:
            task = asyncio.create_task(self._one())
            await self._some_time()
            task.cancel()
            await asyncio.wait([task])
            if task.cancelled():
                self.cancelled += 1
            elif error := task.exception():
                self.errors.append(error)
            else:
                self.finished += 1

    async def _one(self) -> None:
        # One in twenty by TLS, whose handshakes cost as much as all the others together.
        url = self.urls[self.dice.random() < 0.05]
        if self.dice.random() < 0.2:
            await fetch(self.transport, url, "POST", content=self._body())
        else:
            await fetch(self.transport, url)

    async def _body(self) -> AsyncIterator[bytes]:
        for _ in range(self.dice.randrange(3)):
            await asyncio.sleep(0)
            yield b"x" * self.dice.choice((1, 1000, 100_000))

    async def _some_time(self) -> None:
        """Let pass a few turns of the loop, or a few milliseconds."""
        if self.dice.random() < 0.5:
            for _ in range(self.dice.randrange(25)):
                await asyncio.sleep(0)
        else:
            await asyncio.sleep(self.dice.random() * 0.008)


async def test_ten_thousand_cancelled_requests_leave_nothing_behind() -> None:
    async with (
        AsyncExitStack() as servers,
        AsyncioTransport(ssl_context=client_context(), max_idle=KEPT) as transport,
    ):
        running = [
            await servers.enter_async_context(serving(moody, tls=tls))
            for tls in (None, server_context())
        ]
        sockets = open_sockets()
        dice = random.Random(1)  # noqa: S311 - nothing secret
        chaos = Chaos(transport, [server.url for server in running], dice)
        await asyncio.gather(*(chaos.work() for _ in range(WORKERS)))
        assert chaos.cancelled >= MANY
        assert chaos.finished > 100
        assert chaos.errors == []
        for _ in range(100):
            response = await fetch(transport, running[0].url)
            assert response.content == b"hello"
        # Both ends of the connections that are kept to each server, and not one more.
        with anyio.fail_after(5):
            await until(lambda: open_sockets() <= sockets + 2 * KEPT * len(running))
