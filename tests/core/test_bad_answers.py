"""Answers that cannot be understood: a clear error, bounded memory, and no false success."""

from __future__ import annotations

import gzip
import json
import pickle
import subprocess
import sys
import textwrap
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from mediasflow_async import (
    ApiError,
    Campaign,
    CampaignRequest,
    ConnectionFailed,
    DeliveryUnknown,
    MediasflowError,
    ResponseInvalid,
    Sent,
    ServerError,
    Session,
)
from mediasflow_async.sandbox import Fault, Sandbox
from tests.support.raw_server import Answer, RawServer, http, http_json
from tests.support.sessions import ONCE, Connect, session_with

pytest_plugins = ["tests.support.session_fixtures"]
pytestmark = pytest.mark.anyio

ONE = CampaignRequest(msg="Bonjour", recipients=["0612345678"])
PAGE = b"<html><head><title>Apache Tomcat - Error</title></head><body>0612345678</body></html>"
GZIP = {"Content-Encoding": "gzip"}


LATIN = "application/json; charset=ISO-8859-1"


async def cancel(session: Session) -> object:
    return await session.campaigns.cancel(943)


async def send(session: Session) -> object:
    return await session.campaigns.send(ONE)


async def prepare(session: Session) -> object:
    return await session.campaigns.prepare(ONE)


async def read_model(session: Session) -> object:
    return (await session.request("GET", "campaigns")).read(Campaign)


async def listing(session: Session) -> object:
    return await session.request("GET", "blacklist")


async def entries(session: Session) -> object:
    return await session.blacklist.entries()


async def failure(
    answer: Answer, call: Callable[[Session], Awaitable[object]], **options: Any
) -> MediasflowError:
    with RawServer([answer]).running() as server:
        async with session_with(server.url, **({"retry": ONCE} | options)) as session:
            with pytest.raises(MediasflowError) as caught:
                await call(session)
    assert len(server.requests) == 1
    return caught.value


NOT_UNDERSTOOD: dict[str, bytes] = {
    "a page": http(body=PAGE, headers={"Content-Type": "text/html"}),
    "text": http(body=b"OK 0612345678"),
    "half an object": http(body=b'{"id": 943, "mobile": "0612345678"'),
    "an array": http_json(data=[1, 2]),
    "a number": http_json(data=7),
    "a boolean": http_json(data=True),
    "an id of the wrong type": http_json(data={"id": {"a": "0612345678"}}),
    "a status of the wrong type": http_json(data={"id": 943, "status": ["DRAFT"]}),
    "bytes": http(body=bytes(range(256))),
    "deep nesting": http(body=b"[" * 100_000),
}


@pytest.mark.parametrize("case", NOT_UNDERSTOOD)
async def test_an_answer_that_is_no_campaign_is_an_error_with_the_place_and_the_body(
    case: str,
) -> None:
    error = await failure(NOT_UNDERSTOOD[case], read_model)
    assert isinstance(error, ResponseInvalid)
    assert error.wire_path.startswith("$")
    assert error.status == 200
    assert "0612345678" not in f"{error} {error.body}"
    assert len(error.body) <= 2048
    assert error.sent is Sent.ANSWERED


@pytest.mark.parametrize("case", ["a page", "text", "half an object", "an array", "a number"])
@pytest.mark.parametrize("call", [send, prepare])
async def test_a_campaign_that_was_not_confirmed_is_no_success(
    case: str, call: Callable[[Session], Awaitable[object]]
) -> None:
    error = await failure(NOT_UNDERSTOOD[case], call)
    assert isinstance(error, ResponseInvalid)
    if call is send:
        assert error.sent is Sent.UNKNOWN
        assert "Do not resend blindly" in str(error)


async def launch(session: Session) -> object:
    return await session.campaigns.launch(943)


@pytest.mark.parametrize("call", [send, prepare, launch])
async def test_a_message_alone_is_no_success(call: Callable[[Session], Awaitable[object]]) -> None:
    error = await failure(http_json(data={"message": "insufficient credit"}), call)
    assert type(error) is ApiError
    assert "insufficient credit" in str(error)
    assert error.sent is (Sent.ANSWERED if call is prepare else Sent.UNKNOWN)
    assert ("Do not resend blindly" in str(error)) is (call is not prepare)


