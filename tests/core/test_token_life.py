"""How long a bearer is used: until shortly before its end, or until it is refused."""

from __future__ import annotations

import base64
import json
import time
from datetime import timedelta
from typing import Any

import pytest

from mediasflow_async import Dialect, Session
from mediasflow_async._core.bearers import expiry_of
from tests.support.raw_server import Answer, RawRequest, RawServer, http, http_json
from tests.support.sessions import session_with

pytestmark = [pytest.mark.anyio, pytest.mark.every_transport]


def jwt(**claims: object) -> str:
    parts = ({"alg": "HS256"}, claims)
    texts = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    return ".".join((*(text.decode() for text in texts), "c2ln"))


def login_server(*bearers: str) -> RawServer:
    """A server that gives these bearers in turn, and answers everything else with an array."""
    left = list(bearers)

    def answer(request: RawRequest) -> Answer:
        if request.target == "/users/login":
            return http(headers={"Authorization": f"Bearer {left.pop(0)}"})
        return http_json(data=[])

    return RawServer(answer)


def by_password(url: str, **options: Any) -> Session:
    return session_with(url, token=None, username="demo", password="secret", **options)


async def read(session: Session) -> int:
    return (await session.request("GET", "blacklist")).status


async def test_a_jwt_is_renewed_a_minute_before_it_ends() -> None:
    now = time.time()
    bearers = [jwt(exp=now + 3600), "unused"]
    with login_server(*bearers).running() as server:
        async with by_password(server.url) as session:
            assert [await read(session) for _ in range(3)] == [200] * 3
            assert [request.target for request in server.requests].count("/users/login") == 1


async def test_a_jwt_that_is_nearly_over_is_renewed_before_it_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = time.time()
    with login_server(jwt(exp=now + 3600), jwt(exp=now + 7200)).running() as server:
        async with by_password(server.url) as session:
            await read(session)
            monkeypatch.setattr(time, "time", lambda: now + 3600 - 59)
            await read(session)
    targets = [request.target for request in server.requests]
    assert targets == ["/users/login", "/blacklist"] * 2


async def test_an_opaque_token_is_renewed_after_the_life_that_the_dialect_gives_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = time.time()
    dialect = Dialect(token_ttl=timedelta(minutes=30))
    with login_server("opaque-one", "opaque-two").running() as server:
        async with by_password(server.url, dialect=dialect) as session:
            for later in (0, 28 * 60, 29 * 60 + 1):
                monkeypatch.setattr(time, "time", lambda seconds=later: now + seconds)
                await read(session)
    sent = [request.headers.get("authorization") for request in server.requests]
    assert sent == [None, "Bearer opaque-one", "Bearer opaque-one", None, "Bearer opaque-two"]


async def test_an_opaque_token_of_unknown_life_is_kept_until_it_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = time.time()
    with login_server("opaque-one").running() as server:
        async with by_password(server.url) as session:
            await read(session)
            monkeypatch.setattr(time, "time", lambda: now + 10**8)
            assert await read(session) == 200


async def test_a_token_that_is_over_by_this_machines_clock_alone_is_used() -> None:
    with login_server(jwt(exp=time.time() - 3600)).running() as server:
        async with by_password(server.url) as session:
            assert [await read(session) for _ in range(3)] == [200] * 3


@pytest.mark.parametrize(
    ("token", "expiry"),
    [
        (jwt(exp=1_700_000_000), 1_700_000_000.0),
        (jwt(exp=1.5), 1.5),
        (jwt(exp="tomorrow"), None),
        (jwt(), None),
        ("opaque", None),
        ("a.b.c", None),
        ("a.W10.c", None),
        ("a.\N{SNOWMAN}.c", None),
    ],
)
def test_only_a_jwt_says_when_it_ends(token: str, expiry: float | None) -> None:
    assert expiry_of(token) == expiry
