"""The end of a transport, and the loop that it belongs to."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable

import anyio
import httpx
import pytest
from anyio.to_thread import run_sync

from mediasflow_async._core.proof import Proof
from mediasflow_async.errors import Sent
from mediasflow_async.transport import AsyncioTransport
from tests.support.byte_servers import (
    OK,
    Peer,
    answering,
    client_context,
    http,
    server_context,
    serving,
    unreachable,
)
from tests.support.sessions import until
from tests.support.transport_requests import fetch, send

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("nothing_left")]

HALF = http(b"hel", length=5)
CLOSED = "the transport was closed"

ways = pytest.mark.parametrize("tls", [None, server_context()], ids=["plain", "tls"])


def new_transport() -> AsyncioTransport:
    return AsyncioTransport(ssl_context=client_context())


@ways
async def test_closing_closes_what_is_kept(tls: ssl.SSLContext | None) -> None:
    async with serving(answering(OK), tls=tls) as server:
        transport = new_transport()
        await asyncio.gather(*(fetch(transport, server.url) for _ in range(5)))
        await transport.aclose()
        for peer in server.peers:
            await peer.left()


@ways
async def test_closing_ends_what_is_under_way(tls: ssl.SSLContext | None) -> None:
    async with serving(answering(HALF), tls=tls) as server:
        transport = new_transport()
        response = await send(transport, server.url)
        waiting = asyncio.create_task(response.aread())
        await asyncio.sleep(0)
        await transport.aclose()
        with pytest.raises(httpx.ReadError, match=CLOSED):
            await waiting
        await server.peers[0].left()


@ways
async def test_closing_ends_the_wait_for_an_answer(tls: ssl.SSLContext | None) -> None:
    async def silent(peer: Peer) -> None:
        await peer.request()
        await peer.end()

    async with serving(silent, tls=tls) as server:
        transport, proof = new_transport(), Proof(is_trusted=True)
        waiting = asyncio.create_task(fetch(transport, server.url, proof=proof))
        await until(lambda: server.requests)
        await transport.aclose()
        with pytest.raises(httpx.ReadError, match=CLOSED):
            await waiting
    assert proof.verdict is Sent.UNKNOWN


@ways
async def test_closing_ends_an_upload(tls: ssl.SSLContext | None) -> None:
    async def deaf(peer: Peer) -> None:
        await peer.head()
        peer.stop_reading()
        is_deaf.set()
        await peer.writer.wait_closed()

    is_deaf = asyncio.Event()
    async with serving(deaf, tls=tls) as server:
        transport = new_transport()
        body = b"x" * 16 * 1024 * 1024
        sending = asyncio.create_task(fetch(transport, server.url, "POST", content=body))
        await is_deaf.wait()
        await transport.aclose()
        with pytest.raises(httpx.ReadError, match=CLOSED):
            await sending


async def test_closing_does_not_wait_for_what_the_peer_says_to_it() -> None:
    """TLS has words of farewell; a peer that leaves them unanswered holds nobody up."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        peer.stop_reading()
        await peer.writer.wait_closed()

    async with serving(script, tls=server_context()) as server:
        transport = new_transport()
        await fetch(transport, server.url)
        with anyio.fail_after(5):
            await transport.aclose()


async def test_what_is_connecting_when_the_transport_closes_sends_nothing() -> None:
    async with serving(no_tls) as server:
        transport, proof = new_transport(), Proof(is_trusted=True)
        url = server.url.replace("http:", "https:")
        connecting = asyncio.create_task(fetch(transport, url, proof=proof))
        await until(lambda: server.peers)
        await transport.aclose()
        server.peers[0].writer.transport.abort()
        with pytest.raises(httpx.ConnectError):
            await connecting
    assert proof.verdict is Sent.NOT_SENT


async def no_tls(peer: Peer) -> None:
    await peer.end()


async def test_a_connection_that_comes_after_the_end_sends_nothing() -> None:
    async with serving(answering(OK)) as server:
        transport, proof = new_transport(), Proof(is_trusted=True)
        connecting = asyncio.create_task(fetch(transport, server.url, proof=proof))
        # By now the address is looked up in a thread, and the rest is still to come.
        await asyncio.sleep(0)
        await transport.aclose()
        with pytest.raises(httpx.ConnectError, match=CLOSED):
            await connecting
        await until(lambda: server.peers)
        await server.peers[0].left()
        assert server.requests == []
    assert proof.verdict is Sent.NOT_SENT


async def test_a_closed_transport_sends_nothing_more() -> None:
    async with serving(answering(OK)) as server:
        transport = new_transport()
        await fetch(transport, server.url)
        await transport.aclose()
        await transport.aclose()
        with pytest.raises(RuntimeError, match="has been closed"):
            await fetch(transport, server.url)
        assert len(server.requests) == 1


async def test_a_transport_that_was_never_used_is_closed_too() -> None:
    transport = new_transport()
    await transport.aclose()
    with pytest.raises(RuntimeError, match="has been closed"):
        await fetch(transport, "http://127.0.0.1/")


async def test_another_loop_is_refused(transport: AsyncioTransport) -> None:
    """Its connections answer only to the loop that opened them."""
    async with serving(answering(OK)) as server:
        await fetch(transport, server.url)
        with pytest.raises(RuntimeError, match="another event loop"):
            await run_sync(in_another_loop, lambda: fetch(transport, server.url))
        await fetch(transport, server.url)
        assert [len(peer.requests) for peer in server.peers] == [2]


async def test_another_loop_closes_the_transport_and_leaves_its_connections() -> None:
    async with serving(answering(OK)) as server:
        transport = new_transport()
        await fetch(transport, server.url, headers={"Connection": "close"})
        await run_sync(in_another_loop, transport.aclose)
        with pytest.raises(RuntimeError, match="has been closed"):
            await fetch(transport, server.url)


def in_another_loop(call: Callable[[], Awaitable[object]]) -> None:
    async def run() -> None:
        await call()

    asyncio.run(run())


async def test_connecting_ends_at_its_limit_after_the_transport_has_closed() -> None:
    with unreachable() as port:
        transport = new_transport()
        url = f"http://127.0.0.1:{port}/"
        connecting = asyncio.create_task(fetch(transport, url, timeouts={"connect": 0.1}))
        await asyncio.sleep(0.01)
        await transport.aclose()
        with pytest.raises(httpx.ConnectTimeout):
            await connecting
