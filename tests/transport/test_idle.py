"""How long a connection without a request is trusted: what the server announces, and what it does.

What is not repeated in doubt goes over a connection that the server is far from closing.
"""

from __future__ import annotations

import asyncio
import ssl

import anyio
import httpx
import pytest

from mediasflow_async.transport import AsyncioTransport
from tests.support.byte_servers import OK, Peer, Server, answering, http, server_context, serving
from tests.support.sessions import until
from tests.support.transport_requests import fetch

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("nothing_left")]

ways = pytest.mark.parametrize("tls", [None, server_context()], ids=["plain", "tls"])


def announcing(*values: bytes) -> bytes:
    """Return an answer that announces how long idle connections are kept."""
    return http(b"hello", *(b"keep-alive: " + value for value in values))


async def fetch_once(transport: AsyncioTransport, url: str) -> None:
    """Send what is not repeated in doubt."""
    await fetch(transport, url, "POST", once=True)


def counts(server: Server) -> list[int]:
    """Return how many requests each connection has carried."""
    return [len(peer.requests) for peer in server.peers]


NO_TIME = (
    (b"timeout=0",),
    (b"timeout=0, max=100",),
    (b"max=100,TIMEOUT = 0",),
    (b'timeout="0"',),
    (b"timeout=0.4",),
    (b"timeout=60", b"timeout=0"),
)
SOME_TIME = (
    (b"timeout=60",),
    (b"timeout=" + b"9" * 5000,),
    (b"timeout=-1",),
    (b"timeout=soon",),
    (b"timeout",),
    (b"mytimeout=0",),
    (b"max=0",),
    (b"",),
    (b"\xff",),
)


@pytest.mark.parametrize("values", NO_TIME)
async def test_who_announces_no_time_is_asked_over_a_new_connection(
    transport: AsyncioTransport, values: tuple[bytes, ...]
) -> None:
    async with serving(answering(announcing(*values))) as server:
        for _ in range(2):
            await fetch(transport, server.url)
        assert counts(server) == [1, 1]


@pytest.mark.parametrize("values", SOME_TIME)
async def test_who_announces_some_time_or_what_is_none_is_asked_over_the_same(
    transport: AsyncioTransport, values: tuple[bytes, ...]
) -> None:
    async with serving(answering(announcing(*values))) as server:
        for _ in range(2):
            await fetch(transport, server.url)
        assert counts(server) == [2]


async def test_a_server_that_announces_no_time_sees_the_connection_closed_at_once(
    transport: AsyncioTransport,
) -> None:
    async with serving(answering(announcing(b"timeout=0"))) as server:
        await fetch(transport, server.url)
        with anyio.fail_after(2):
            await until(server.peers[0].reader.at_eof)


async def test_the_announced_time_is_not_used_to_its_end(transport: AsyncioTransport) -> None:
    async with serving(answering(announcing(b"timeout=1"))) as server:
        await fetch(transport, server.url)
        await anyio.sleep(0.6)
        await fetch(transport, server.url)
        assert counts(server) == [1, 1]


@ways
async def test_what_is_sent_once_leaves_an_older_connection_to_others(
    transport: AsyncioTransport, tls: ssl.SSLContext | None
) -> None:
    async with serving(answering(announcing(b"timeout=60")), tls=tls) as server:
        await fetch(transport, server.url)
        await anyio.sleep(1.3)
        await fetch_once(transport, server.url)
        assert counts(server) == [1, 1]
        await asyncio.gather(*(fetch(transport, server.url) for _ in range(2)))
        assert counts(server) == [2, 2]


async def test_what_is_sent_once_goes_over_a_young_connection(transport: AsyncioTransport) -> None:
    async with serving(answering(announcing(b"timeout=60"), OK)) as server:
        for _ in range(20):
            await fetch_once(transport, server.url)
        assert counts(server) == [20]


@ways
@pytest.mark.parametrize("ending", ["an end", "a reset", "a word"])
async def test_a_server_that_ends_idle_connections_is_sent_nothing_once_over_one(
    transport: AsyncioTransport, ending: str, tls: ssl.SSLContext | None
) -> None:
    async def script(peer: Peer) -> None:
        if peer.number:
            await answering(OK)(peer)
        await peer.request()
        await peer.send(OK)
        if ending == "a reset":
            peer.reset()
        elif ending == "a word":
            await peer.send(b"HTTP/1.1 408 Request Timeout\r\n\r\n")

    async with serving(script, tls=tls) as server:
        await fetch(transport, server.url)
        with anyio.fail_after(5):
            await until(server.peers[0].writer.is_closing)
        await anyio.sleep(0.05)
        # Both kinds over a new one, of which it is not known how long it lives.
        await fetch(transport, server.url)
        await fetch_once(transport, server.url)
        assert counts(server) == [1, 1, 1]
        await fetch(transport, server.url)
        assert counts(server) in ([1, 2, 1], [1, 1, 2])


@ways
async def test_a_request_that_meets_the_end_teaches_the_next(
    transport: AsyncioTransport, tls: ssl.SSLContext | None
) -> None:
    """The server has decided to close when the request comes."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()
        if peer.number:
            await peer.send(OK)

    async with serving(script, tls=tls) as server:
        await fetch(transport, server.url)
        with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
            await fetch(transport, server.url)
        await fetch(transport, server.url)
        await fetch_once(transport, server.url)
        assert counts(server) == [2, 1, 1]


async def test_a_new_connection_that_ends_teaches_nothing(transport: AsyncioTransport) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        if peer.number:
            await peer.send(OK)
            await answering(OK)(peer)

    async with serving(script) as server:
        with pytest.raises(httpx.RemoteProtocolError):
            await fetch(transport, server.url)
        await fetch(transport, server.url)
        await fetch_once(transport, server.url)
        assert counts(server) == [1, 2]


async def test_an_answer_that_breaks_off_teaches_nothing(transport: AsyncioTransport) -> None:
    half = http(b"hel", length=5)

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()
        await peer.send(OK if peer.number else half)
        if peer.number:
            await peer.end()

    async with serving(script) as server:
        await fetch(transport, server.url)
        with pytest.raises(httpx.RemoteProtocolError):
            await fetch(transport, server.url)
        await fetch(transport, server.url)
        await fetch_once(transport, server.url)
        assert counts(server) == [2, 2]


async def test_a_request_that_finds_the_end_as_it_leaves_teaches_the_next(
    transport: AsyncioTransport,
) -> None:
    """Requests of one turn of the loop leave at its end, when the connection is looked at again."""
    goes_on = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        if not peer.number:
            await goes_on.wait()
        await peer.send(OK)
        await answering(OK)(peer)

    async def leaving() -> None:
        # The connection is taken, and found fit, before this.
        asyncio.get_running_loop().call_soon(server.peers[1].writer.write, b"x")
        await fetch(transport, server.url)

    async with serving(script) as server:
        busy = asyncio.create_task(fetch(transport, server.url))
        await until(lambda: server.requests)
        await fetch(transport, server.url)
        with pytest.raises(httpx.RemoteProtocolError, match="before the request was sent"):
            await asyncio.create_task(leaving())
        await fetch(transport, server.url)
        await fetch_once(transport, server.url)
        goes_on.set()
        await busy
        assert counts(server) == [1, 1, 1, 1]