@pytest.mark.parametrize(
    "data",
    [
        {"status": "INJECTED", "message": "Bonjour"},
        {"id": 943, "status": "FOO", "message": "Bonjour", "msg": "Bonjour", "sender": "ACME"},
        {"data": [{"id": 943, "status": "DRAFT", "message": 'Dis "Bonjour"\\'}]},
        {"id": 944, "status": "INJECTED"},
        {"id": 943},
        {"id": 943, "status": "DRAFT"},
        {"success": True},
        {},
    ],
    ids=str,
)
async def test_what_does_not_show_that_a_campaign_was_launched_is_no_success(data: object) -> None:
    error = await failure(http_json(data=data), launch)
    assert isinstance(error, ResponseInvalid)
    assert (error.sent, error.campaign_id) == (Sent.UNKNOWN, 943)
    assert "Do not resend blindly" in str(error)
    assert "Bonjour" not in everything_in(error)


def everything_in(error: MediasflowError) -> str:
    return f"{error} {error!r} {vars(error)!r} {pickle.dumps(error)!r}"


async def set_sender(session: Session) -> object:
    return await session.campaigns.set_sender(943, "ACME")


async def send_test(session: Session) -> object:
    return await session.campaigns.test(943, ["0612345678"])


OTHER = {"id": 944, "status": "FOO", "message": 'Salut "Zoe", à\n\\ Zoe', "creditCount": {}}


@pytest.mark.parametrize("call", [launch, cancel, set_sender, send_test])
@pytest.mark.parametrize(
    "body",
    [
        json.dumps(OTHER).encode(),
        json.dumps([OTHER, OTHER], ensure_ascii=False).encode("cp1252"),
        json.dumps(OTHER).encode("utf-8-sig"),
        json.dumps(OTHER).encode("utf-16"),
        json.dumps({"data": OTHER})[:-1].encode(),
        b'"Bonjour Zoe"',
        b"<?xml version='1.0'?><campaign><id>944</id><message>Bonjour Zoe</message></campaign>",
    ],
)
async def test_the_text_of_a_campaign_is_in_no_error(
    body: bytes, call: Callable[[Session], Awaitable[object]]
) -> None:
    error = await failure(http(body=body), call)
    assert isinstance(error, ResponseInvalid)
    assert "Zoe" not in everything_in(error)


@pytest.mark.parametrize("call", [read_model, prepare])
async def test_the_text_of_a_campaign_that_is_no_model_is_in_no_error(
    call: Callable[[Session], Awaitable[object]],
) -> None:
    error = await failure(http_json(data=OTHER | {"id": {"a": 1}}), call)
    assert isinstance(error, ResponseInvalid)
    assert "Zoe" not in everything_in(error)


async def test_an_error_shows_names_numbers_and_states_of_json() -> None:
    error = await failure(http_json(data=OTHER), launch)
    assert isinstance(error, ResponseInvalid)
    assert json.loads(error.body) == OTHER | {"message": "***"}


@pytest.mark.parametrize(
    "answer",
    [
        http(body=b'{"id": 943, "sender": "\xe9"}'),
        http(body=b'{"id": 943, "sender": "\xe9"}', headers={"Content-Type": LATIN}),
        http(body='{"id": 943, "sender": "é"}'.encode("utf-8-sig")),
        http(body='{"id": 943, "sender": "é"}'.encode("utf-16")),
        http(body='{"id": 943, "sender": "é", "creditCount": 1}'.encode()),
    ],
    ids=["cp1252", "announced", "utf-8 with BOM", "utf-16", "utf-8"],
)
async def test_json_is_read_in_the_charset_that_it_has(answer: Answer) -> None:
    with RawServer([answer]).running() as server:
        async with session_with(server.url) as session:
            campaign = (await session.request("GET", "campaigns")).read(Campaign)
    assert (campaign.id, campaign.sender) == (943, "é")


async def test_an_empty_answer_to_a_send_is_no_success() -> None:
    error = await failure(http(), send)
    assert error.sent is Sent.UNKNOWN


@pytest.mark.parametrize("status", [500, 502, 504])
async def test_an_error_page_tells_its_title_and_no_more(status: int) -> None:
    error = await failure(http(status, PAGE), entries)
    assert type(error) is ServerError
    assert "Apache Tomcat - Error" in str(error)
    assert "<" not in str(error)


@pytest.mark.parametrize(
    "data",
    [
        {"error": "CREDIT", "message": "not enough credit"},
        {"errors": ["not enough credit"]},
        {"errorMessage": "not enough credit"},
        {"message": "not enough credit"},
        {"message": "not enough credit", "code": "CREDIT", "status": 402},
    ],
)
async def test_an_error_under_a_status_of_success_is_an_error(data: object) -> None:
    error = await failure(http_json(200, data), send)
    assert isinstance(error, ApiError)
    assert "not enough credit" in str(error)


