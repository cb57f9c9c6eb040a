"""A call sends the same, and reads the same, over our own transport and over httpx's."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from mediasflow_async import ConnectionFailed, Dialect, ResponseInvalid, Sent, Session
from mediasflow_async.transport import SMALL_BYTES, AsyncioTransport
from tests.support.raw_server import Answer, RawRequest, RawServer, http, http_json
from tests.support.sessions import ONCE, WITHOUT_TLS, session_with

pytestmark = pytest.mark.anyio

JSON = "application/json"


class Csv:
    """A body that is streamed."""

    content_type = "text/csv"
    length = 6

    async def stream(self) -> AsyncIterator[bytes]:
        yield b"a;b"
        yield b"1;2"


CALLS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "json": ("POST", "campaigns/inject", {"json": {"msg": "\u00e9"}}),
    "no body": ("PUT", "campaigns/{campaign_id}/cancel", {"campaign_id": 7}),
    "form": ("POST", "x", {"form": {"login": "a b"}}),
    "params": ("PUT", "campaigns/7/sender", {"params": {"sender": "A \u00e9&="}}),
    "patch": ("PATCH", "a%C3%A9", {"json": []}),
    "get": ("GET", "blacklist", {}),
    "get with a body": ("GET", "blacklist", {"json": [1]}),
    "delete": ("DELETE", "blacklist", {}),
    "headers": ("POST", "x", {"json": 1, "headers": {"X-Mine": "1", "accept": "text/csv"}}),
    "another type": ("POST", "x", {"json": 1, "headers": {"Content-Type": "text/plain"}}),
    "type without a body": ("GET", "x", {"headers": {"Content-Type": "text/plain"}}),
    "large": ("POST", "x", {"json": "x" * SMALL_BYTES}),
    "very large": ("POST", "x", {"json": "x" * 10 * SMALL_BYTES}),
    "stream": ("POST", "x", {"body": Csv()}),
}


@pytest.mark.parametrize("case", CALLS)
async def test_both_send_the_same(case: str) -> None:
    method, path, parts = CALLS[case]
    received = []
    with RawServer([http_json(200, {})]).running() as server:
        for transport in (AsyncioTransport(), httpx.AsyncHTTPTransport(verify=WITHOUT_TLS)):
            async with transport, session_with(server.url, transport=transport) as session:
                await session.request(method, path, **parts)
            received.append(server.requests[-1])
    ours, theirs = received
    assert of_wire(ours) == of_wire(theirs)
    assert len(set(map(str.lower, ours.names))) == len(ours.names)


def of_wire(request: RawRequest) -> tuple[Any, ...]:
    return request.method, request.target, dict(request.headers), request.names, request.body


class Changed(Csv):
    """A body that is not as long as it says, as a file that was written to meanwhile."""

    def __init__(self, length: int, content: bytes) -> None:
        self.length = length
        self._content = content

    async def stream(self) -> AsyncIterator[bytes]:
        yield self._content


@pytest.mark.every_transport
@pytest.mark.parametrize(
    ("length", "content"),
    [(4, b"a;b1;2"), (9, b"a;b1;2"), (0, b"a;b1;2"), (6, b""), (70_000, b"a"), (6, b"a" * 70_000)],
    ids=lambda value: len(value) if isinstance(value, bytes) else value,
)
async def test_a_proven_body_of_another_length_does_not_leave(length: int, content: bytes) -> None:
    """What is left of it would be the beginning of the next request."""
    with RawServer([http_json(200, {})]).running() as server:
        dialect = Dialect(checksum=lambda _: {"X-Sum": "1"})
        async with session_with(server.url, dialect=dialect, retry=ONCE) as session:
            with pytest.raises(ConnectionFailed) as caught:
                await session.request("POST", "x", body=Changed(length, content))
    assert caught.value.sent is Sent.NOT_SENT
    assert server.connections == 0


@pytest.mark.every_transport
async def test_the_callers_headers_replace_those_that_are_not_of_the_session() -> None:
    with RawServer([http_json(200, {})]).running() as server:
        async with session_with(server.url) as session:
            own = {"accept": "text/csv", "X-Mine": "1"}
            await session.request("POST", "x", json=1, headers=own)
    (request,) = server.requests
    assert (request.headers["accept"], request.headers["x-mine"]) == ("text/csv", "1")
    assert [name.lower() for name in request.names].count("accept") == 1


@pytest.mark.every_transport
async def test_sessions_of_two_servers_name_each_its_own() -> None:
    with (
        RawServer([http_json(200, {})]).running() as one,
        RawServer([http_json(200, {})]).running() as other,
    ):
        for server in (one, other):
            async with session_with(server.url) as session:
                await put(session)
                assert server.requests[0].headers["host"] == f"127.0.0.1:{server.port}"


async def asked(answer: Answer, **options: Any) -> tuple[Any, RawServer]:
    with RawServer([answer]).running() as server:
        async with session_with(server.url, **options) as session:
            return await put(session), server


async def put(session: Session) -> Any:
    return await session.request("PUT", "campaigns/7/sender", json={"a": 1}, kind="SET")


@pytest.mark.every_transport
async def test_an_answer_reads_the_same_on_both_ways() -> None:
    answer, server = await asked(http_json(201, {"id": 7}, X_Request_Id="abc-1"))
    assert (answer.status, answer.data, answer.request_id) == (201, {"id": 7}, "abc-1")
    assert answer.headers["content-type"] == JSON
    assert json.loads(server.requests[0].body) == {"a": 1}


@pytest.mark.every_transport
async def test_a_compressed_answer_is_decompressed() -> None:
    body = gzip.compress(b'{"id": 8}')
    answer, _ = await asked(http(200, body, {"Content-Encoding": "gzip"}))
    assert answer.data == {"id": 8}


@pytest.mark.every_transport
async def test_an_answer_that_comes_in_pieces_is_put_together() -> None:
    data = {"text": "x" * 600_000}
    answer, _ = await asked(http_json(200, data))
    assert answer.data == data


@pytest.mark.every_transport
@pytest.mark.parametrize("size", [2_000, 600_000])
async def test_an_answer_that_is_too_large_is_refused(size: int) -> None:
    with pytest.raises(ResponseInvalid, match="larger than 1000 bytes"):
        await asked(http_json(200, {"text": "x" * size}), max_response_bytes=1000)


@pytest.mark.every_transport
async def test_a_checksum_sees_a_request_of_httpx() -> None:
    def checksum(request: httpx.Request) -> dict[str, str]:
        return {"X-Sum": str(len(request.content))}

    _, server = await asked(http_json(200, {}), dialect=Dialect(checksum=checksum))
    assert server.requests[0].headers["x-sum"] == str(len(b'{"a":1}'))


async def test_a_transport_of_ours_that_is_given_stays_open() -> None:
    with RawServer([http_json(200, {"id": 7})]).running() as server:
        async with AsyncioTransport() as transport:
            for _ in range(2):
                async with session_with(server.url, transport=transport) as session:
                    assert (await put(session)).data == {"id": 7}
        assert len(server.requests) == 2
