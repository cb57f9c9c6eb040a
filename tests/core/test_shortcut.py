"""The short way of a call sends the same bytes as the way through httpx, and reads the same."""

from __future__ import annotations

import gzip
import json
from typing import Any

import httpx
import pytest

from mediasflow_async import Dialect, ResponseInvalid, Session
from mediasflow_async._core.calls import (
    Call,
    CallParts,
    Operation,
    OperationKind,
    joining,
    make_call,
)
from mediasflow_async._core.options import Settings
from mediasflow_async._core.proof import Proof
from mediasflow_async._core.requests import Choice, RequestWriter, Shortcut
from mediasflow_async.transport import SMALL_BYTES, AsyncioTransport, outgoing_of
from tests.support.raw_server import Answer, RawServer, http, http_json
from tests.support.sessions import session_with

pytestmark = pytest.mark.anyio

BASE = httpx.URL("https://api.example.fr/MediasflowApi/v1/")
JSON = "application/json"


def call_of(method: str, path: str, **parts: Any) -> Call:
    given: CallParts = {**parts}  # type: ignore[typeddict-item] # any parts, as tests give them
    return make_call(Operation(OperationKind.SET, method, path), joining(BASE), Settings(), given)


CALLS: dict[str, tuple[Call, str | None]] = {
    "json": (call_of("POST", "campaigns/inject", json={"msg": "é"}), JSON),
    "no body": (call_of("PUT", "campaigns/{campaign_id}/cancel", campaign_id=7), None),
    "form": (call_of("POST", "users/login", form={"login": "a b"}), "text/x"),
    "params": (call_of("PUT", "campaigns/7/sender", params={"sender": "A é&="}), None),
    "patch": (call_of("PATCH", "a%C3%A9", json=[]), JSON),
}


@pytest.mark.parametrize("case", CALLS)
@pytest.mark.parametrize("authorization", ["Bearer opaque-token", None])
def test_the_bytes_are_those_of_the_way_through_httpx(case: str, authorization: str | None) -> None:
    call, content_type = CALLS[case]
    choice = Choice(call.operation.method, content_type)
    shortcut, writer, proof = Shortcut(BASE), RequestWriter(BASE), Proof(is_trusted=True)
    assert shortcut.takes(call, choice)
    short = shortcut.write(call, choice, authorization, proof)
    long = outgoing_of(writer.write(call, choice, authorization, proof))
    assert short == long
    assert (short.watcher, short.stream) == (proof, None)


def test_the_origin_is_that_of_the_base_url() -> None:
    assert Shortcut(BASE).origin == ("https", b"api.example.fr", None, None)
    assert Shortcut(httpx.URL("http://[::1]:81/")).origin == ("http", b"::1", 81, None)


@pytest.mark.parametrize(
    ("method", "parts"),
    [
        ("GET", {}),
        ("DELETE", {}),
        ("POST", {"headers": {"X-Mine": "1"}}),
        ("POST", {"body": object()}),
        ("POST", {"json": "x" * SMALL_BYTES}),
    ],
    ids=["GET", "DELETE", "headers", "stream", "large"],
)
def test_what_needs_httpx_goes_its_way(method: str, parts: dict[str, Any]) -> None:
    assert not Shortcut(BASE).takes(call_of(method, "x", **parts), Choice(method, JSON))


def test_heads_of_another_session_are_not_remembered() -> None:
    call, _ = CALLS["json"]
    first, second = Shortcut(BASE), Shortcut(httpx.URL("https://other.example/"))
    proof = Proof(is_trusted=True)
    heads = [way.write(call, Choice("POST", JSON), "Bearer t", proof) for way in (first, second)]
    assert b"Host: api.example.fr\r\n" in heads[0].start
    assert b"Host: other.example\r\n" in heads[1].start


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
async def test_a_checksum_goes_through_httpx() -> None:
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