async def test_an_answer_is_told_apart_by_its_status() -> None:
    # Only a status of `Dialect.launch_refusals` proves that nothing was executed.
    told = {405: Sent.ANSWERED, 410: Sent.ANSWERED} | dict.fromkeys((406, 418, 451), Sent.UNKNOWN)
    for status, sent in told.items():
        error = await failure(http(status, headers={"Allow": "get, Post"}), send)
        assert type(error) is ApiError
        assert error.status == status
        assert error.allow == ("GET", "POST")
        assert error.sent is sent


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 406, 409, 499])
async def test_a_refusal_that_is_not_trusted_leaves_in_doubt_what_may_send(status: int) -> None:
    # Spring answers 406 after the work, and a form that was sent is answered with a redirect.
    error = await failure(http(status, headers={"Location": "/login"}), send)
    assert error.sent is Sent.UNKNOWN
    assert "before you decide" in str(error)
    harmless = await failure(http(status, headers={"Location": "/login"}), cancel)
    assert harmless.sent is Sent.ANSWERED


async def test_a_truncated_body_is_a_broken_connection(sandbox: Sandbox, connect: Connect) -> None:
    sandbox.faults.add(Fault(operation="blacklist", truncate=1, status=200, body=b"[1, 2, 3]"))
    sandbox.faults.add(Fault(operation="prepare", truncate=5, times=None))
    sandbox.faults.add(Fault(operation="send", truncate=5, times=None))
    async with connect() as session:
        assert await session.blacklist.entries() == []
        with pytest.raises(ConnectionFailed) as caught:
            await session.campaigns.prepare(ONE)
        assert caught.value.sent is Sent.UNKNOWN
        with pytest.raises(DeliveryUnknown):
            await session.campaigns.send(ONE)
    assert len(sandbox.messages) == 1


NAMED_TWICE: list[dict[str, Any]] = [
    {"campaignId": 943, "_id": "65f0c1"},
    {"_id": "65f0c1", "campaignId": "943"},
    {"id": "0f8fad5b-d9cb-469f-a165-70867728950e", "campaignId": 943},
    {"id": 0, "campaignId": 943},
    {"id": None, "CAMPAIGN_ID": 943.0, "Id": ""},
    {"ID": 943},
]


@pytest.mark.parametrize("named", NAMED_TWICE, ids=str)
async def test_a_campaign_is_read_under_the_id_that_it_was_judged_by(named: dict[str, Any]) -> None:
    told = {**named, "status": "INJECTED", "sender": "ACME"}
    with RawServer([http_json(data={"data": told})]).running() as server:
        async with session_with(server.url, retry=ONCE) as session:
            launched = await session.campaigns.launch(943)
            prepared = await session.campaigns.prepare(ONE)
            changed = await session.campaigns.set_sender(943, "ACME")
    for campaign in (launched, prepared, changed):
        assert (campaign.id, campaign.status, campaign.sender) == (943, "INJECTED", "ACME")
        assert campaign.raw == told
        assert not {"campaignId", "CAMPAIGN_ID", "ID"} & set(campaign.extra)


@pytest.mark.parametrize("number", [2.0**53 + 2, 1.2345678901234567e18, 943.5])
async def test_a_number_that_went_through_a_float_may_be_that_of_a_neighbour(number: float) -> None:
    answer = http_json(data={"id": number, "status": "DRAFT"})
    assert isinstance(await failure(answer, prepare), ResponseInvalid)
    assert isinstance(await failure(answer, read_model), ResponseInvalid)


@pytest.mark.parametrize(
    "body",
    [
        b"?" * 20,
        b"\x1f\x8b",
        gzip.compress(b"[" + b" " * 1000 + b"]")[:-12],
        gzip.compress(b"[]")[:-2] + b"??",
        b"\x1f\x8b" + bytes(50),
    ],
    ids=["plain", "two bytes", "cut", "wrong checksum", "zeros"],
)
async def test_a_damaged_compression_is_an_error(body: bytes) -> None:
    error = await failure(http(body=body, headers=GZIP), entries)
    assert isinstance(error, ResponseInvalid)
    assert "compress" in str(error)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_an_empty_body_needs_no_compression(method: str) -> None:
    with RawServer([http(headers=GZIP)]).running() as server:
        async with session_with(server.url, retry=ONCE) as session:
            assert (await session.request(method, "x")).data is None


