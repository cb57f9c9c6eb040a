"""Answers that are no answers, or too much of one: an error of httpx's, and a closed connection."""

from __future__ import annotations

import httpx
import pytest
from attrs import frozen

from mediasflow_async._core.proof import Proof
from mediasflow_async.transport import AsyncioTransport
from tests.support.byte_servers import OK, Peer, Script, answering, http, server_context, serving
from tests.support.transport_requests import fetch, send

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("nothing_left")]

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
KIB = 1024


@frozen
class Case:
    """What comes instead of an answer, and what is said about it."""

    answer: bytes
    reason: str
    error: type[httpx.TransportError] = httpx.RemoteProtocolError
    method: str = "GET"


NO_ANSWER = "Server disconnected without sending a response."
HALF = "peer closed connection without sending complete message body"
TOO_LONG = "too long"

NO_HEAD = {
    "nothing": Case(b"", NO_ANSWER),
    "half a status line": Case(b"HTTP/1.1 20", NO_ANSWER),
    "half a head": Case(b"HTTP/1.1 200 OK\r\nContent-Len", NO_ANSWER),
    "only early": Case(b"HTTP/1.1 100 Continue\r\n\r\n", NO_ANSWER),
    "garbage": Case(b"\x00\xff\x15\x03", "Expected HTTP/"),
    "prose": Case(b"Wait, this is no HTTP!", "Expected HTTP/"),
    "another protocol": Case(b"SIP/2.0 200 OK\r\n\r\n", "Expected HTTP/"),
    "a version of the future": Case(b"HTTP/7.3 200 OK\r\n\r\n", "Invalid HTTP version"),
    "no status": Case(b"HTTP/1.1 OK\r\n\r\n", "Invalid status code"),
    "a status too small": Case(http(status=b"042 Odd"), "answers nothing"),
    "an upgrade": Case(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        "status 101 answers nothing that was asked",
    ),
    "a header without a name": Case(b"HTTP/1.1 200 OK\r\n: x\r\n\r\n", "Invalid header"),
    "a space before the colon": Case(b"HTTP/1.1 200 OK\r\nA : x\r\n\r\n", "Invalid header"),
    "a NUL in a header": Case(b"HTTP/1.1 200 OK\r\nA: \0\r\n\r\n", "Invalid header value"),
    "a folded header": Case(b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "Unexpected whitespace"),
    "two lengths": Case(http(b"hello", b"Content-Length: 4"), "Content-Length"),
    "a length that is no number": Case(
        b"HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n", "Content-Length"
    ),
    "a length beyond all": Case(
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", "overflow"
    ),
    "a length and chunks": Case(
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "Content-Length",
    ),
    "an endless status line": Case(b"HTTP/1.1 200 " + b"x" * 150 * KIB, TOO_LONG),
    "an endless header": Case(b"HTTP/1.1 200 OK\r\nA: " + b"x" * 150 * KIB, TOO_LONG),
    "endless headers": Case(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 25 * KIB, TOO_LONG),
    "a head that is whole but too long": Case(http(b"", b"A: " + b"x" * 101 * KIB), TOO_LONG),
    "early answers without end": Case(b"HTTP/1.1 102 Processing\r\n\r\n" * 5 * KIB, TOO_LONG),
}

NO_BODY = {
    "half a body": Case(http(b"hel", length=5), HALF),
    "no body": Case(http(length=5), HALF),
    "no chunk": Case(CHUNKED, HALF),
    "half a chunk": Case(CHUNKED + b"5\r\nhel", HALF),
    "no last chunk": Case(CHUNKED + b"5\r\nhello\r\n", HALF),
    "half a last chunk": Case(CHUNKED + b"5\r\nhello\r\n0\r\n", HALF),
    "a size that is no number": Case(CHUNKED + b"5\r\nhello\r\nx\r\n", "chunk size"),
    "a chunk longer than told": Case(CHUNKED + b"2\r\nhello\r\n0\r\n\r\n", "chunk"),
    "endless trailers": Case(CHUNKED + b"1\r\n.\r\n0\r\n" + b"A: b\r\n" * 100 * KIB, TOO_LONG),
    "an endless extension": Case(CHUNKED + b"1;x=" + b"y" * 600 * KIB, TOO_LONG),
}


def saying(answer: bytes) -> Script:
    """Answer the first connection with something and the end, those after it well."""

    async def script(peer: Peer) -> None:
        if peer.number:
            await answering(OK)(peer)
        await peer.request()
        await peer.send(answer)

    return script


@pytest.mark.parametrize("way", ["plain", "tls"])
@pytest.mark.parametrize("case", NO_HEAD.values(), ids=NO_HEAD)
async def test_without_a_head_there_is_no_response(
    transport: AsyncioTransport, case: Case, way: str
) -> None:
    proof = Proof(is_trusted=True)
    async with serving(saying(case.answer), tls=server_context() if way == "tls" else None) as at:
        with pytest.raises(case.error, match=case.reason):
            await send(transport, at.url, case.method, proof=proof)
        assert not proof.is_answered
        # Nothing was sent again, and the next request has a connection of its own.
        assert len(at.peers) == 1
        assert (await fetch(transport, at.url)).content == b"hello"
        assert [len(peer.requests) for peer in at.peers] == [1, 1]


@pytest.mark.parametrize("way", ["plain", "tls"])
@pytest.mark.parametrize("case", NO_BODY.values(), ids=NO_BODY)
async def test_a_body_that_breaks_off_is_an_error(
    transport: AsyncioTransport, case: Case, way: str
) -> None:
    proof = Proof(is_trusted=True)
    async with serving(saying(case.answer), tls=server_context() if way == "tls" else None) as at:
        with pytest.raises(case.error, match=case.reason):
            await fetch(transport, at.url, case.method, proof=proof)
        assert proof.is_answered
        assert (await fetch(transport, at.url)).content == b"hello"
        assert [len(peer.requests) for peer in at.peers] == [1, 1]


async def test_what_came_before_the_break_can_be_read(transport: AsyncioTransport) -> None:
    async with serving(saying(CHUNKED + b"5\r\nhello\r\n2\r\n..")) as server:
        response = await send(transport, server.url)
        pieces = response.aiter_raw()
        got = b""
        while len(got) < len(b"hello.."):
            got += await anext(pieces)
        assert got == b"hello.."
        with pytest.raises(httpx.RemoteProtocolError, match=HALF):
            await anext(pieces)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nConte"], ids=["none", "half"])
async def test_a_reset_in_a_head_is_a_read_error(
    transport: AsyncioTransport, answer: bytes
) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer)
        peer.reset()

    async with serving(script) as server:
        with pytest.raises(httpx.ReadError):
            await fetch(transport, server.url)
        assert len(server.requests) == 1


@pytest.mark.parametrize("half", [http(b"hel", length=5), b"HTTP/1.1 200 OK\r\n\r\nhel"])
async def test_a_reset_in_a_body_is_a_read_error(transport: AsyncioTransport, half: bytes) -> None:
    """Also where the end of the connection would be the end of the body."""
    async with serving(answering(half)) as server:
        response = await send(transport, server.url)
        pieces = response.aiter_raw()
        assert await anext(pieces) == b"hel"
        server.peers[0].reset()
        with pytest.raises(httpx.ReadError):
            await anext(pieces)


async def test_a_long_body_does_not_make_a_head_too_long(transport: AsyncioTransport) -> None:
    body = b"x" * 200 * KIB
    async with serving(answering(http(body, b"A: " + b"y" * 90 * KIB))) as server:
        for _ in range(2):
            assert (await fetch(transport, server.url)).content == body
        assert len(server.peers) == 1
