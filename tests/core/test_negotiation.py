"""What a server turns out to want, learned from refusals that executed nothing."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import anyio
import pytest

from mediasflow_async import (
    ApiError,
    BadRequest,
    CampaignRequest,
    Dialect,
    InvalidRequest,
    Sent,
    content_digest,
)
from tests.support.raw_server import Answer, RawRequest, RawServer, http, http_json
from tests.support.sessions import session_with

pytestmark = [pytest.mark.anyio, pytest.mark.every_transport]

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
ONE = CampaignRequest(msg="Bonjour", recipients=["0612345678"])
CAMPAIGN = {"id": 943, "status": "INJECTED"}


def takes(*types: str) -> RawServer:
    def answer(request: RawRequest) -> Answer:
        return http_json(200 if request.headers["content-type"] in types else 415, CAMPAIGN)

    return RawServer(answer)


async def test_a_refused_media_type_is_replaced_by_the_guides_and_remembered() -> None:
    with takes(FORM).running() as server:
        async with session_with(server.url) as session:
            assert (await session.campaigns.send(ONE)).id == 943
            assert (await session.campaigns.send(ONE)).id == 943
    assert [request.headers["content-type"] for request in server.requests] == [JSON, FORM, FORM]
    assert len({request.body for request in server.requests}) == 1


async def test_two_refused_media_types_end_the_call() -> None:
    with takes().running() as server:
        async with session_with(server.url) as session:
            with pytest.raises(BadRequest) as caught:
                await session.campaigns.send(ONE)
            assert len(server.requests) == 2
            with pytest.raises(BadRequest):
                await session.campaigns.send(ONE)
            assert len(server.requests) == 3
    assert (caught.value.status, caught.value.attempts) == (415, 1)


async def test_calls_that_are_refused_together_are_each_sent_once_more() -> None:
    with takes(FORM).running() as server:
        async with session_with(server.url) as session, anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(session.campaigns.send, ONE)
    accepted = [request for request in server.requests if request.headers["content-type"] == FORM]
    assert len(accepted) == 10


@pytest.mark.parametrize("status", [415, 429])
async def test_a_refusal_that_the_dialect_does_not_trust_repeats_nothing_that_sends(
    status: int,
) -> None:
    with RawServer([http(status)]).running() as server:
        async with session_with(server.url, dialect=Dialect(launch_refusals=(400,))) as session:
            with pytest.raises(ApiError) as caught:
                await session.campaigns.send(ONE)
            assert caught.value.sent is Sent.UNKNOWN
            assert len(server.requests) == 1
            with pytest.raises(ApiError) as caught:
                await session.campaigns.prepare(ONE)
            assert caught.value.sent is Sent.ANSWERED
            assert len(server.requests) > 2


async def test_a_derived_session_with_another_dialect_learns_for_itself() -> None:
    with takes(JSON).running() as server:
        async with session_with(server.url) as session:
            await session.with_options(dialect=Dialect(json_content_type=FORM)).campaigns.send(ONE)
            await session.campaigns.send(ONE)
    assert [request.headers["content-type"] for request in server.requests] == [FORM, JSON, JSON]


@pytest.mark.parametrize(
    ("allow", "method"),
    [("POST", "POST"), ("get, delete", "DELETE"), ("GET, OPTIONS", "GET"), ("GET,POST", "POST")],
)
async def test_a_refused_method_of_a_cancel_is_replaced_by_an_allowed_one(
    allow: str, method: str
) -> None:
    def answer(request: RawRequest) -> Answer:
        if request.method == method:
            return http_json(200, {"id": 943, "status": "DRAFT"})
        return http(405, headers={"Allow": allow})

    with RawServer(answer).running() as server:
        async with session_with(server.url) as session:
            await session.campaigns.cancel(943)
            await session.campaigns.cancel(943)
    assert [request.method for request in server.requests] == ["PUT", method, method]


@pytest.mark.parametrize("allow", ["", "PUT", "OPTIONS", "TRACE"])
async def test_a_cancel_that_no_method_makes_is_an_error(allow: str) -> None:
    with RawServer([http(405, headers={"Allow": allow})]).running() as server:
        async with session_with(server.url) as session:
            with pytest.raises(ApiError, match="campaign 943") as caught:
                await session.campaigns.cancel(943)
    assert caught.value.status == 405
    assert len(server.requests) == 1


async def test_no_other_call_changes_its_method() -> None:
    with RawServer([http(405, headers={"Allow": "POST"})]).running() as server:
        async with session_with(server.url) as session:
            with pytest.raises(ApiError):
                await session.campaigns.set_sender(943, "ACME")
    assert len(server.requests) == 1


async def test_the_checksum_is_of_the_bytes_that_are_sent() -> None:
    dialect = Dialect(checksum=content_digest)
    with RawServer([http_json(data=CAMPAIGN)]).running() as server:
        async with session_with(server.url, dialect=dialect) as session:
            await session.campaigns.send(ONE)
            await session.lists.upload([{"mobile": "0612345678"}], filename="people.csv")
            await session.request("GET", "blacklist")
    for request in server.requests:
        digest = base64.b64encode(hashlib.sha256(request.body).digest()).decode()
        assert request.headers["content-digest"] == f"sha-256=:{digest}:"
    assert [len(request.body) > 0 for request in server.requests] == [True, True, False]


@pytest.mark.parametrize("body", [{}, {"json": {"a": 1}}, {"form": {"a": "1"}}], ids=str)
async def test_the_media_type_of_ones_own_is_announced_and_not_negotiated(body: Any) -> None:
    kind = "application/json; charset=UTF-8"
    with RawServer([http(415)]).running() as server:
        async with session_with(server.url) as session:
            with pytest.raises(BadRequest):
                await session.request("PUT", "x", kind="SET", content_type=kind, **body)
            with pytest.raises(InvalidRequest, match="Content-Type"):
                await session.request("PUT", "x", content_type="a\nb")
    assert [request.headers["content-type"] for request in server.requests] == [kind]
    assert server.requests[0].names.count("content-type") == 1