async def test_an_answer_that_a_transport_has_in_memory_is_read() -> None:
    packed = gzip.compress(b'["+33612345678"]')
    transport = httpx.MockTransport(lambda _: httpx.Response(200, headers=GZIP, content=packed))
    async with session_with("https://a.example/", transport=transport) as session:
        assert [entry.number for entry in await session.blacklist.entries()] == ["+33612345678"]


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "zstd"])
async def test_a_compression_that_nobody_asked_for_is_an_error(encoding: str) -> None:
    error = await failure(http(body=b"[]", headers={"Content-Encoding": encoding}), entries)
    assert isinstance(error, ResponseInvalid)
    assert "compress" in str(error)


async def test_a_compression_that_is_right_is_read() -> None:
    answer = http(body=gzip.compress(b'[{"item": "+33612345678"}]'), headers=GZIP)
    with RawServer([answer]).running() as server:
        async with session_with(server.url) as session:
            assert [entry.number for entry in await session.blacklist.entries()] == ["+33612345678"]


async def test_an_answer_that_is_too_large_is_not_read_to_its_end() -> None:
    error = await failure(http_json(data="x" * 2000), listing, max_response_bytes=1000)
    assert isinstance(error, ResponseInvalid)
    assert "larger than 1000 bytes" in str(error)
    assert "max_response_bytes" in str(error)


async def test_a_large_answer_to_a_send_leaves_doubt() -> None:
    error = await failure(http_json(data="x" * 2000), send, max_response_bytes=1000)
    assert error.sent is Sent.UNKNOWN
    assert "Do not resend blindly" in str(error)


BOMBED = textwrap.dedent("""
    import asyncio, resource, sys
    from mediasflow_async import Session, ResponseInvalid, RetryPolicy
    async def main(url):
        async with Session(token="opaque-token", base_url=url, retry=RetryPolicy.off()) as session:
            await session.request("GET", "nothing")
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            try:
                await session.request("GET", "blacklist")
            except ResponseInvalid as error:
                print(error)
            print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
    asyncio.run(main(sys.argv[1]))
""")


@pytest.mark.parametrize("layers", [1, 2], ids=["gzip", "gzip of gzip"])
def test_a_bomb_of_300_megabytes_costs_little_memory(layers: int) -> None:
    body = gzip.compress(bytes(300 << 20), compresslevel=1)
    for _ in range(layers - 1):
        body = gzip.compress(body)
    bomb = http(body=body, headers={"Content-Encoding": ", ".join(["gzip"] * layers)})
    with RawServer(lambda request: http() if "nothing" in request.target else bomb).running() as s:
        command = [sys.executable, "-c", BOMBED, s.url]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    message, megabytes = output.splitlines()
    assert "larger than" in message or "compress" in message
    assert int(megabytes) < 200


async def test_a_bomb_in_a_send_sends_once(sandbox: Sandbox, connect: Connect) -> None:
    sandbox.faults.add(Fault(operation="send", when="after", gzip_bomb=100 << 20, times=None))
    async with connect() as session:
        with pytest.raises(ResponseInvalid) as caught:
            await session.campaigns.send(ONE)
    assert caught.value.sent is Sent.UNKNOWN
    assert len(sandbox.messages) == 1


async def test_a_huge_header_is_a_broken_connection() -> None:
    error = await failure(http_json(data=[], X_Huge="x" * 300_000), entries)
    assert isinstance(error, ConnectionFailed)
    assert error.sent is Sent.UNKNOWN


async def test_an_answer_of_many_small_headers_is_read() -> None:
    headers = {f"X_{number}": "y" for number in range(90)}
    with RawServer([http_json(200, [], **headers)]).running() as server:
        async with session_with(server.url) as session:
            assert await session.blacklist.entries() == []


async def test_data_is_json_or_text_or_nothing() -> None:
    for body, data in (
        (b"", None),
        (b" \r\n", None),
        (b"7", 7),
        (b"OK", "OK"),
        (b"\xff", "ÿ"),
    ):
        with RawServer([http(body=body)]).running() as server:
            async with session_with(server.url) as session:
                answer = await session.request("GET", "x")
        assert answer.data == data
        assert (answer.status, answer.attempts, answer.content) == (200, 1, body)
        assert answer.headers["content-length"] == str(len(body))
        assert json.dumps("0612345678") not in repr(answer)
