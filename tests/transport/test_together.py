"""Requests that begin in one turn of the event loop leave together, at its end."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx
import pytest
from attrs import define, field

from mediasflow_async._core.proof import Proof
from mediasflow_async.errors import Sent
from mediasflow_async.transport import AsyncioTransport, Outgoing, outgoing_of
from tests.support.byte_servers import OK, Peer, answering, http, server_context, serving
from tests.support.transport_requests import fetch, request, send

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("nothing_left")]

ways = pytest.mark.parametrize("tls", [None, server_context()], ids=["plain", "tls"])


@define
class Log:
    """Writes down who leaves, and which task that is told by."""

    name: str
    told: list[str]
    tasks: list[object] = field(factory=list)

    def leaving(self) -> None:
        self.told.append(f"{self.name} leaves")
        self.tasks.append(asyncio.current_task())

    def answered(self) -> None:
        pass


def patient(url: str, observer: Log | Proof, content: bytes = b"x") -> Outgoing:
    """Return a request that may leave together with others."""
    outgoing = outgoing_of(request(url, "POST", content=content, proof=observer))
    return outgoing._replace(may_wait=True)


async def half_then_well(peer: Peer) -> None:
    """Answer the first connection half, and the others well."""
    if peer.number == 0:
        await peer.request()
        await peer.send(http(b"hel", length=5))
        await peer.end()
    else:
        await answering(OK)(peer)


@asynccontextmanager
async def beside(transport: AsyncioTransport, url: str, count: int) -> AsyncGenerator[None]:
    """Have one request under way on the first connection, and so many others idle."""
    under_way = await send(transport, url)
    try:
        await asyncio.gather(*(fetch(transport, url) for _ in range(count)))
        yield
    finally:
        await under_way.aclose()


@ways
async def test_they_leave_at_the_end_of_the_turn(
    transport: AsyncioTransport, tls: ssl.SSLContext | None
) -> None:
    told: list[str] = []

    async def one(name: str) -> int:
        told.append(f"{name} begins")
        return (await transport.send(patient(server.url, Log(name, told)))).status

    async with (
        serving(half_then_well, tls=tls) as server,
        beside(transport, server.url, 3),
    ):
        assert await asyncio.gather(*map(one, "abc")) == [200, 200, 200]
        assert len(server.peers) == 4
    assert told == [f"{name} {verb}" for verb in ("begins", "leaves") for name in "abc"]


async def test_one_alone_leaves_at_once(transport: AsyncioTransport) -> None:
    log = Log("a", [])
    async with serving(answering(OK)) as server:
        await fetch(transport, server.url)
        await transport.send(patient(server.url, log))
    assert log.tasks == [asyncio.current_task()]


@pytest.mark.parametrize("content", [b"x", b"x" * 100_000], ids=["small", "large"])
async def test_what_may_not_wait_leaves_at_once_and_in_its_own_task(
    transport: AsyncioTransport, content: bytes
) -> None:
    """So does what a guard watches: it may look at the task, or at its context variables."""
    log = Log("a", [])
    async with serving(half_then_well) as server, beside(transport, server.url, 1):
        outgoing = outgoing_of(request(server.url, "POST", content=content, proof=log))
        assert not outgoing.may_wait
        await transport.send(outgoing)
    assert log.tasks == [asyncio.current_task()]


@ways
async def test_who_is_cancelled_within_the_turn_has_sent_nothing(
    transport: AsyncioTransport, tls: ssl.SSLContext | None
) -> None:
    proof = Proof(is_trusted=True)

    async def one() -> None:
        asyncio.get_running_loop().call_soon(task.cancel)
        await transport.send(patient(server.url, proof))

    async with (
        serving(half_then_well, tls=tls) as server,
        beside(transport, server.url, 1),
    ):
        task = asyncio.create_task(one())
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.peers[1].left()
        assert len(server.peers[1].requests) == 1
    assert proof.verdict is Sent.NOT_SENT


async def test_a_connection_that_ends_within_the_turn_sends_nothing(
    transport: AsyncioTransport,
) -> None:
    proof = Proof(is_trusted=True)
    async with serving(half_then_well) as server, beside(transport, server.url, 1):
        asking = asyncio.create_task(transport.send(patient(server.url, proof)))
        closing = asyncio.create_task(transport.aclose())
        with pytest.raises(httpx.RemoteProtocolError, match="before the request was sent"):
            await asking
        await closing
    assert proof.verdict is Sent.NOT_SENT


async def test_an_answer_that_comes_before_the_request_has_left_is_nobodys(
    transport: AsyncioTransport,
) -> None:
    """It lies in the socket, where nobody but the transport looks for it."""
    proof = Proof(is_trusted=True)

    async def one() -> None:
        # The connection is looked at, and found fit, before this.
        asyncio.get_running_loop().call_soon(speaking)
        await transport.send(patient(server.url, proof))

    def speaking() -> None:
        server.peers[1].writer.write(OK)

    async with serving(half_then_well) as server, beside(transport, server.url, 1):
        with pytest.raises(httpx.RemoteProtocolError, match="before the request was sent"):
            await asyncio.create_task(one())
        await server.peers[1].left()
        assert len(server.peers[1].requests) == 1
    assert proof.verdict is Sent.NOT_SENT
