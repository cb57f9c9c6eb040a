"""Redirects: followed for a GET within the same origin, and nowhere else."""

from __future__ import annotations

import pytest

from mediasflow_async import ApiError, ConnectionFailed, MediasflowError, Sent
from tests.support.raw_server import Answer, RawRequest, RawServer, http, http_json
from tests.support.sessions import ONCE, TOKEN, session_with

pytestmark = [pytest.mark.anyio, pytest.mark.every_transport]

STATUSES = [301, 302, 303, 307, 308]


def to(location: str, status: int = 302) -> bytes:
    return http(status, headers={"Location": location})


@pytest.mark.parametrize("status", STATUSES)
async def test_a_get_follows_a_redirect_within_its_origin(status: int) -> None:
    with RawServer([to("/elsewhere?a=1", status), http_json(data=[7])]).running() as server:
        async with session_with(server.url) as session:
            answer = await session.request("GET", "reports/csv", params={"from": "x"})
    assert answer.data == [7]
    assert [request.target for request in server.requests] == [
        "/reports/csv?from=x",
        "/elsewhere?a=1",
    ]
    bearers = {request.headers["authorization"] for request in server.requests}
    assert bearers == {f"Bearer {TOKEN}"}


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_nothing_but_a_get_follows_a_redirect(status: int, method: str) -> None:
    with RawServer([to("/elsewhere", status)]).running() as server:
        async with session_with(server.url) as session:
            with pytest.raises(ApiError, match="redirects elsewhere") as caught:
                await session.request(method, "campaigns/inject", json={})
    assert len(server.requests) == 1
    assert caught.value.status == status


@pytest.mark.parametrize("kind", ["ONE_SHOT", "LAUNCH"])
async def test_a_get_that_may_send_follows_no_redirect(kind: str) -> None:
    with RawServer([to("/send"), http_json(data={})]).running() as server:
        async with session_with(server.url) as session:
            with pytest.raises(ApiError, match="redirects elsewhere"):
                await session.request("GET", "send", kind=kind)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", STATUSES)
async def test_another_port_is_another_origin(status: int) -> None:
    with (
        RawServer([http_json(data=[])]).running() as other,
        RawServer([to(other.url, status)]).running() as server,
    ):
        async with session_with(server.url) as session:
            with pytest.raises(ApiError, match="Is the base URL right"):
                await session.request("GET", "blacklist")
    assert other.connections == 0
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "location", ["https://127.0.0.1:{port}/", "http://localhost:{port}/", "//localhost:{port}/x"]
)
async def test_another_scheme_or_name_is_another_origin(location: str) -> None:
    server = RawServer(lambda _: to(location.format(port=server.port)))
    with server.running():
        async with session_with(server.url) as session:
            with pytest.raises(ApiError, match="redirects elsewhere"):
                await session.request("GET", "blacklist")
    assert len(server.requests) == 1


async def test_a_port_that_counts_on_from_0_is_another_origin() -> None:
    server = RawServer(lambda _: to(f"http://127.0.0.1:{server.port + 2**16}/x"))
    with server.running():
        async with session_with(server.url) as session:
            with pytest.raises(ApiError, match="redirects elsewhere"):
                await session.request("GET", "blacklist")
    assert len(server.requests) == 1


async def test_a_redirect_that_goes_in_circles_ends() -> None:
    with RawServer([to("/again")]).running() as server:
        async with session_with(server.url) as session:
            with pytest.raises(ApiError, match="redirect") as caught:
                await session.request("GET", "blacklist")
    assert len(server.requests) == 4
    assert caught.value.attempts == 1


async def test_a_redirect_brings_the_cookie_that_it_sets() -> None:
    def answer(request: RawRequest) -> Answer:
        if request.headers.get("cookie") == "SRV=w1":
            return http_json(data=[7])
        return http(302, headers={"Location": request.target, "Set-Cookie": "SRV=w1; Path=/"})

    with RawServer(answer).running() as server:
        async with session_with(server.url) as session:
            assert (await session.request("GET", "blacklist")).data == [7]
            assert (await session.request("GET", "blacklist")).data == [7]
    assert len(server.requests) == 3


