"""How to log in, and for how long.

The server and the session are switched together, and apart.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import pytest

from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import ApiError, AuthenticationFailed, ResponseInvalid
from mediasflow_async.models import CampaignRequest, Recipient
from mediasflow_async.sandbox import Fault, Sandbox, ServerRules
from mediasflow_async.session import Session

pytestmark = pytest.mark.anyio

ONE = CampaignRequest(
    msg="Bonjour ${REF}", recipients=[Recipient("0612345678", fields={"REF": "x"})]
)
Connect = Callable[..., AbstractAsyncContextManager[tuple[Sandbox, Session]]]
Sent = Callable[[Sandbox, str], list[tuple[str, str, int | None]]]


# 3. The login.


@pytest.mark.parametrize("encoding", ["form", "json", "basic"])
@pytest.mark.parametrize("place", ["header", "json", "text"])
async def test_every_login_works_where_both_agree(
    connect: Connect, encoding: Any, place: Any
) -> None:
    rules = ServerRules(
        login_path="auth/token",
        login_fields=("username", "pass"),
        login_encodings=frozenset({encoding}),
        token_place=place,
    )
    dialect = Dialect(
        login_path="auth/token", login_fields=("username", "pass"), login_encoding=encoding
    )
    async with connect(rules, dialect) as (sandbox, session):
        await session.campaigns.prepare(ONE)
        assert [r.path for r in sandbox.requests] == ["auth/token", "campaigns/inject"]


async def test_a_leading_slash_of_a_path_does_not_matter(connect: Connect) -> None:
    dialect = Dialect(login_path="/users/login", blacklist_path="/blacklist")
    async with connect(dialect=dialect) as (_, session):
        assert await session.blacklist.entries() == []


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        (Dialect(login_path="login"), 404),
        (Dialect(login_encoding="json"), 415),
        (Dialect(login_encoding="basic"), 415),
        (Dialect(login_fields=("user", "password")), 400),
    ],
)
async def test_a_wrong_login_is_told_and_no_other_is_tried_with_the_password(
    connect: Connect, wrong: Dialect, status: int
) -> None:
    async with connect(dialect=wrong) as (sandbox, session):
        with pytest.raises(ApiError) as caught:
            await session.campaigns.prepare(ONE)
        assert caught.value.status == status
        assert caught.value.path == wrong.login_path
        assert len(sandbox.requests) == 1
        assert sandbox.password not in str(caught.value)


async def test_a_login_without_a_token_asks_whether_the_path_is_right(connect: Connect) -> None:
    async with connect() as (sandbox, session):
        sandbox.faults.add(Fault(operation="login", status=200, body="{}"))
        with pytest.raises(ResponseInvalid, match="login_path"):
            await session.campaigns.prepare(ONE)


@pytest.mark.parametrize("word", ["Bearer ", "bearer ", ""])
async def test_a_pasted_token_needs_no_login(connect: Connect, sent: Sent, word: str) -> None:
    async with connect(ServerRules(token_place="text")) as (sandbox, session):
        form = {"login": sandbox.username, "password": sandbox.password}
        token = (await session.request("POST", "users/login", form=form)).data
        logins = len(sent(sandbox, "users/login"))
        pasted = word + token.removeprefix("Bearer ")
        async with Session(token=pasted, base_url=sandbox.base_url) as other:
            await other.campaigns.prepare(ONE)
        assert len(sent(sandbox, "users/login")) == logins


async def test_a_pasted_token_that_is_over_is_refused_clearly(connect: Connect) -> None:
    async with (
        connect() as (sandbox, _),
        Session(token="Bearer abcdefgh", base_url=sandbox.base_url) as session,
    ):
        with pytest.raises(AuthenticationFailed, match="get a new token"):
            await session.campaigns.prepare(ONE)


# 4. The life of a token.


@pytest.mark.parametrize("form", ["jwt", "opaque"])
async def test_a_token_that_is_over_is_renewed_once(
    connect: Connect, sent: Sent, form: Any
) -> None:
    async with connect(ServerRules(token_format=form)) as (sandbox, session):
        await session.campaigns.prepare(ONE)
        sandbox.clock.advance(timedelta(minutes=16))
        await session.campaigns.prepare(ONE)
        assert len(sent(sandbox, "users/login")) == 2
        assert [status for _, _, status in sent(sandbox, "campaigns/inject")] == [200, 401, 200]


async def test_a_token_of_known_life_is_renewed_before_it_is_over(
    connect: Connect, sent: Sent
) -> None:
    rules = ServerRules(token_format="opaque")
    async with connect(rules, Dialect(token_ttl=timedelta(microseconds=1))) as (sandbox, session):
        for _ in range(3):
            await session.campaigns.prepare(ONE)
        assert len(sent(sandbox, "users/login")) == 3
        assert {status for _, _, status in sent(sandbox, "campaigns/inject")} == {200}


async def test_a_token_that_tells_its_end_needs_no_ttl(connect: Connect, sent: Sent) -> None:
    rules = ServerRules(token_life=timedelta(seconds=1), token_format="jwt")
    async with connect(rules, Dialect(token_ttl=timedelta(microseconds=1))) as (sandbox, session):
        await session.campaigns.prepare(ONE)
        await session.campaigns.prepare(ONE)
        # Half of its second has hardly passed: what the token says counts, not the dialect.
        assert len(sent(sandbox, "users/login")) <= 2
        assert {status for _, _, status in sent(sandbox, "campaigns/inject")} == {200}
