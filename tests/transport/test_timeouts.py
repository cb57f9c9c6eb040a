"""Each wait has its own limit, and its own error of httpx's."""

from __future__ import annotations

import re

import anyio
import httpx
import pytest

from mediasflow_async._core.proof import Proof
from mediasflow_async.errors import Sent
from mediasflow_async.transport import AsyncioTransport
from tests.support.byte_servers import (
    OK,
    Peer,
    answering,
    http,
    server_context,
    serving,
    unreachable,
)
from tests.support.transport_requests import fetch, request, send

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("nothing_left")]

MANY_BYTES = b"x" * 16 * 1024 * 1024


async def silent(peer: Peer) -> None:
    """Take everything and say nothing."""
    await peer.end()


async def deaf(peer: Peer) -> None:
    """Take nothing."""
    peer.stop_reading()
    await peer.writer.wait_closed()


async def test_connecting_has_a_limit(transport: AsyncioTransport) -> None:
    proof = Proof(is_trusted=True)
    with unreachable() as port, pytest.raises(httpx.ConnectTimeout):
        await fetch(transport, f"http://127.0.0.1:{port}/", timeouts={"connect": 0.05}, proof=proof)
    assert proof.verdict is Sent.NOT_SENT


async def test_so_has_tls(transport: AsyncioTransport) -> None:
    proof = Proof(is_trusted=True)
    async with serving(silent) as server:
        url = server.url.replace("http:", "https:")
        with pytest.raises(httpx.ConnectTimeout):
            await fetch(transport, url, timeouts={"connect": 0.05}, proof=proof)
        await server.peers[0].left()
    assert proof.verdict is Sent.NOT_SENT


@pytest.mark.parametrize("seconds", [0.0, 0.05])
@pytest.mark.parametrize("way", ["plain", "tls"])
async def test_reading_the_head_has_a_limit(
    transport: AsyncioTransport, way: str, seconds: float
) -> None:
    proof = Proof(is_trusted=True)
    async with serving(silent, tls=server_context() if way == "tls" else None) as server:
        with pytest.raises(httpx.ReadTimeout, match=re.escape(f"nothing came for {seconds:g} s")):
            await fetch(transport, server.url, timeouts={"read": seconds}, proof=proof)
        await server.peers[0].left()
    assert (proof.verdict, proof.is_answered) == (Sent.UNKNOWN, False)


@pytest.mark.parametrize(
    "half", [b"HTTP/1.1 2", b"HTTP/1.1 100 Continue\r\n\r\n"], ids=["half a line", "early"]
)
async def test_the_limit_holds_after_a_part_of_the_head(
    transport: AsyncioTransport, half: bytes
) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(half)
        await peer.end()

    async with serving(script) as server:
        with pytest.raises(httpx.ReadTimeout):
            await fetch(transport, server.url, timeouts={"read": 0.05})


async def test_reading_the_body_has_a_limit(transport: AsyncioTransport) -> None:
    async with serving(answering(http(b"hel", length=5))) as server:
        response = await send(transport, server.url, timeouts={"read": 0.05})
        pieces = response.aiter_raw()
        assert await anext(pieces) == b"hel"
        with pytest.raises(httpx.ReadTimeout):
            await anext(pieces)
        await server.peers[0].left()


@pytest.mark.parametrize("way", ["plain", "tls"])
async def test_what_trickles_is_in_time_while_it_trickles(
    transport: AsyncioTransport, way: str
) -> None:
    """The limit is for each wait, not for the whole: every byte begins it anew."""
    answer = http(b"hello" * 60)

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(*(answer[at : at + 1] for at in range(len(answer))))

    async with serving(script, tls=server_context() if way == "tls" else None) as server:
        # A byte comes each millisecond; the whole takes longer than the limit.
        response = await fetch(transport, server.url, timeouts={"read": 0.3})
        assert response.content == b"hello" * 60


async def test_what_stops_trickling_is_too_late(transport: AsyncioTransport) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(*(OK[at : at + 1] for at in range(len(OK) - 1)))
        await peer.end()

    async with serving(script) as server:
        with pytest.raises(httpx.ReadTimeout):
            await fetch(transport, server.url, timeouts={"read": 0.06})


@pytest.mark.parametrize("way", ["plain", "tls"])
async def test_writing_has_a_limit(transport: AsyncioTransport, way: str) -> None:
    proof = Proof(is_trusted=True)
    async with serving(deaf, tls=server_context() if way == "tls" else None) as server:
        with pytest.raises(httpx.WriteTimeout):
            await fetch(
                transport,
                server.url,
                "POST",
                content=MANY_BYTES,
                timeouts={"write": 0.05},
                proof=proof,
            )
    assert proof.verdict is Sent.UNKNOWN


async def test_bytes_that_arrive_do_not_extend_the_time_to_write(
    transport: AsyncioTransport,
) -> None:
    async def script(peer: Peer) -> None:
        await peer.head()
        peer.stop_reading()
        while not peer.writer.is_closing():
            await peer.send(*(b"HTTP/1.1 102 Processing\r\n\r\n",) * 10)

    async with serving(script) as server:
        with pytest.raises(httpx.WriteTimeout):
            await fetch(transport, server.url, "POST", content=MANY_BYTES, timeouts={"write": 0.05})


@pytest.mark.parametrize("extensions", [{}, {"timeout": None}, {"timeout": {}}])
async def test_without_limits_nothing_is_too_late(
    transport: AsyncioTransport, extensions: dict[str, object]
) -> None:
    async def in_parts(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK[:10], OK[10:-2], OK[-2:])

    async with serving(in_parts) as server:
        asked = request(server.url)
        asked.extensions = extensions
        response = await transport.handle_async_request(asked)
        assert await response.aread() == b"hello"


async def test_a_limit_that_has_passed_since_ends_nothing(transport: AsyncioTransport) -> None:
    async with serving(answering(OK)) as server:
        await fetch(transport, server.url, timeouts={"read": 1.0})
        await anyio.sleep(1.1)
        await fetch(transport, server.url, timeouts={"read": 1.0})
        assert len(server.peers) == 1


async def test_a_limit_does_not_outlive_its_wait(transport: AsyncioTransport) -> None:
    """A short limit after a long one counts, and a long one after a short one."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()
        await peer.send(OK)
        await peer.request()
        await peer.end()

    async with serving(script) as server:
        await fetch(transport, server.url, timeouts={"read": 2.0})
        await fetch(transport, server.url, timeouts={"read": 60.0})
        with pytest.raises(httpx.ReadTimeout, match=r"for 0\.01 s"):
            await fetch(transport, server.url, timeouts={"read": 0.01})
        assert len(server.peers) == 1
