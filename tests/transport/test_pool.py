"""Which connections are kept, and which is taken next."""

from __future__ import annotations

import asyncio
import math
from contextlib import AsyncExitStack

import anyio
import httpx
import pytest

from mediasflow_async.transport import AsyncioTransport
from tests.support.byte_servers import OK, Peer, Server, answering, http, refusing, serving
from tests.support.sessions import until
from tests.support.transport_requests import fetch, send

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("nothing_left")]

HALF = http(b"hel", length=5)


async def opened(transport: AsyncioTransport, server: Server, count: int) -> None:
    """Leave so many connections idle, given back in the order of their numbers."""
    first = len(server.peers)
    responses = []
    for number in range(first, first + count):
        responses.append(await send(transport, server.url))
        assert len(server.peers) == number + 1
    for number, response in enumerate(responses, first):
        await server.peers[number].send(b"lo")
        await response.aread()


async def half_at_first(peer: Peer) -> None:
    """Answer the first request half, the others well."""
    await peer.request()
    await peer.send(HALF)
    await answering(OK)(peer)


async def closed(server: Server, *numbers: int) -> None:
    """Wait until the client has closed these connections, and no other."""
    with anyio.fail_after(10):
        await until(lambda: all(server.peers[number].reader.at_eof() for number in numbers))
    for number, peer in enumerate(server.peers):
        assert peer.reader.at_eof() == (number in numbers)


async def test_the_connection_that_was_used_last_is_taken_first(
    transport: AsyncioTransport,
) -> None:
    async with serving(half_at_first) as server:
        await opened(transport, server, 3)
        for _ in range(3):
            await fetch(transport, server.url)
        assert [len(peer.requests) for peer in server.peers] == [1, 1, 4]
        async with AsyncExitStack() as taken:
            for _ in range(2):
                response = await send(transport, server.url, "HEAD")
                taken.push_async_callback(response.aclose)
        assert len(server.peers) == 3


async def test_connections_that_wait_longer_than_others_are_taken_later(
    transport: AsyncioTransport,
) -> None:
    async with serving(half_at_first) as server:
        await opened(transport, server, 3)
        await asyncio.gather(*(fetch(transport, server.url) for _ in range(2)))
        assert [len(peer.requests) for peer in server.peers] == [1, 2, 2]


async def test_an_origin_has_connections_of_its_own(transport: AsyncioTransport) -> None:
    async with serving(answering(OK)) as one, serving(answering(OK)) as other:
        for _ in range(2):
            await fetch(transport, one.url)
            await fetch(transport, other.url)
        assert (len(one.peers), len(other.peers)) == (1, 1)


async def test_who_asks_for_another_name_in_tls_gets_another_connection(
    transport: AsyncioTransport,
) -> None:
    async with serving(answering(OK)) as server:
        await fetch(transport, server.url)
        await fetch(transport, server.url, sni_hostname="else.test")
        assert len(server.peers) == 2


@pytest.mark.parametrize("expiry_seconds", [0.0, 0.02])
async def test_a_connection_that_is_too_old_is_closed(expiry_seconds: float) -> None:
    async with (
        serving(answering(OK)) as server,
        AsyncioTransport(keepalive_expiry_seconds=expiry_seconds) as transport,
    ):
        for _ in range(2):
            await fetch(transport, server.url)
            await anyio.sleep(2 * expiry_seconds)
        assert [len(peer.requests) for peer in server.peers] == [1, 1]


async def test_the_oldest_that_nobody_needs_closes_when_another_comes_back() -> None:
    async with (
        serving(half_at_first) as server,
        AsyncioTransport(keepalive_expiry_seconds=0.05) as transport,
    ):
        first, second, _third = [await send(transport, server.url) for _ in range(3)]
        await server.peers[0].send(b"lo")
        await first.aread()
        await anyio.sleep(0.1)
        await server.peers[1].send(b"lo")
        await second.aread()
        await closed(server, 0)


async def test_connections_may_be_kept_for_ever() -> None:
    async with (
        serving(answering(OK)) as server,
        AsyncioTransport(keepalive_expiry_seconds=math.inf) as transport,
    ):
        for _ in range(2):
            await fetch(transport, server.url)
        assert len(server.peers) == 1


@pytest.mark.parametrize("max_idle", [0, 1, 2])
async def test_no_more_than_so_many_are_kept(max_idle: int) -> None:
    async with serving(half_at_first) as server, AsyncioTransport(max_idle=max_idle) as transport:
        await opened(transport, server, 3)
        await closed(server, *range(3 - max_idle))


@pytest.mark.parametrize("value", ["close", "Close", "keep-alive, close"])
async def test_who_asks_for_the_end_gets_it(transport: AsyncioTransport, value: str) -> None:
    async with serving(answering(OK)) as server:
        for _ in range(2):
            await fetch(transport, server.url, headers={"Connection": value})
        assert [len(peer.requests) for peer in server.peers] == [1, 1]


async def test_a_connection_that_the_server_has_closed_is_not_taken(
    transport: AsyncioTransport,
) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)

    async with serving(script) as server:
        for number in range(3):
            await fetch(transport, server.url)
            await until(server.peers[number].reader.at_eof)
        assert [len(peer.requests) for peer in server.peers] == [1, 1, 1]


async def test_a_request_on_a_connection_that_dies_is_not_sent_again(
    transport: AsyncioTransport,
) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()

    async with serving(script) as server:
        await fetch(transport, server.url)
        with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
            await fetch(transport, server.url, "PUT", content=b"once")
        assert [len(peer.requests) for peer in server.peers] == [2]


async def test_a_connection_that_cannot_be_opened_is_nobodys(transport: AsyncioTransport) -> None:
    async with serving(answering(OK)) as server:
        for _ in range(3):
            with pytest.raises(httpx.ConnectError):
                await fetch(transport, f"http://127.0.0.1:{refusing()}/")
        await fetch(transport, server.url)


async def test_a_response_that_is_not_read_to_its_end_closes_its_connection(
    transport: AsyncioTransport,
) -> None:
    async with serving(answering(HALF)) as server:
        for _ in range(3):
            response = await send(transport, server.url)
            await response.aclose()
            await response.aclose()
        assert [len(peer.requests) for peer in server.peers] == [1, 1, 1]


async def test_a_connection_that_dies_while_it_is_taken_is_not_taken_again(
    transport: AsyncioTransport,
) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(HALF)

    async with serving(script) as server:
        response = await send(transport, server.url)
        await until(server.peers[0].reader.at_eof)
        # Nobody has read the end yet.
        again = await send(transport, server.url)
        for one in (response, again):
            with pytest.raises(httpx.RemoteProtocolError):
                await one.aread()
        assert len(server.peers) == 2
