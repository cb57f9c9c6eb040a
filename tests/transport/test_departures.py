"""What a request's observer is told, and when: the proof that the sending promise rests on."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator

import httpx
import pytest
from attrs import define, field

from mediasflow_async._core.proof import Proof
from mediasflow_async.errors import Sent
from mediasflow_async.transport import AsyncioTransport
from tests.support.byte_servers import OK, Peer, answering, http, refusing, server_context, serving
from tests.support.sessions import until
from tests.support.transport_requests import fetch, send

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("nothing_left")]

ways = pytest.mark.parametrize("tls", [None, server_context()], ids=["plain", "tls"])


class LeaseLost(Exception):
    """What a guard may say."""


def veto() -> None:
    raise LeaseLost


@define
class Log:
    """Writes down what a observer is told."""

    told: list[str] = field(factory=list)

    def leaving(self) -> None:
        self.told.append("leaving")

    def answered(self) -> None:
        self.told.append("answered")


async def pieces(log: Log | None = None) -> AsyncIterator[bytes]:
    for piece in (b"one", b"two"):
        if log:
            log.told.append(piece.decode())
        yield piece


@ways
@pytest.mark.parametrize("content", [None, b"small", b"x" * 100_000, "stream"])
async def test_a_veto_keeps_every_byte_here(
    transport: AsyncioTransport, tls: ssl.SSLContext | None, content: bytes | str | None
) -> None:
    async def script(peer: Peer) -> None:
        try:
            await answering(OK)(peer)
        except asyncio.IncompleteReadError as end:
            begun.append(end.partial)

    begun: list[bytes] = []
    async with serving(script, tls=tls) as server:
        # Over a new connection and over a kept one.
        for _ in range(2):
            proof = Proof(is_trusted=True, guard=veto)
            body = pieces() if content == "stream" else content
            with pytest.raises(LeaseLost):
                await send(transport, server.url, "POST", content=body, proof=proof)
            assert proof.verdict is Sent.NOT_SENT
            await fetch(transport, server.url)
        await transport.aclose()
        await until(lambda: all(peer.writer.is_closing() for peer in server.peers))
    assert [request.partition(b" ")[0] for request in server.requests] == [b"GET"] * 2
    # Nor did a part of one come.
    assert set(begun) == {b""}


async def test_a_veto_closes_the_connection(transport: AsyncioTransport) -> None:
    async with serving(answering(OK)) as server:
        proof = Proof(is_trusted=True, guard=veto)
        for _ in range(3):
            with pytest.raises(LeaseLost):
                await send(transport, server.url, proof=proof)
        await fetch(transport, server.url)
        await until(lambda: len(server.peers) == 4)
        for peer in server.peers[:3]:
            await peer.left()


@ways
async def test_each_request_is_told_of_once(
    transport: AsyncioTransport, tls: ssl.SSLContext | None
) -> None:
    async with serving(answering(OK), tls=tls) as server:
        for content in (None, b"small", b"x" * 100_000, pieces()):
            log = Log()
            await fetch(transport, server.url, "POST", content=content, proof=log)
            assert log.told == ["leaving", "answered"]


async def test_a_request_leaves_when_its_body_has_begun(transport: AsyncioTransport) -> None:
    """A body that waits long, or cannot begin, is waited for while nothing has left."""
    log = Log()
    async with serving(answering(OK)) as server:
        await fetch(transport, server.url, "POST", content=pieces(log), proof=log)
    assert log.told == ["one", "leaving", "two", "answered"]


async def test_the_guard_is_asked_when_the_connection_is_there(transport: AsyncioTransport) -> None:
    """What it allows leaves at once, and not after a handshake that takes its time."""
    seen: list[int] = []
    async with serving(answering(OK)) as server:
        proof = Proof(is_trusted=True, guard=lambda: seen.append(len(server.peers)))
        body = pieces_once(server.peers)
        await fetch(transport, server.url, "POST", content=body, proof=proof)
    assert seen == [1]


async def pieces_once(peers: list[Peer]) -> AsyncIterator[bytes]:
    await until(lambda: peers)
    yield b"."


async def test_what_never_connects_has_not_left(transport: AsyncioTransport) -> None:
    log = Log()
    with pytest.raises(httpx.ConnectError):
        await fetch(transport, f"http://127.0.0.1:{refusing()}/", proof=log)
    assert log.told == []


@ways
@pytest.mark.parametrize("last", [b"", b"HTTP/1.1 200 O", b"HTTP/1.1 100 Continue\r\n\r\n", b"\0"])
async def test_without_a_whole_head_there_is_no_answer(
    transport: AsyncioTransport, tls: ssl.SSLContext | None, last: bytes
) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(last)

    log = Log()
    async with serving(script, tls=tls) as server:
        with pytest.raises(httpx.RemoteProtocolError):
            await fetch(transport, server.url, proof=log)
    assert log.told == ["leaving"]


async def test_an_answer_is_one_even_when_its_body_breaks(transport: AsyncioTransport) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(http(b"hel", length=5))

    log = Log()
    async with serving(script) as server:
        with pytest.raises(httpx.RemoteProtocolError):
            await fetch(transport, server.url, proof=log)
    assert log.told == ["leaving", "answered"]