async def test_a_cookie_of_one_path_does_not_go_along_to_another() -> None:
    def answer(request: RawRequest) -> Answer:
        if request.target == "/blacklist/all":
            return to("/elsewhere")
        return http(body=b"[]", headers={"Set-Cookie": "A=b; Path=/blacklist"})

    with RawServer(answer).running() as server:
        async with session_with(server.url) as session:
            await session.request("GET", "blacklist")
            await session.request("GET", "blacklist/all")
    assert [request.headers.get("cookie") for request in server.requests] == [None, "A=b", None]


async def test_a_cookie_of_the_callers_own_goes_along() -> None:
    with RawServer([to("/elsewhere"), http_json(data=[])]).running() as server:
        async with session_with(server.url) as session:
            await session.request("GET", "blacklist", headers={"Cookie": "mine=1"})
    assert [request.headers.get("cookie") for request in server.requests] == ["mine=1", "mine=1"]


async def test_a_redirect_to_no_address_is_an_error() -> None:
    with RawServer([to("http://[not-an-address")]).running() as server:
        async with session_with(server.url, retry=ONCE) as session:
            with pytest.raises(MediasflowError) as caught:
                await session.request("GET", "blacklist")
    assert isinstance(caught.value, ApiError | ConnectionFailed)


async def test_a_redirect_without_an_address_is_an_error() -> None:
    with RawServer([http(302)]).running() as server:
        async with session_with(server.url) as session:
            with pytest.raises(ApiError, match="redirects elsewhere"):
                await session.request("GET", "blacklist")
    assert len(server.requests) == 1


async def test_a_redirect_that_follows_another_origin_back_is_not_followed() -> None:
    def answer(request: RawRequest) -> Answer:
        return http_json(data=[]) if request.target == "/end" else to(second.url)

    second = RawServer(lambda _: to(first.url + "end"))
    first = RawServer(answer)
    with first.running(), second.running():
        async with session_with(first.url) as session:
            with pytest.raises(ApiError):
                await session.request("GET", "blacklist")
    assert second.connections == 0


async def test_a_redirect_with_credentials_in_it_is_not_followed() -> None:
    """httpx would send them instead of the bearer."""
    server = RawServer(lambda _: to(f"http://eve:pw@127.0.0.1:{server.port}/x"))
    with server.running():
        async with session_with(server.url) as session:
            with pytest.raises(ApiError, match="redirects elsewhere"):
                await session.request("GET", "blacklist")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "address",
    ["http://[::g]/", "http://a:b/", "http://xn--/", "//[", "javascript:1", "/" + "a" * 65_536],
    ids=lambda address: address[:12],
)
async def test_a_redirect_to_what_is_no_address_is_not_followed(address: str) -> None:
    with RawServer([to(address)]).running() as server:
        async with session_with(server.url) as session:
            with pytest.raises(MediasflowError):
                await session.request("GET", "blacklist")
    assert {request.target for request in server.requests} == {"/blacklist"}


@pytest.mark.parametrize("address", ["http://xn--/", "javascript:1"])
async def test_a_send_that_is_redirected_to_what_is_no_address_is_in_doubt(address: str) -> None:
    with RawServer([to(address)]).running() as server:
        async with session_with(server.url) as session:
            with pytest.raises(MediasflowError) as caught:
                await session.request("POST", "campaigns/inject", json={})
    assert caught.value.sent in {Sent.ANSWERED, Sent.UNKNOWN}
    assert len(server.requests) == 1


async def test_a_redirected_send_says_what_is_known() -> None:
    """303 says "look over there for what came of it": it may well have been executed."""
    with RawServer([to("/result", 303)]).running() as server:
        async with session_with(server.url) as session:
            with pytest.raises(MediasflowError) as caught:
                await session.request("POST", "campaigns/inject", json={})
    assert caught.value.sent in {Sent.ANSWERED, Sent.UNKNOWN}
