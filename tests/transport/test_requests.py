"""What goes over the wire, and what never does."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from mediasflow_async._core.proof import Proof
from mediasflow_async.errors import Sent
from mediasflow_async.transport import AsyncioTransport
from tests.support.byte_servers import OK, answering, serving
from tests.support.transport_requests import fetch, request, send

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("nothing_left")]


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_a_request_is_written_as_it_was_made(transport: AsyncioTransport) -> None:
    headers = [
        (b"Host", b"h"),
        (b"X-Odd", b"  a: \xe9 "),
        (b"x-odd", b"b"),
        (b"Content-Length", b"2"),
    ]
    async with serving(answering(OK)) as server:
        await fetch(transport, f"{server.url}a%20b?c=d", "PUT", headers=headers, content=b"hi")
    (sent,) = server.requests
    assert sent.split(b"\r\n") == [
        b"PUT /a%20b?c=d HTTP/1.1",
        b"Host: h",
        b"X-Odd:   a: \xe9 ",
        b"x-odd: b",
        b"Content-Length: 2",
        b"",
        b"hi",
    ]


@pytest.mark.parametrize("method", ["GET", "OPTIONS", "PATCH", "DELETE", "PURGE", "M-SEARCH"])
async def test_every_method_goes(transport: AsyncioTransport, method: str) -> None:
    async with serving(answering(OK)) as server:
        assert (await fetch(transport, server.url, method)).content == b"hello"
    assert server.requests[0].startswith(method.encode() + b" / HTTP/1.1\r\n")


async def test_the_target_may_be_another(transport: AsyncioTransport) -> None:
    async with serving(answering(OK)) as server:
        await fetch(transport, server.url, "OPTIONS", target=b"*")
    assert server.requests[0].startswith(b"OPTIONS * HTTP/1.1\r\n")


BODIES = {
    "small": b"x",
    "as large as one write": b"x" * 64 * 1024,
    "larger": b"x" * (64 * 1024 + 1),
    "of many slices": bytes(range(256)) * 4096,
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_a_body_at_hand_goes_whole(transport: AsyncioTransport, body: bytes) -> None:
    async with serving(answering(OK)) as server:
        for _ in range(2):
            await fetch(transport, server.url, "POST", content=body)
        assert len(server.peers) == 1
        head, _, sent = server.requests[0].partition(b"\r\n\r\n")
        assert f"Content-Length: {len(body)}".encode() in head
        assert sent == body


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_a_body_of_unknown_length_goes_in_chunks(
    transport: AsyncioTransport, body: bytes
) -> None:
    async with serving(answering(OK)) as server:
        for _ in range(2):
            await fetch(transport, server.url, "POST", content=pieces(b"", body, b"", b"end"))
        assert len(server.peers) == 1
        head, _, sent = server.requests[0].partition(b"\r\n\r\n")
        assert b"Transfer-Encoding: chunked" in head
        assert dechunked(sent) == body + b"end"


def dechunked(wire: bytes) -> bytes:
    body = b""
    while True:
        size, _, wire = wire.partition(b"\r\n")
        length = int(size, 16)
        body += wire[:length]
        assert wire[length : length + 2] == b"\r\n"
        wire = wire[length + 2 :]
        if not length:
            assert not wire
            return body


async def test_a_body_of_known_length_may_come_in_pieces(transport: AsyncioTransport) -> None:
    async with serving(answering(OK)) as server:
        for _ in range(2):
            await fetch(
                transport,
                server.url,
                "POST",
                content=pieces(b"", b"one", b"two"),
                headers={"Content-Length": "6"},
            )
        assert len(server.peers) == 1
    assert [request.partition(b"\r\n\r\n")[2] for request in server.requests] == [b"onetwo"] * 2


class Countdown(httpx.AsyncByteStream):
    """A stream that is its own iterator, and no generator."""

    def __init__(self) -> None:
        self._left = 3

    def __aiter__(self) -> Countdown:
        return self

    async def __anext__(self) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise StopAsyncIteration
        return b"%d" % self._left


async def test_a_stream_need_not_be_a_generator(transport: AsyncioTransport) -> None:
    async with serving(answering(OK)) as server:
        headers = {"Host": "h", "Content-Length": "3"}
        asked = httpx.Request("POST", server.url, stream=Countdown(), headers=headers)
        await transport.handle_async_request(asked)
    assert server.requests[0].endswith(b"\r\n\r\n210")


async def test_an_empty_stream_is_an_empty_body(transport: AsyncioTransport) -> None:
    async with serving(answering(OK)) as server:
        await fetch(
            transport, server.url, "POST", content=pieces(), headers={"Content-Length": "0"}
        )
        await fetch(transport, server.url, "POST", content=pieces())
        assert len(server.peers) == 1
    assert server.requests[0].endswith(b"\r\n\r\n")
    assert server.requests[1].endswith(b"\r\n\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", [(b"Host", b"h"), (b"A", b"b\r\nX: y")]),
        ("GET", [(b"Host", b"h"), (b"A", b"b\ny")]),
        ("GET", [(b"Host", b"\0")]),
        ("GET", [(b"Host", b"h"), (b"A b", b"")]),
        ("GET", [(b"Host", b"h"), (b"", b"x")]),
        ("GET", [(b"Host", b"h"), (b"A\xe9", b"")]),
        ("GET", [(b"Host", b"h"), (b"A:", b"")]),
        ("GET POST", [(b"Host", b"h")]),
        ("GÉT", [(b"Host", b"h")]),
        ("", [(b"Host", b"h")]),
        ("GET", []),
        ("GET", [(b"Host", b"h"), (b"host", b"i")]),
        ("POST", [(b"Host", b"h"), (b"Content-Length", b"0"), (b"Content-Length", b"0")]),
        ("POST", [(b"Host", b"h"), (b"Content-Length", b"-1")]),
        ("POST", [(b"Host", b"h"), (b"Content-Length", b"0x1")]),
        ("POST", [(b"Host", b"h"), (b"Content-Length", b"")]),
        ("POST", [(b"Host", b"h"), (b"Transfer-Encoding", b"gzip, chunked")]),
        (
            "POST",
            [(b"Host", b"h"), (b"Transfer-Encoding", b"chunked"), (b"Content-Length", b"0")],
        ),
    ],
)
async def test_a_request_that_others_could_read_otherwise_stays_here(
    transport: AsyncioTransport, method: str, headers: list[tuple[bytes, bytes]]
) -> None:
    proof = Proof(is_trusted=True)
    async with serving(answering(OK)) as server:
        asked = request(server.url, method, proof=proof)
        asked.headers = httpx.Headers(headers)
        with pytest.raises(httpx.LocalProtocolError):
            await transport.handle_async_request(asked)
        assert not server.peers
    assert proof.verdict is Sent.NOT_SENT


@pytest.mark.parametrize("target", [b"", b"/a b", b"/a\r\nX: y", b"/\0"])
async def test_a_target_has_no_spaces(transport: AsyncioTransport, target: bytes) -> None:
    async with serving(answering(OK)) as server:
        asked = request(server.url, target=target or b" ")
        with pytest.raises(httpx.LocalProtocolError):
            await transport.handle_async_request(asked)
        assert not server.peers


@pytest.mark.parametrize("body", [b"four", b"sixsix"])
async def test_a_body_at_hand_of_another_length_stays_here(
    transport: AsyncioTransport, body: bytes
) -> None:
    async with serving(answering(OK)) as server:
        with pytest.raises(httpx.LocalProtocolError, match="Content-Length"):
            await send(transport, server.url, "POST", content=body, headers={"Content-Length": "5"})
        assert not server.peers


@pytest.mark.parametrize("parts", [(b"fo", b"ur"), (b"six", b"six"), ()])
async def test_a_stream_of_another_length_is_cut_off(
    transport: AsyncioTransport, parts: tuple[bytes, ...]
) -> None:
    """The server has not got a whole request, and nothing follows on its connection."""
    async with serving(answering(OK)) as server:
        with pytest.raises(httpx.LocalProtocolError, match="Content-Length"):
            await send(
                transport,
                server.url,
                "POST",
                content=pieces(*parts),
                headers={"Content-Length": "5"},
            )
        await fetch(transport, server.url)
        assert len(server.peers) == 2
        assert server.peers[0].requests == []


async def test_a_body_that_cannot_even_begin_leaves_nothing(transport: AsyncioTransport) -> None:
    async def broken() -> AsyncIterator[bytes]:
        raise ValueError("no such file")
        yield b""

    proof = Proof(is_trusted=True)
    async with serving(answering(OK)) as server:
        with pytest.raises(ValueError, match="no such file"):
            await send(transport, server.url, "POST", content=broken(), proof=proof)
        await server.peers[0].left()
    assert proof.verdict is Sent.NOT_SENT


async def test_a_body_that_breaks_off_cuts_the_request_off(transport: AsyncioTransport) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"begun"
        raise ValueError("no more")

    proof = Proof(is_trusted=True)
    async with serving(answering(OK)) as server:
        with pytest.raises(ValueError, match="no more"):
            await send(transport, server.url, "POST", content=broken(), proof=proof)
        await server.peers[0].left()
        assert server.requests == []
    assert proof.verdict is Sent.UNKNOWN


async def test_a_stream_for_other_worlds_is_refused(transport: AsyncioTransport) -> None:
    async with serving(answering(OK)) as server:
        asked = httpx.Request("POST", server.url, content=iter((b"a", b"b")))
        with pytest.raises(TypeError):
            await transport.handle_async_request(asked)
        await fetch(transport, server.url)
        assert server.requests[0].startswith(b"GET")
