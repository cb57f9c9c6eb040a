"""A connection on which anything came that nobody had asked for carries no other request."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
from attrs import define, field

from mediasflow_async._core.proof import Proof
from mediasflow_async.errors import Sent
from mediasflow_async.transport import AsyncioTransport
from tests.support.byte_servers import OK, Peer, answering, http, server_context, serving
from tests.support.sessions import until
from tests.support.transport_requests import fetch, send

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("nothing_left")]

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
WHOLE = CHUNKED + b"5\r\nhello\r\n0\r\n\r\n"
SURPLUS = {
    "a second answer": OK,
    "half a second answer": b"HTTP/1.1 200 O",
    "a byte": b"x",
    "a line end": b"\r\n",
    "half a line end": b"\r",
    "an early answer": b"HTTP/1.1 100 Continue\r\n\r\n",
    "NUL": b"\0",
}


@pytest.mark.parametrize("way", ["plain", "tls"])
@pytest.mark.parametrize("surplus", SURPLUS.values(), ids=SURPLUS)
@pytest.mark.parametrize("answer", [OK, WHOLE, http(b"ends\r\n")], ids=["length", "chunks", "text"])
async def test_more_than_the_answer_closes(
    transport: AsyncioTransport, answer: bytes, surplus: bytes, way: str
) -> None:
    script = answering(answer + surplus)
    async with serving(script, tls=server_context() if way == "tls" else None) as server:
        for _ in range(2):
            assert (await fetch(transport, server.url)).status_code == 200
        assert [len(peer.requests) for peer in server.peers] == [1, 1]


@pytest.mark.parametrize(
    "surplus", [b"hello", b"h", b"5\r\nhello\r\n0\r\n\r\n", b"0\r\n\r\n", b"5\r", b"5", b"\r\n", OK]
)
@pytest.mark.parametrize(
    "head", [http(length=5), CHUNKED, http()], ids=["length", "chunks", "no length"]
)
async def test_a_body_after_the_answer_to_head_closes(
    transport: AsyncioTransport, head: bytes, surplus: bytes
) -> None:
    async with serving(answering(head + surplus)) as server:
        for _ in range(2):
            response = await fetch(transport, server.url, "HEAD")
            assert (response.status_code, response.content) == (200, b"")
        assert [len(peer.requests) for peer in server.peers] == [1, 1]


@pytest.mark.parametrize("surplus", SURPLUS.values(), ids=SURPLUS)
async def test_what_comes_between_two_requests_closes(
    transport: AsyncioTransport, surplus: bytes
) -> None:
    async with serving(answering(OK)) as server:
        await fetch(transport, server.url)
        await server.peers[0].send(surplus)
        await until(server.peers[0].reader.at_eof)
        assert (await fetch(transport, server.url)).content == b"hello"
        assert [len(peer.requests) for peer in server.peers] == [1, 1]


async def test_an_answer_before_the_request_is_nobodys(transport: AsyncioTransport) -> None:
    proof = Proof(is_trusted=True)
    async with serving(speaking_first) as server:

        async def body() -> AsyncIterator[bytes]:
            # The connection is there, and the request is not.
            await until(lambda: server.peers and server.peers[0].reader.at_eof())
            yield b"late"

        with pytest.raises(httpx.RemoteProtocolError, match="before the request was sent"):
            await send(transport, server.url, "POST", content=body(), proof=proof)
    assert proof.verdict is Sent.NOT_SENT


@pytest.mark.parametrize("way", ["plain", "tls"])
async def test_what_comes_while_the_body_begins_is_nobodys(
    transport: AsyncioTransport, way: str
) -> None:
    """It lies in the socket when the body does begin, and the loop has not read it."""
    proof = Proof(is_trusted=True)
    tls = server_context() if way == "tls" else None
    async with serving(answering(OK), tls=tls) as server:

        async def body() -> AsyncIterator[bytes]:
            # Within one turn of the loop, before it looks at the sockets again.
            asyncio.get_running_loop().call_soon(server.peers[0].writer.write, OK)
            await asyncio.sleep(0)
            yield b"late"

        await fetch(transport, server.url)
        with pytest.raises(httpx.RemoteProtocolError, match="before the request was sent"):
            await send(transport, server.url, "POST", content=body(), proof=proof)
    assert proof.verdict is Sent.NOT_SENT


async def speaking_first(peer: Peer) -> None:
    await peer.send(OK)
    await peer.end()


@define
class Moment:
    """When the first connection of a server in a thread ends, and what comes over the second."""

    url: str
    is_here: threading.Event = field(factory=threading.Event)
    is_over: threading.Event = field(factory=threading.Event)
    second_request: bytes = b""


@contextmanager
def deaf_to_the_loop(ending: Callable[[socket.socket], object]) -> Iterator[Moment]:
    """Serve in a thread; the first connection is answered, and ended when the test says so."""

    def serve(listening: socket.socket) -> None:
        first, _ = listening.accept()
        first.recv(64 * 1024)
        first.sendall(OK)
        moment.is_here.wait()
        ending(first)
        moment.is_over.set()
        second, _ = listening.accept()
        with first, second:
            moment.second_request = second.recv(64 * 1024)
            second.sendall(OK)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        moment = Moment(f"http://127.0.0.1:{listening.getsockname()[1]}/")
        # A client that does not come back ends the test, and not the patience.
        listening.settimeout(10)
        thread = threading.Thread(target=serve, args=(listening,))
        thread.start()
        try:
            yield moment
        finally:
            moment.is_here.set()
            thread.join()


@pytest.mark.parametrize(
    "ending",
    [lambda first: first.sendall(OK), lambda first: first.shutdown(socket.SHUT_WR)],
    ids=["a second answer", "the end"],
)
async def test_what_the_loop_had_no_time_to_see_closes_too(
    ending: Callable[[socket.socket], object],
) -> None:
    with deaf_to_the_loop(ending) as moment:
        async with AsyncioTransport() as transport:
            await fetch(transport, moment.url)
            # The loop stands still while the server goes on.
            moment.is_here.set()
            assert moment.is_over.wait(10)
            assert (await fetch(transport, f"{moment.url}second")).content == b"hello"
    assert moment.second_request.startswith(b"GET /second ")
