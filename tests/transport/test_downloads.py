"""Bodies that come in piece by piece, no faster than they are read."""

from __future__ import annotations

import asyncio
import ssl

import httpx
import pytest

from mediasflow_async.transport import AsyncioTransport
from tests.support.byte_servers import OK, Peer, answering, http, server_context, serving
from tests.support.transport_requests import fetch, send

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.usefixtures("nothing_left"),
    pytest.mark.parametrize("tls", [None, server_context()], ids=["plain", "tls"]),
]

PIECE = bytes(range(256)) * 256
MANY = 1600


class Source:
    """An answer of a hundred megabytes that counts how much of it the client has let out."""

    def __init__(self, *, is_chunked: bool = False) -> None:
        self.sent = 0
        self._is_chunked = is_chunked

    async def __call__(self, peer: Peer) -> None:
        while True:
            await peer.request()
            await self._answer(peer)

    async def _answer(self, peer: Peer) -> None:
        if self._is_chunked:
            head, before, after = b"Transfer-Encoding: chunked", b"%x\r\n" % len(PIECE), b"\r\n"
        else:
            head, before, after = b"Content-Length: %d" % (MANY * len(PIECE)), b"", b""
        peer.writer.write(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n")
        for self.sent in range(1, MANY + 1):
            peer.writer.write(before + PIECE + after)
            await peer.writer.drain()
        peer.writer.write(b"0\r\n\r\n" if self._is_chunked else b"")

    async def until_still(self) -> None:
        """Wait until no more is let out, for many turns of the loop."""
        sent, turns = -1, 0
        while turns < 50:
            turns = turns + 1 if sent == self.sent else 0
            sent = self.sent
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("is_chunked", [True, False], ids=["chunks", "length"])
async def test_a_server_waits_for_who_does_not_read(
    transport: AsyncioTransport, tls: ssl.SSLContext | None, *, is_chunked: bool
) -> None:
    source = Source(is_chunked=is_chunked)
    async with serving(source, tls=tls) as server:
        for _ in range(2):
            response = await send(transport, server.url)
            await source.until_still()
            assert source.sent < MANY // 2
            at = 0
            async for piece in response.aiter_raw():
                # What a piece should be, where it stands.
                begin = at % len(PIECE)
                repeated = PIECE * (len(piece) // len(PIECE) + 2)
                assert piece == repeated[begin : begin + len(piece)]
                at += len(piece)
            assert at == MANY * len(PIECE)
        assert len(server.peers) == 1


async def test_a_reader_may_stop_in_the_middle(
    transport: AsyncioTransport, tls: ssl.SSLContext | None
) -> None:
    source = Source()
    async with serving(source, tls=tls) as server:
        response = await send(transport, server.url)
        async for _ in response.aiter_raw():
            break
        await response.aclose()
        await server.peers[0].left()
        with pytest.raises(httpx.StreamConsumed):
            await anext(response.aiter_raw())
    assert source.sent < MANY


async def test_a_reader_may_stop_before_the_beginning(
    transport: AsyncioTransport, tls: ssl.SSLContext | None
) -> None:
    source = Source()
    async with serving(source, tls=tls) as server:
        response = await send(transport, server.url)
        await source.until_still()
        await response.aclose()
        await server.peers[0].left()
        with pytest.raises(httpx.StreamClosed):
            await response.aread()


async def test_what_is_given_up_has_no_more_to_say(
    transport: AsyncioTransport, tls: ssl.SSLContext | None
) -> None:
    """Below httpx's response, its stream says so by itself."""
    async with serving(answering(http(b"hel", length=5)), tls=tls) as server:
        response = await send(transport, server.url)
        stream = response.stream
        assert isinstance(stream, httpx.AsyncByteStream)
        await stream.aclose()
        with pytest.raises(httpx.ReadError, match="closed before its end"):
            assert [piece async for piece in stream] == [b"hel"]


async def test_a_body_may_be_read_by_another_task(
    transport: AsyncioTransport, tls: ssl.SSLContext | None
) -> None:
    async with serving(answering(http(b"hel", length=5), OK), tls=tls) as server:
        response = await send(transport, server.url)
        reading = asyncio.create_task(response.aread())
        await asyncio.sleep(0)
        await server.peers[0].send(b"lo")
        assert await reading == b"hello"
        await fetch(transport, server.url)
        assert len(server.peers) == 1


async def test_a_body_that_was_read_to_its_end_frees_its_connection_at_once(
    transport: AsyncioTransport, tls: ssl.SSLContext | None
) -> None:
    """Whether the response is closed or not."""
    async with serving(answering(OK), tls=tls) as server:
        first = await send(transport, server.url)
        second = await send(transport, server.url)
        assert len(server.peers) == 1
        assert (await first.aread(), await second.aread()) == (b"hello", b"hello")


async def test_a_connection_is_read_again_after_an_answer_that_had_to_wait(
    transport: AsyncioTransport, tls: ssl.SSLContext | None
) -> None:
    """TLS may have the end of the answer at hand when reading stops: nobody asks for it then."""

    async def script(peer: Peer) -> None:
        while True:
            size = (await peer.request()).split()[1].removeprefix(b"/")
            peer.writer.write(http(b"x" * int(size)))

    async with serving(script, tls=tls) as server:
        for size in range(500_000, 530_000, 1_000):
            large = await send(transport, f"{server.url}{size}")
            await asyncio.sleep(0.004)
            assert len(await large.aread()) == size
            small = await fetch(transport, f"{server.url}5", timeouts={"read": 1.0})
            assert small.content == b"xxxxx"
