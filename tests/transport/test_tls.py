"""What TLS does beside carrying bytes does not change what is carried."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from mediasflow_async._core.proof import Proof
from mediasflow_async.errors import Sent
from mediasflow_async.transport import AsyncioTransport
from mediasflow_async.transport.tls import Tls
from tests.support.byte_servers import (
    OK,
    Peer,
    answering,
    client_context,
    http,
    server_context,
    serving,
)
from tests.support.openssl_server import typing_server
from tests.support.relays import relaying
from tests.support.sessions import until
from tests.support.transport_requests import fetch

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("nothing_left")]

FORGED = b"\x17\x03\x03\x00\x20" + bytes(32)
"""A record that nobody with the key has written."""


@pytest.mark.parametrize("letter", [b"k", b"K"], ids=["its own", "both"])
async def test_the_server_takes_new_keys(
    transport: AsyncioTransport, tmp_path: Path, letter: bytes
) -> None:
    async with typing_server(tmp_path, "-tls1_3") as server, relaying(server.url) as relay:
        for path in ("first", "second", "third"):
            asking = asyncio.create_task(fetch(transport, relay.url + path))
            await server.shows(b"GET /" + path.encode())
            said = relay.answered_bytes
            server.types(letter + b"\n")
            await relay.answers(beyond=said)
            server.types(OK)
            assert (await asking).content == b"hello"


async def test_what_cannot_be_written_while_tls_is_negotiated_anew_is_written_then(
    transport: AsyncioTransport, tmp_path: Path
) -> None:
    reached, goes_on = asyncio.Event(), asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"the beginning"
        await goes_on.wait()
        yield b"the middle" * 10_000
        yield b"the end"
        reached.set()

    async with typing_server(tmp_path, "-tls1_2") as server, relaying(server.url) as relay:
        asking = asyncio.create_task(fetch(transport, relay.url, "POST", content=body()))
        await server.shows(b"the beginning")
        relay.hold()
        asked = relay.asked_bytes
        server.types(b"r\n")
        # The client has answered to that, and hears no more for now.
        await relay.asks(beyond=asked)
        goes_on.set()
        await reached.wait()
        relay.let_go()
        await server.shows(b"the middle" * 10_000)
        await server.shows(b"the end")
        server.types(OK)
        assert (await asking).content == b"hello"


async def test_a_forged_record_ends_the_connection(transport: AsyncioTransport) -> None:
    proof = Proof(is_trusted=True)

    async def script(peer: Peer) -> None:
        await peer.request()
        relay.forge(FORGED)
        await peer.end()

    async with (
        serving(script, tls=server_context()) as server,
        relaying(server.url) as relay,
    ):
        with pytest.raises(httpx.ReadError, match=r"(?i)mac|decrypt"):
            await fetch(transport, relay.url, proof=proof)
    assert (proof.verdict, proof.is_answered) == (Sent.UNKNOWN, False)


async def test_an_answer_before_a_forged_record_is_good(transport: AsyncioTransport) -> None:
    async with (
        serving(answering(OK), tls=server_context()) as server,
        relaying(server.url) as relay,
    ):
        assert (await fetch(transport, relay.url)).content == b"hello"
        relay.forge(FORGED)
        assert (await fetch(transport, relay.url)).content == b"hello"
        assert [len(peer.requests) for peer in server.peers] == [1, 1]


@pytest.mark.parametrize("piece_bytes", [1, 7, 2**16])
async def test_records_come_in_whatever_pieces(
    transport: AsyncioTransport, piece_bytes: int
) -> None:
    body = bytes(range(256)) * 20
    async with (
        serving(answering(http(body)), tls=server_context()) as server,
        relaying(server.url, piece_bytes=piece_bytes) as relay,
    ):
        for _ in range(2):
            assert (await fetch(transport, relay.url)).content == body
        assert [len(peer.requests) for peer in server.peers] == [2]


async def test_a_body_without_a_byte_writes_none(transport: AsyncioTransport) -> None:
    async def body() -> AsyncIterator[bytes]:
        for _ in ():
            yield b""

    headers = {"Content-Length": "0"}
    async with serving(answering(OK), tls=server_context()) as server:
        for _ in range(2):
            await fetch(transport, server.url, "POST", content=body(), headers=headers)
        assert [len(peer.requests) for peer in server.peers] == [2]


# The TLS of uvloop does not tell.
@pytest.mark.parametrize("anyio_backend", ["asyncio"], scope="module")
@pytest.mark.parametrize("size", [1, 5, 20])
@pytest.mark.parametrize("when", ["with the answer", "later"])
async def test_half_a_record_that_nobody_has_asked_for_closes(
    transport: AsyncioTransport, size: int, when: str
) -> None:
    half = FORGED[:size]

    async def script(peer: Peer) -> None:
        # The first one comes among what TLS itself still has to say.
        await peer.request()
        await peer.send(OK)
        await peer.request()
        if when == "with the answer" and not peer.number:
            relay.forged = half
        await peer.send(OK)
        await answering(OK)(peer)

    async with serving(script, tls=server_context()) as server, relaying(server.url) as relay:
        for _ in range(2):
            await fetch(transport, relay.url)
        if when == "later":
            relay.forge(half)
            await asyncio.sleep(0.05)
        for _ in range(3):
            assert (await fetch(transport, relay.url)).content == b"hello"
        assert [len(peer.requests) for peer in server.peers] == [2, 3]


class Inside(asyncio.BufferedProtocol):
    """A protocol that only counts."""

    def __init__(self) -> None:
        self.buffer = memoryview(bytearray(100))
        self.read_bytes = 0
        self.is_lost = False

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.read_bytes += nbytes

    def connection_lost(self, exc: Exception | None) -> None:
        assert exc is None or isinstance(exc, ssl.SSLError)
        self.is_lost = True


async def begun(url: str, inside: Inside) -> Tls:
    buffer = memoryview(bytearray(2**18))
    tls = Tls(client_context(), "127.0.0.1", inside, buffer)
    loop = asyncio.get_running_loop()
    await loop.create_connection(lambda: tls, "127.0.0.1", httpx.URL(url).port or 443)
    return tls


async def opened(url: str, inside: Inside) -> Tls:
    tls = await begun(url, inside)
    assert await tls.ready is None
    return tls


async def test_who_leaves_in_the_handshake_is_told_of_in_words() -> None:
    async def leave(peer: Peer) -> None:
        await peer.reader.read(1)

    async with serving(leave) as server:
        tls = await begun(server.url, Inside())
        assert "TLS handshake" in str(await tls.ready)


async def test_a_small_buffer_is_filled_again_and_again() -> None:
    inside = Inside()
    answer = http(bytes(10_000))
    async with serving(answering(answer), tls=server_context()) as server:
        tls = await opened(server.url, inside)
        tls.write(b"GET / HTTP/1.1\r\n\r\n")
        await until(lambda: inside.read_bytes == len(answer))
        tls.close()
        await until(lambda: inside.is_lost)


async def test_what_is_written_after_the_end_goes_nowhere() -> None:
    inside = Inside()

    async def script(peer: Peer) -> None:
        peer.requests.append(await peer.reader.read())

    async with serving(script, tls=server_context()) as server:
        tls = await opened(server.url, inside)
        tls.close()
        tls.write(b"late")
        await until(lambda: inside.is_lost)
        await until(lambda: server.requests == [b""])
        assert tls.is_closing()
