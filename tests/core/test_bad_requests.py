"""Requests that could reach somewhere else, or cannot be sent: refused before anything leaves."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from mediasflow_async import CampaignRequest, InvalidRequest, MediasflowError, Sent
from mediasflow_async._core.calls import Operation, OperationKind, joining, make_call
from mediasflow_async._core.options import Settings
from mediasflow_async.sandbox import Sandbox
from tests.support.raw_server import RawServer, http_json
from tests.support.sessions import Connect, session_with

pytest_plugins = ["tests.support.session_fixtures"]
pytestmark = [pytest.mark.anyio, pytest.mark.every_transport]


async def refused(method: Any, path: Any, **parts: Any) -> InvalidRequest:
    with RawServer([http_json(data=[])]).running() as server:
        async with session_with(server.url) as session:
            with pytest.raises(InvalidRequest) as caught:
                await session.request(method, path, **parts)
        assert server.connections == 0
    assert caught.value.sent is Sent.NOT_SENT
    assert "Nothing was sent" in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    "path",
    [
        "../admin",
        "campaigns/../../admin",
        "campaigns/./x",
        "..",
        "/admin",
        "//evil.example/x",
        "https://evil.example/x",
        "HTTP:evil.example",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "\\\\evil.example\\x",
        "campaigns\\..\\admin",
        "x?admin=1",
        "x#fragment",
        "x y",
        "x\r\nHost: evil.example",
        "x\x00",
        "x\ty",
        "campaigns/%2e%2e/admin",
        "campaigns/%2E%2E%2Fadmin",
        "campaigns/.%2e/admin",
        "campaigns/%5c..%5cadmin",
        "campaigns/x%0d%0aHost:evil",
        "x" * 70_000,
        None,
        5,
        b"campaigns",
    ],
    ids=lambda path: repr(path)[:40],
)
async def test_a_path_stays_below_the_base_url(path: Any) -> None:
    error = await refused("GET", path)
    assert [problem.field for problem in error.problems] == ["path"]


@pytest.mark.parametrize(
    "method", ["", "GE T", "GET\r\nX: y", "G\u00c9T", "GET / HTTP/1.1", None, 5]
)
async def test_a_method_is_a_word(method: Any) -> None:
    error = await refused(method, "blacklist")
    assert [problem.field for problem in error.problems] == ["method"]


@pytest.mark.parametrize(
    "campaign_id",
    ["../admin", "943", "", 0, -1, True, 1.0, None, [943], "943\r\nX: y", "943/../../admin"],
    ids=repr,
)
async def test_a_campaign_id_is_a_positive_number(campaign_id: Any) -> None:
    path = "campaigns/{campaign_id}/sender"
    error = await refused("PUT", path, campaign_id=campaign_id)
    assert [problem.field for problem in error.problems] == ["campaign_id"]
    assert "admin" not in str(error)


@pytest.mark.parametrize("function", ["launch", "cancel", "test", "set_sender", "campaign_csv"])
@pytest.mark.parametrize("campaign_id", ["../admin", "943", True, 0])
async def test_every_function_refuses_a_campaign_id_that_is_none(
    function: str, campaign_id: Any, sandbox: Sandbox, connect: Connect
) -> None:
    async with connect() as session:
        calls: dict[str, Any] = {
            "launch": lambda: session.campaigns.launch(campaign_id),
            "cancel": lambda: session.campaigns.cancel(campaign_id),
            "test": lambda: session.campaigns.test(campaign_id, ["0612345678"]),
            "set_sender": lambda: session.campaigns.set_sender(campaign_id, "ACME"),
            "campaign_csv": lambda: anext(aiter(session.reports.campaign_csv(campaign_id))),
        }
        with pytest.raises(InvalidRequest, match="campaign_id"):
            await calls[function]()
    assert sandbox.requests == ()


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Trace": "a\r\nX-Evil: b"},
        {"X-Trace": "a\nb"},
        {"X-Trace": "a\x00b"},
        {"X-Trace": "a\x7f"},
        {"X-Trace": "\u00e9"},
        {"X-Trace": " leading"},
        {"X-Trace": "trailing\t"},
        {"X-Trace": 5},
        {"X-Trace": None},
        {"X-Trace": b"bytes"},
        {"X Trace": "a"},
        {"X-Trace\r\n": "a"},
        {"": "a"},
        {"X:Y": "a"},
        {5: "a"},
        {b"X-Trace": "a"},
        {"Authorization": "Bearer mine"},
        {"AUTHORIZATION": "Bearer mine"},
        {"Host": "evil.example"},
        {"content-length": "5"},
        {"Transfer-Encoding": "chunked"},
    ],
    ids=repr,
)
async def test_a_header_cannot_smuggle_anything(headers: Any) -> None:
    error = await refused("GET", "blacklist", headers=headers)
    assert [problem.field.startswith("headers") for problem in error.problems] == [True]
    assert "\r" not in str(error)
    assert "mine" not in str(error)


async def test_a_header_of_the_callers_own_is_sent_once() -> None:
    own = {"X-Trace": "a b\tc", "accept": "text/plain", "accept-encoding": "identity"}
    with RawServer([http_json(data=[])]).running() as server:
        async with session_with(server.url) as session:
            await session.request("POST", "x", json=[], headers=own | {"content-type": "text/x"})
    headers = server.requests[0].headers
    assert headers["x-trace"] == "a b\tc"
    assert headers["accept"] == "text/plain"
    assert headers["accept-encoding"] in {"identity", "gzip"}


async def test_one_header_has_one_value() -> None:
    """Two lines of one name, in two spellings, are read differently by different servers."""
    with RawServer([http_json(data=[])]).running() as server:
        async with session_with(server.url) as session:
            await session.request(
                "POST", "x", json=[], headers={"accept": "a/b", "content-type": "c/d"}
            )
    assert server.requests[0].names.count("accept") == 1
    assert server.requests[0].names.count("content-type") == 1


@pytest.mark.parametrize(
    "json", [object(), {"a": {1, 2}}, {"a": "\ud800"}, {"n": 2**70}, {1j: 2}], ids=range(5)
)
async def test_a_body_that_is_no_json_is_refused(json: Any) -> None:
    error = await refused("POST", "campaigns/inject", json=json)
    assert [problem.field for problem in error.problems] == ["json"]


async def test_every_problem_is_told_at_once() -> None:
    error = await refused("G T", "../{campaign_id}", campaign_id="x", headers={"Host": "x"})
    fields = [problem.field for problem in error.problems]
    assert fields == ["method", "path", "campaign_id", "headers['Host']"]


@pytest.mark.parametrize(
    "params", [{"a": "x" * 70_000}, [("a", "b" * 70_000)]], ids=["dict", "list"]
)
async def test_a_query_that_no_url_can_hold_is_refused(params: Any) -> None:
    error = await refused("GET", "blacklist", params=params)
    assert [problem.field for problem in error.problems] == ["params"]


async def test_a_test_to_more_numbers_than_a_url_can_hold_is_refused(
    sandbox: Sandbox, connect: Connect
) -> None:
    async with connect() as session:
        draft = await session.campaigns.prepare(CampaignRequest(msg="x", recipients=["0612345678"]))
        with pytest.raises(MediasflowError):
            await session.campaigns.test(draft.id, ["0612345678"] * 10_000)
    assert sandbox.messages == ()


async def test_queries_are_encoded_and_cannot_break_out() -> None:
    with RawServer([http_json(data=[])]).running() as server:
        async with session_with(server.url) as session:
            await session.request("GET", "x", params={"a": "1&b=2#c\r\nX: y", "d": "\u00e9 +;"})
    assert server.requests[0].target == "/x?a=1%26b%3D2%23c%0D%0AX%3A+y&d=%C3%A9+%2B%3B"


@pytest.mark.parametrize("kind", ["READ", OperationKind.READ], ids=["text", "member"])
async def test_a_kind_of_the_callers_own_choice_decides_what_is_repeated(kind: Any) -> None:
    with RawServer([b"", http_json(data=[])]).running() as server:
        async with session_with(server.url) as session:
            answer = await session.request("POST", "search", kind=kind)
    assert answer.attempts == 2


@pytest.mark.parametrize("kind", ["SOMETIMES", "read", 5])
async def test_a_kind_is_a_member_of_its_enumeration(kind: Any) -> None:
    error = await refused("POST", "search", kind=kind)
    assert [problem.field for problem in error.problems] == ["kind"]


def test_a_call_shows_no_contents() -> None:
    operation = Operation(OperationKind.ONE_SHOT, "POST", "campaigns/inject")
    parts: Any = {"json": {"msg": "Bonjour"}, "params": {"p": "0612345678"}, "headers": {"X": "s"}}
    shown = repr(make_call(operation, joining(httpx.URL("https://a.example/")), Settings(), parts))
    assert "Bonjour" not in shown
    assert "0612345678" not in shown
