"""Where a login puts its token, and the cookies that come with it."""

from __future__ import annotations

import logging
from typing import Any

import httpx
import pytest

from mediasflow_async import Dialect, MediasflowError, Session
from mediasflow_async._core.bearers import bearer_in
from mediasflow_async.sandbox import Sandbox, ServerRules
from tests.support.raw_server import Answer, RawRequest, RawServer, http, http_json
from tests.support.sessions import ONCE, logins, session_at, session_with

pytestmark = [pytest.mark.anyio, pytest.mark.every_transport]

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJkZW1vIn0.c2lnbmF0dXJl"


def found(data: object, **headers: str) -> str | None:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return bearer_in(httpx.Headers(names), data)


@pytest.mark.parametrize(
    "data",
    [
        {"accessToken": JWT},
        {"access_token": JWT, "token_type": "Bearer", "refresh_token": "not-this"},
        {"token": JWT},
        {"jwt": JWT},
        {"bearer": JWT},
        {"id_token": JWT},
        {"idToken": JWT},
        {"authToken": JWT},
        {"Token": f"Bearer {JWT}"},
        {"id_token": "not-this", "access_token": JWT},
        {"data": {"token": JWT}},
        {"status": "OK", "result": {"user": {"id": 7}, "auth": {"accessToken": JWT}}},
        {"token": {"value": JWT}},
        {"token": {"accessToken": JWT, "expiresIn": 900}},
        [{"token": JWT}],
        JWT,
        f"Bearer {JWT}",
        f"bearer {JWT}\n",
        f"Bearer Bearer {JWT}",
        f"Bearer: {JWT}",
        f"Authorization: Bearer {JWT}",
        f'"{JWT}"',
    ],
    ids=repr,
)
def test_a_token_is_found_in_a_body(data: object) -> None:
    assert found(data) == JWT


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Authorization", f"Bearer {JWT}"),
        ("Authorization", f"bearer {JWT}"),
        ("Authorization", f"Bearer Bearer {JWT}"),
        ("authorization", JWT),
        ("X-Auth-Token", JWT),
        ("X-Auth-Token", f"Bearer {JWT}"),
        ("Bearer", JWT),
        ("X-Access-Token", JWT),
    ],
)
def test_a_token_is_found_in_a_header(name: str, value: str) -> None:
    assert found({"welcome": True}, **{name.replace("-", "_"): value}) == JWT


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        [],
        7,
        True,
        {"token": None},
        {"token": "two words"},
        {"token_type": "Bearer"},
        {"bearer": "Bearer"},
        {"refresh_token": JWT},
        "Unauthorized",
        "short",
        "some words of welcome",
        "<html><body>login</body></html>",
        f"<token>{JWT}</token>",
        [{"token": JWT}, {"token": JWT}],
    ],
    ids=repr,
)
def test_what_is_no_token_is_not_taken_for_one(data: object) -> None:
    assert found(data) is None
    assert found(data, authorization="Basic ZGVtbzpzZWNyZXQ=") is None


@pytest.mark.parametrize("word", ["null", "undefined", "None", "false"])
def test_a_word_that_stands_for_nothing_is_no_token(word: str) -> None:
    assert found({"token": word}) is None
    assert found(f"Bearer {word}") is None
    assert found("", authorization=f"Bearer {word}") is None
    assert found({"token": JWT}, authorization=f"Bearer {word}") == JWT


@pytest.mark.parametrize("place", ["bare", "x_auth_token", "bearer", "json"])
async def test_a_session_works_with_each_place(place: Any) -> None:
    rules = ServerRules(token_place=place, token_field="data.accessToken")
    with Sandbox(rules=rules).serve_in_thread() as sandbox:
        async with session_at(sandbox) as session:
            assert await session.blacklist.entries() == []
        assert logins(sandbox) == 1


@pytest.mark.parametrize("body", [b"{}", b"<html>Welcome</html>", b'{"success": false}'])
async def test_a_login_without_a_token_names_the_options(body: bytes) -> None:
    with RawServer([http(body=body)]).running() as server:
        async with by_password(server.url, retry=ONCE) as session:
            with pytest.raises(MediasflowError) as caught:
                await session.request("GET", "blacklist")
    for option in ("login_path", "login_fields", "login_encoding"):
        assert f"Dialect({option}=" in str(caught.value)


def by_password(url: str, **options: Any) -> Session:
    return session_with(url, token=None, username="demo", password="secret", **options)


def sticky(cookie: str, status: int = 200) -> RawServer:
    """A server whose login sets a cookie."""
    lines = {"Set-Cookie": cookie}

    def answer(request: RawRequest) -> Answer:
        if request.target == "/users/login":
            return http(headers={"X-Auth-Token": "token-12345678", **lines})
        return http_json(status, {"message": request.headers.get("cookie", "")})

    return RawServer(answer)


async def cookie_sent(server: RawServer, path: str = "blacklist", **options: Any) -> str | None:
    async with by_password(server.url, retry=ONCE, **options) as session:
        await session.request("GET", path)
    return server.requests[-1].headers.get("cookie")


@pytest.mark.parametrize(
    ("set_cookie", "sent"),
    [
        ("JSESSIONID=node-1-abcdef; Path=/; HttpOnly", "JSESSIONID=node-1-abcdef"),
        ("SRV=w1", None),
        ("SRV=w1; Path=/", "SRV=w1"),
        ("SRV=w1; Path=/black", None),
        ("SRV=w1; Path=/; Secure", None),
        ("SRV=w1; Path=/; Max-Age=0", None),
        ("SRV=w1; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT", None),
        ("SRV=w1; Path=/; Domain=elsewhere.example", None),
        ("; ; =", None),
    ],
)
async def test_a_cookie_of_the_login_is_sent_back(set_cookie: str, sent: str | None) -> None:
    with sticky(set_cookie).running() as server:
        assert await cookie_sent(server) == sent


async def test_no_cookie_is_kept_where_the_dialect_says_so() -> None:
    with sticky("SRV=w1; Path=/").running() as server:
        assert await cookie_sent(server, dialect=Dialect(keep_cookies=False)) is None


async def test_a_client_of_the_callers_keeps_its_own_cookies() -> None:
    with sticky("SRV=w1; Path=/").running() as server:
        async with (
            httpx.AsyncClient(trust_env=False) as client,
            Session("demo", "secret", base_url=server.url, client=client) as session,
        ):
            await session.request("GET", "blacklist")
    assert [name.lower() for name in server.requests[-1].names].count("cookie") == 1


async def test_a_cookie_is_neither_logged_nor_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with sticky("JSESSIONID=node-1-abcdef; Path=/", status=400).running() as server:
        async with by_password(server.url, retry=ONCE) as session:
            with pytest.raises(MediasflowError) as caught:
                await session.request("GET", "blacklist")
    assert server.requests[-1].headers["cookie"] == "JSESSIONID=node-1-abcdef"
    assert "abcdef" not in str(caught.value) + repr(caught.value) + caplog.text
