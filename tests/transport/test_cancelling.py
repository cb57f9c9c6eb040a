"""A request that is cancelled closes its connection, and the next one has another."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable

import anyio
import httpx
import pytest

from mediasflow_async._core.proof import Proof
from mediasflow_async.errors import Sent
from mediasflow_async.transport import AsyncioTransport
from tests.support.byte_servers import (
    OK,
    Peer,
    Script,
    Server,
    answering,
    client_context,
    http,
    server_context,
    serving,
    unreachable,
)
from tests.support.sessions import until
from tests.support.transport_requests import fetch, send
from tests.transport.conftest import open_sockets

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("nothing_left")]

MANY_BYTES = b"x" * 16 * 1024 * 1024


def new_transport() -> AsyncioTransport:
    return AsyncioTransport(ssl_context=client_context())


async def cancelled(task: asyncio.Task[httpx.Response]) -> None:
    """Cancel a task and wait for its end."""
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def check_it_goes_on(transport: AsyncioTransport) -> None:
    """Check that the next request is served."""
    async with serving(answering(OK)) as server:
        response = await fetch(transport, server.url)
        assert response.content == b"hello"


def once(script: Script) -> Script:
    """Do something with the first connection, and answer all the others."""

    async def either(peer: Peer) -> None:
        await (answering(OK) if peer.number else script)(peer)

    return either


async def silent(peer: Peer) -> None:
    await peer.request()
    await peer.end()


async def half_a_head(peer: Peer) -> None:
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\nContent-Le")
    await peer.end()


async def half_a_body(peer: Peer) -> None:
    await peer.request()
    await peer.send(http(b"hel", length=5))
    await peer.end()


Stage = Callable[[Server], object]

STAGES: dict[str, tuple[Script, Stage]] = {
    "connected": (once(silent), lambda server: server.peers),
    "sent": (once(silent), lambda server: server.requests),
    "half a head": (once(half_a_head), lambda server: server.requests),
    "half a body": (once(half_a_body), lambda server: server.requests),
}


@pytest.mark.parametrize("tls", [None, server_context()], ids=["plain", "tls"])
@pytest.mark.parametrize(("script", "stage"), STAGES.values(), ids=STAGES)
async def test_a_request_is_cancelled_on_its_way(
    script: Script, stage: Stage, tls: ssl.SSLContext | None
) -> None:
    async with serving(script, tls=tls) as server, new_transport() as transport:
        task = asyncio.create_task(fetch(transport, server.url))
        await until(lambda: stage(server))
        await cancelled(task)
        response = await fetch(transport, server.url)
        assert response.content == b"hello"
        await server.peers[0].left()
        assert len(server.peers) == 2


async def test_a_request_is_cancelled_before_it_begins() -> None:
    async with serving(answering(OK)) as server, new_transport() as transport:
        task = asyncio.create_task(fetch(transport, server.url))
        await cancelled(task)
        assert not server.peers
        await check_it_goes_on(transport)


async def test_connecting_is_cancelled() -> None:
    proof = Proof(is_trusted=True)
    with unreachable() as port:
        async with new_transport() as transport:
            url = f"http://127.0.0.1:{port}/"
            task = asyncio.create_task(fetch(transport, url, proof=proof))
            await asyncio.sleep(0.01)
            await cancelled(task)
            await check_it_goes_on(transport)
    assert proof.verdict is Sent.NOT_SENT


async def test_tls_is_cancelled() -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.read(1)
        has_begun.set()
        await peer.end()

    has_begun, proof = asyncio.Event(), Proof(is_trusted=True)
    async with serving(script) as server, new_transport() as transport:
        url = server.url.replace("http:", "https:")
        task = asyncio.create_task(fetch(transport, url, proof=proof))
        await has_begun.wait()
        await cancelled(task)
        await server.peers[0].left()
        await check_it_goes_on(transport)
    assert proof.verdict is Sent.NOT_SENT


@pytest.mark.parametrize("tls", [None, server_context()], ids=["plain", "tls"])
async def test_writing_is_cancelled(tls: ssl.SSLContext | None) -> None:
    async def script(peer: Peer) -> None:
        peer.stop_reading()
        is_paused.set()
        await peer.writer.wait_closed()

    is_paused = asyncio.Event()
    async with serving(script, tls=tls) as server, new_transport() as transport:
        task = asyncio.create_task(fetch(transport, server.url, "POST", content=MANY_BYTES))
        await is_paused.wait()
        await asyncio.sleep(0.01)
        await cancelled(task)
        await check_it_goes_on(transport)


async def test_waiting_for_the_body_of_a_request_is_cancelled() -> None:
    has_begun, has_ended = asyncio.Event(), asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        try:
            yield b"one"
            has_begun.set()
            await anyio.sleep_forever()
        finally:
            has_ended.set()

    async with serving(once(silent)) as server, new_transport() as transport:
        task = asyncio.create_task(fetch(transport, server.url, "POST", content=body()))
        await has_begun.wait()
        await cancelled(task)
        assert has_ended.is_set()
        await until(lambda: server.peers and server.peers[0].writer.is_closing())
        assert server.requests == []
        await check_it_goes_on(transport)


async def test_reading_a_body_is_cancelled() -> None:
    async with serving(once(half_a_body)) as server, new_transport() as transport:
        response = await send(transport, server.url)
        task = asyncio.create_task(response.aread())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.peers[0].left()
        await check_it_goes_on(transport)


async def test_a_request_whose_answer_came_as_it_was_cancelled_leaves_a_good_connection() -> None:
    async with serving(answering(OK)) as server, new_transport() as transport:
        for _ in range(20):
            task = asyncio.create_task(fetch(transport, server.url))
            await until(lambda: server.peers and server.peers[-1].requests)
            task.cancel()
            await asyncio.wait([task])
            response = await fetch(transport, server.url)
            assert response.content == b"hello"


@pytest.mark.parametrize("tls", [None, server_context()], ids=["plain", "tls"])
async def test_at_whatever_turn_of_the_loop_nothing_is_left(tls: ssl.SSLContext | None) -> None:
    """Also where the loop itself has the connection in its hands, and the server never leaves."""
    async with serving(answering(OK), tls=tls) as server:
        sockets = open_sockets()
        async with new_transport() as transport:
            for turns in range(60):
                task = asyncio.create_task(fetch(transport, server.url))
                for _ in range(turns):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.wait([task])
        with anyio.fail_after(5):
            await until(lambda: open_sockets() <= sockets)


async def test_a_deadline_is_a_cancellation() -> None:
    async with serving(once(silent)) as server, new_transport() as transport:
        with anyio.move_on_after(0.05) as scope:
            await fetch(transport, server.url)
        assert scope.cancelled_caught
        await server.peers[0].left()
        await check_it_goes_on(transport)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
async def test_what_ends_the_program_closes_the_connection_too(error: type[BaseException]) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"one"
        raise error

    async with serving(answering(OK)) as server, new_transport() as transport:
        with pytest.raises(error):
            await fetch(transport, server.url, "POST", content=body())
        await server.peers[0].left()
        await check_it_goes_on(transport)
