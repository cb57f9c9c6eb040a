"""From a username and a password to a bearer: once for all who wait, early, and never in a loop."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import anyio
import pytest

from mediasflow_async import (
    AuthenticationFailed,
    ConnectionFailed,
    Dialect,
    MediasflowError,
    NotFound,
    ResponseInvalid,
    Sent,
    Session,
    TokenLost,
)
from mediasflow_async._core import auth
from mediasflow_async.sandbox import Fault, Sandbox, ServerRules
from tests.support.raw_server import RawServer, http, http_json
from tests.support.sessions import ONCE, Connect, logins, session_at, session_with

pytest_plugins = ["tests.support.session_fixtures"]
pytestmark = [pytest.mark.anyio, pytest.mark.every_transport]


SHORT = {"token": None, "username": "demo", "password": "e"}


def by_password(url: str, **options: Any) -> Session:
    return session_with(url, token=None, username="demo", password="secret", **options)


async def read(session: Session) -> int:
    return (await session.request("GET", "blacklist")).status


async def read_many(session: Session, count: int) -> list[MediasflowError | int]:
    results: list[MediasflowError | int] = []

    async def one() -> None:
        try:
            results.append(await read(session))
        except MediasflowError as error:
            results.append(error)

    async with anyio.create_task_group() as tasks:
        for _ in range(count):
            tasks.start_soon(one)
    return results


@pytest.mark.every_backend
async def test_fifty_first_calls_make_one_login(sandbox: Sandbox, connect: Connect) -> None:
    async with connect() as session:
        assert await read_many(session, 50) == [200] * 50
    assert logins(sandbox) == 1


@pytest.mark.every_backend
async def test_fifty_calls_with_a_revoked_token_make_one_login(
    sandbox: Sandbox, connect: Connect
) -> None:
    async with connect() as session:
        await read(session)
        sandbox.revoke_tokens()
        assert await read_many(session, 50) == [200] * 50
    assert logins(sandbox) == 2


async def test_fifty_calls_with_an_expired_token_make_one_login(
    sandbox: Sandbox, connect: Connect
) -> None:
    async with connect() as session:
        await read(session)
        sandbox.clock.advance(timedelta(minutes=16))
        assert await read_many(session, 50) == [200] * 50
    assert logins(sandbox) == 2


async def test_six_tokens_that_are_refused_are_an_error_and_no_loop(
    sandbox: Sandbox, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "_FIRST_SPACE_SECONDS", 0.001)
    sandbox.faults.add(Fault(operation="blacklist", status=401, times=None))
    async with connect() as session:
        with pytest.raises(TokenLost, match="The password is right") as caught:
            await read(session)
    operations = [request.operation for request in sandbox.requests]
    assert operations == ["login", "blacklist"] * 6
    assert caught.value.attempts == 1
    assert "token_store" in str(caught.value)


async def test_a_send_that_is_refused_for_its_token_is_sent_once_with_a_new_one(
    sandbox: Sandbox, connect: Connect
) -> None:
    async with connect() as session:
        await read(session)
        sandbox.revoke_tokens()
        json_body = {"msg": "Hi", "listRecipient": [{"mobile": "0612345678"}], "startNow": True}
        await session.request("POST", "campaigns/inject", json=json_body)
    assert len(sandbox.messages) == 1


@pytest.mark.parametrize(
    "pasted",
    ["{}", "Bearer {}", "bearer {}", "  Bearer   {} \n", "BEARER {}", "\t{}\r\n"],
)
async def test_a_pasted_token_is_taken_with_or_without_bearer(pasted: str) -> None:
    with RawServer([http_json(data=[])]).running() as server:
        async with session_with(server.url, token=pasted.format("abc.DEF-123_~+/=")) as session:
            await read(session)
    assert server.requests[0].headers["authorization"] == "Bearer abc.DEF-123_~+/="


async def test_a_pasted_token_that_is_refused_is_an_error_at_once() -> None:
    with RawServer([http(401)]).running() as server:
        async with session_with(server.url) as session:
            with pytest.raises(AuthenticationFailed, match="get a new token"):
                await read(session)
    assert len(server.requests) == 1


async def test_a_pasted_token_beside_a_password_is_used_first(sandbox: Sandbox) -> None:
    async with session_at(sandbox, token="of-yesterday") as session:
        assert await read(session) == 200
    assert [request.operation for request in sandbox.requests] == [
        "blacklist",
        "login",
        "blacklist",
    ]


async def test_a_failed_login_is_shared_by_all_who_wait_for_it(
    sandbox: Sandbox, connect: Connect
) -> None:
    slowly = timedelta(seconds=0.1)
    sandbox.faults.add(Fault(operation="login", delay=slowly, status=401, times=None))
    async with connect() as session:
        errors = await read_many(session, 20)
    assert logins(sandbox) == 1
    assert {type(error) for error in errors} == {AuthenticationFailed}
    assert len({id(error) for error in errors}) == 20


async def test_a_login_that_fails_says_that_the_request_did_not_leave(
    sandbox: Sandbox, connect: Connect
) -> None:
    sandbox.faults.add(Fault(operation="login", status=500, times=None))
    async with connect() as session:
        with pytest.raises(MediasflowError) as caught:
            await session.request("POST", "campaigns/inject", json={})
    assert caught.value.sent is Sent.NOT_SENT
    assert caught.value.path == "users/login"
    assert caught.value.attempts == logins(sandbox) == 4


async def test_a_wrong_password_is_tried_once(sandbox: Sandbox, connect: Connect) -> None:
    async with connect(password="wrong") as session:
        with pytest.raises(AuthenticationFailed, match="Check the username and password"):
            await read(session)
    assert logins(sandbox) == 1


async def test_a_launch_whose_login_fails_names_its_campaign(connect: Connect) -> None:
    async with connect(password="wrong") as session:
        with pytest.raises(AuthenticationFailed, match="campaign 943") as caught:
            await session.campaigns.launch(943)
    assert caught.value.campaign_id == 943
    assert caught.value.sent is Sent.NOT_SENT


async def test_a_short_password_does_not_shred_what_the_transport_says() -> None:
    async with session_with("http://127.0.0.1:1", retry=ONCE, **SHORT) as session:
        with pytest.raises(MediasflowError) as caught:
            await read(session)
    # Each transport has its own words for it, and the password is a letter of them.
    said = ("All connection attempts failed", "Connect call failed ('127.0.0.1', 1)")
    assert any(words in caught.value.message for words in said)


async def test_a_login_at_the_wrong_path_names_the_path(sandbox: Sandbox, connect: Connect) -> None:
    async with connect(dialect=Dialect(login_path="auth")) as session:
        with pytest.raises(NotFound, match="auth"):
            await read(session)
    assert len(sandbox.requests) == 1


async def test_a_login_that_is_reset_is_retried_since_nothing_was_sent() -> None:
    with RawServer([http(503)]).running() as server:
        async with by_password(server.url) as session:
            with pytest.raises(MediasflowError):
                await session.request("POST", "campaigns/inject", json={})
    assert [request.target for request in server.requests] == ["/users/login"] * 4


@pytest.mark.parametrize("encoding", ["form", "json", "basic"])
@pytest.mark.parametrize("place", ["header", "json", "text"])
async def test_each_way_to_log_in_works_with_each_place_of_the_token(
    encoding: Any, place: Any
) -> None:
    fields = ("user", "secret")
    rules = ServerRules(
        login_encodings=frozenset({encoding}),
        token_place=place,
        login_fields=fields,
        login_path="auth/in",
    )
    dialect = Dialect(login_encoding=encoding, login_fields=fields, login_path="auth/in")
    with Sandbox(rules=rules, password="pässwörd & é").serve_in_thread() as sandbox:
        async with session_at(sandbox, dialect=dialect) as session:
            assert await read(session) == 200
        assert logins(sandbox) == 1


@pytest.mark.parametrize("key", ["token", "access_token", "jwt"])
async def test_a_token_is_found_under_the_usual_names(key: str) -> None:
    with RawServer([http_json(data={key: "Bearer one-token"}), http_json(data=[])]).running() as s:
        async with by_password(s.url) as session:
            await read(session)
    assert s.requests[1].headers["authorization"] == "Bearer one-token"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"7",
        b'{"token": ""}',
        b'{"token": 7}',
        b'{"token": "two words"}',
        b'{"token": "a\\r\\nb"}',
        '{"token": "t\u00e9"}'.encode(),
        b"<html><title>Welcome</title></html>",
        b"short",
        b"some words of welcome",
    ],
    ids=repr,
)
async def test_a_login_without_a_token_says_what_to_check(body: bytes) -> None:
    with RawServer([http(body=body)]).running() as server:
        async with by_password(server.url, retry=ONCE) as session:
            with pytest.raises(ResponseInvalid, match="login_path") as caught:
                await session.request("POST", "campaigns/inject", json={})
    assert caught.value.sent is Sent.NOT_SENT
    assert len(server.requests) == 1


async def test_no_server_to_log_in_at_is_a_failed_connection() -> None:
    async with by_password("http://127.0.0.1:9/", retry=ONCE) as session:
        with pytest.raises(ConnectionFailed) as caught:
            await read(session)
    assert caught.value.sent is Sent.NOT_SENT
