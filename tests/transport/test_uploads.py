"""Bodies that go out piece by piece, no faster than the peer takes them, nor longer than needed."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator

import httpx
import pytest

from mediasflow_async._core.proof import Proof
from mediasflow_async.errors import Sent
from mediasflow_async.transport import AsyncioTransport
from tests.support.byte_servers import OK, Peer, answering, http, server_context, serving
from tests.support.sessions import until
from tests.support.transport_requests import fetch, send

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.usefixtures("nothing_left"),
    pytest.mark.parametrize("tls", [None, server_context()], ids=["plain", "tls"]),
]

PIECE = b"x" * 64 * 1024
MANY = 1600
TOO_LARGE = http(b"too large", status=b"413 Content Too Large")


class Body:
    """A body of a hundred megabytes that counts what was taken of it."""

    def __init__(self) -> None:
        self.taken = 0
        self.is_closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            for self.taken in range(1, MANY + 1):
                yield PIECE
        finally:
            self.is_closed = True


async def test_a_body_waits_for_a_peer_that_does_not_read(
    transport: AsyncioTransport, tls: ssl.SSLContext | None
) -> None:
    paused, goes_on = asyncio.Event(), asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.head()
        peer.stop_reading()
        paused.set()
        await goes_on.wait()
        peer.read_on()
        for _ in range(MANY):
            await peer.reader.readexactly(len(PIECE))
        await peer.send(OK)

    body = Body()
    length = {"Content-Length": str(MANY * len(PIECE))}
    async with serving(script, tls=tls) as server:
        sending = asyncio.create_task(
            fetch(transport, server.url, "POST", content=body, headers=length)
        )
        await paused.wait()
        await until_still(body)
        assert body.taken < MANY // 2
        assert not sending.done()
        goes_on.set()
        assert (await sending).content == b"hello"
    assert (body.taken, body.is_closed) == (MANY, True)


async def until_still(body: Body) -> None:
    """Wait until nothing more is taken of a body, for many turns of the loop."""
    taken, turns = -1, 0
    while turns < 50:
        turns = turns + 1 if taken == body.taken else 0
        taken = body.taken
        await asyncio.sleep(0.001)


@pytest.mark.parametrize("is_read_on", [True, False], ids=["reads on", "stops reading"])
async def test_an_early_answer_ends_the_upload(
    transport: AsyncioTransport, tls: ssl.SSLContext | None, *, is_read_on: bool
) -> None:
    async def script(peer: Peer) -> None:
        await peer.head()
        if not is_read_on:
            peer.stop_reading()
        await peer.send(TOO_LARGE)
        await (peer.end() if is_read_on else peer.writer.wait_closed())

    body, proof = Body(), Proof(is_trusted=True)
    async with serving(script, tls=tls) as server:
        response = await fetch(transport, server.url, "POST", content=body, proof=proof)
        assert (response.status_code, response.content) == (413, b"too large")
        if is_read_on:
            await server.peers[0].left()
    assert body.is_closed
    assert body.taken < MANY
    assert proof.is_answered


async def test_the_body_of_an_early_answer_is_read_to_its_end(
    transport: AsyncioTransport, tls: ssl.SSLContext | None
) -> None:
    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.send(TOO_LARGE[:-4])
        await peer.send(TOO_LARGE[-4:])
        await peer.end()

    async with serving(script, tls=tls) as server:
        response = await fetch(transport, server.url, "POST", content=Body())
        assert (response.status_code, response.content) == (413, b"too large")
        # What was cut off is not followed by another request.
        await server.peers[0].left()
        assert len(server.peers) == 1


async def test_an_early_answer_to_a_body_at_hand_ends_the_upload(
    transport: AsyncioTransport, tls: ssl.SSLContext | None
) -> None:
    async def script(peer: Peer) -> None:
        await peer.head()
        peer.stop_reading()
        await peer.send(TOO_LARGE)
        await peer.writer.wait_closed()

    async with serving(script, tls=tls) as server:
        response = await fetch(transport, server.url, "POST", content=PIECE * MANY)
        assert (response.status_code, response.content) == (413, b"too large")


async def test_an_answer_to_half_a_request_does_not_leave_the_connection_in_use(
    transport: AsyncioTransport, tls: ssl.SSLContext | None
) -> None:
    """The rest of a body that the server did not wait for would be read as another request."""

    async def body() -> AsyncIterator[bytes]:
        yield b"one"
        # The answer is whole before the request is.
        await until(lambda: server.peers and server.peers[0].writer.is_closing())
        yield b"two"

    async def script(peer: Peer) -> None:
        if not peer.number:
            await peer.head()
            await peer.send(OK)
            await peer.end()
        await answering(OK)(peer)

    async with serving(script, tls=tls) as server:
        assert (await fetch(transport, server.url, "POST", content=body())).content == b"hello"
        assert (await fetch(transport, server.url)).content == b"hello"
        assert len(server.peers) == 2


async def test_an_early_answer_to_which_the_server_closes_its_half_is_read(
    transport: AsyncioTransport, tls: ssl.SSLContext | None
) -> None:
    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.send(TOO_LARGE)

    async with serving(script, tls=tls) as server:
        response = await fetch(transport, server.url, "POST", content=waiting(server.peers))
        assert (response.status_code, response.content) == (413, b"too large")


async def waiting(peers: list[Peer]) -> AsyncIterator[bytes]:
    """Yield pieces, the second once the server has gone."""
    yield b"one"
    await until(lambda: peers and peers[0].writer.is_closing())
    for _ in range(100):
        await asyncio.sleep(0)
        yield PIECE


async def test_a_server_that_goes_without_a_word_is_an_error(
    transport: AsyncioTransport, tls: ssl.SSLContext | None
) -> None:
    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.reader.readexactly(1)

    body, proof = Body(), Proof(is_trusted=True)
    async with serving(script, tls=tls) as server:
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await send(transport, server.url, "POST", content=body, proof=proof)
        assert len(server.peers) == 1
    assert (proof.verdict, proof.is_answered) == (Sent.UNKNOWN, False)
    # httpx leaves it to the loop, which closes it soon.
    await until(lambda: body.is_closed)
    assert body.taken < MANY


async def test_others_are_served_while_a_source_never_waits(
    transport: AsyncioTransport, tls: ssl.SSLContext | None
) -> None:
    """The kernel takes everything at once, and so would the upload take all turns of the loop."""
    finished: list[str] = []

    async def large(url: str) -> None:
        await fetch(transport, url, "POST", content=PIECE * MANY)
        finished.append("large")

    async def small(url: str) -> None:
        await fetch(transport, url)
        finished.append("small")

    async with serving(answering(OK), tls=tls) as one, serving(answering(OK), tls=tls) as other:
        await fetch(transport, other.url)
        await asyncio.gather(large(one.url), small(other.url))
    assert finished == ["small", "large"]
