"""The answers that HTTP/1.1 knows, each in one piece and in many."""

from __future__ import annotations

import httpx
import pytest
from attrs import frozen

from mediasflow_async.transport import AsyncioTransport
from tests.support.byte_servers import (
    OK,
    Peer,
    Script,
    answering,
    client_context,
    http,
    server_context,
    serving,
)
from tests.support.transport_requests import fetch, send

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("nothing_left")]

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@frozen
class Case:
    """An answer, what is to be read in it, and whether the connection lives on."""

    answer: bytes
    body: bytes
    is_kept: bool = True
    status: int = 200
    method: str = "GET"


CASES = {
    "length": Case(OK, b"hello"),
    "empty": Case(http(), b""),
    "chunks": Case(CHUNKED + b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", b"hello world"),
    "chunk extension": Case(CHUNKED + b"5;of=nothing\r\nhello\r\n0\r\n\r\n", b"hello"),
    "trailers": Case(CHUNKED + b"2\r\nab\r\n0\r\nDigest: x\r\n\r\n", b"ab"),
    "no chunk": Case(CHUNKED + b"0\r\n\r\n", b""),
    "until close": Case(b"HTTP/1.1 200 OK\r\n\r\nhello", b"hello", is_kept=False),
    "gzip until close": Case(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc", b"abc", is_kept=False
    ),
    "last words": Case(http(b"bye", b"Connection: close"), b"bye", is_kept=False),
    "1.0": Case(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", b"hi", is_kept=False),
    "1.0 kept": Case(
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi", b"hi"
    ),
    "204": Case(b"HTTP/1.1 204 No Content\r\n\r\n", b"", status=204),
    "304": Case(http(status=b"304 Not Modified", length=7), b"", status=304),
    "HEAD": Case(http(length=7), b"", method="HEAD"),
    "HEAD of chunks": Case(CHUNKED, b"", method="HEAD"),
    "100 before": Case(b"HTTP/1.1 100 Continue\r\n\r\n" + OK, b"hello"),
    "103 before": Case(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + OK, b"hello"),
    "no reason": Case(b"HTTP/1.1 200\r\nContent-Length: 1\r\n\r\n.", b"."),
    "error": Case(http(b"no", status=b"500 Oh No"), b"no", status=500),
    "upgrade offered": Case(http(b"x", b"Upgrade: h2c", b"Connection: Upgrade"), b"x"),
}


def in_pieces(answer: bytes, length: int) -> Script:
    """Answer every request of a connection with pieces of some length."""

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send(*(answer[at : at + length] for at in range(0, len(answer), length)))
            if b"Content-Length" not in answer and b"chunked" not in answer:
                return

    return script


@pytest.mark.parametrize("length", [7, 1000], ids=["in pieces", "at once"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_an_answer_is_read(transport: AsyncioTransport, case: Case, length: int) -> None:
    script = answering(case.answer) if case.status == 204 else in_pieces(case.answer, length)
    async with serving(script) as server:
        for _ in range(2):
            response = await fetch(transport, server.url, case.method)
            assert (response.status_code, response.content) == (case.status, case.body)
        assert len(server.peers) == (1 if case.is_kept else 2)


async def test_an_answer_comes_over_tls(transport: AsyncioTransport) -> None:
    async with serving(answering(OK), tls=server_context()) as server:
        for _ in range(2):
            assert (await fetch(transport, server.url)).content == b"hello"
        assert len(server.peers) == 1


async def test_headers_keep_their_order_their_case_and_their_number(
    transport: AsyncioTransport,
) -> None:
    lines = [b"Set-Cookie: b=2", b"X-Odd:  spaced  ", b"set-cookie: a=1", b"Empty:", b"L: \xe9"]
    async with serving(answering(http(b"", *lines))) as server:
        response = await fetch(transport, server.url)
    assert response.headers.raw == [
        (b"Content-Length", b"0"),
        (b"Set-Cookie", b"b=2"),
        (b"X-Odd", b"spaced"),
        (b"set-cookie", b"a=1"),
        (b"Empty", b""),
        (b"L", b"\xe9"),
    ]


async def test_neither_trailers_nor_early_headers_are_headers(
    transport: AsyncioTransport,
) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    answer = early + CHUNKED + b"1\r\n.\r\n0\r\nDigest: x\r\n\r\n"
    async with serving(answering(answer)) as server:
        response = await fetch(transport, server.url)
    assert response.headers.raw == [(b"Transfer-Encoding", b"chunked")]


@pytest.mark.parametrize(
    ("line", "version", "reason"),
    [
        (b"HTTP/1.1 200 Very Well", "HTTP/1.1", "Very Well"),
        (b"HTTP/1.0 200 OK", "HTTP/1.0", "OK"),
        (b"HTTP/1.1 299", "HTTP/1.1", ""),
    ],
)
async def test_the_status_line_is_told(
    transport: AsyncioTransport, line: bytes, version: str, reason: str
) -> None:
    async with serving(answering(line + b"\r\nContent-Length: 0\r\n\r\n")) as server:
        response = await fetch(transport, server.url)
    assert (response.http_version, response.reason_phrase) == (version, reason)


async def test_a_status_line_may_come_in_pieces(transport: AsyncioTransport) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 Ver", b"y We", b"ll\r\nContent-Length: 0\r\n\r\n")

    async with serving(script) as server:
        assert (await fetch(transport, server.url)).reason_phrase == "Very Well"


async def test_a_body_that_came_with_its_head_holds_no_connection(
    transport: AsyncioTransport,
) -> None:
    async with serving(answering(OK)) as server:
        response = await send(transport, server.url)
        # Its connection is free already.
        await fetch(transport, server.url)
        assert len(server.peers) == 1
        assert [piece async for piece in response.aiter_raw()] == [b"hello"]


async def test_a_body_that_is_still_arriving_is_a_stream(transport: AsyncioTransport) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(http(b"one", length=6))
        await peer.request()
        await peer.send(b"two")

    async with serving(script) as server:
        response = await send(transport, server.url)
        pieces = response.aiter_raw()
        assert await anext(pieces) == b"one"
        await server.peers[0].send(b"two")
        assert [piece async for piece in pieces] == [b"two"]


async def test_httpx_decodes_what_is_compressed(transport: AsyncioTransport) -> None:
    import zlib

    packed = zlib.compress(b"hello" * 100)
    async with (
        serving(answering(http(packed, b"Content-Encoding: deflate"))) as server,
        httpx.AsyncClient(transport=transport) as client,
    ):
        assert (await client.get(server.url)).content == b"hello" * 100


async def test_a_head_may_have_100_kilobytes(transport: AsyncioTransport) -> None:
    line = b"Cookie: " + b"x" * (100 * 1024 - 200)
    async with serving(answering(http(b"", line))) as server:
        response = await fetch(transport, server.url)
    assert len(response.headers["cookie"]) == 100 * 1024 - 200


async def test_a_client_of_httpx_works_on_it() -> None:
    async with (
        serving(answering(OK), tls=server_context()) as server,
        httpx.AsyncClient(transport=AsyncioTransport(ssl_context=client_context())) as client,
    ):
        response = await client.post(server.url, json={"a": 1})
        assert response.text == "hello"
        async with client.stream("GET", server.url) as response:
            assert [piece async for piece in response.aiter_bytes()] == [b"hello"]
        assert server.requests[0].endswith(b'{"a":1}')
