"""A guard decides at the last moment whether a request leaves."""

from __future__ import annotations

import httpx
import pytest

from mediasflow_async import CampaignRequest, DeliveryUnknown, Dialect, MediasflowError
from mediasflow_async.sandbox import Fault, Sandbox
from tests.support.raw_server import HANG, RawServer, http_json
from tests.support.sessions import ONCE, Connect, session_with

pytest_plugins = ["tests.support.session_fixtures"]
pytestmark = [pytest.mark.anyio, pytest.mark.every_transport]

ANSWER = {"id": 7, "status": "INJECTED"}


class Vetoed(Exception):
    """What the guards of these tests raise."""


def veto() -> None:
    raise Vetoed


@pytest.mark.every_backend
async def test_a_veto_reaches_the_caller_and_nothing_leaves() -> None:
    with RawServer([http_json(data=ANSWER)]).running() as server:
        async with session_with(server.url) as session:
            with pytest.raises(Vetoed):
                await session.campaigns.launch(7, guard=veto)
            assert server.requests == []
            assert (await session.campaigns.launch(7)).id == 7
        assert len(server.requests) == 1


@pytest.mark.every_backend
async def test_an_error_of_ours_as_a_veto_is_not_retried(
    sandbox: Sandbox, connect: Connect
) -> None:
    asked: list[None] = []

    def refuse() -> None:
        asked.append(None)
        raise MediasflowError("the lease is over")

    request = CampaignRequest(msg="Bonjour", recipients=["0612345678"])
    async with connect() as session:
        draft = await session.campaigns.prepare(request)
        with pytest.raises(MediasflowError, match="the lease is over"):
            await session.campaigns.launch(draft.id, guard=refuse)
    assert len(asked) == 1
    assert sandbox.campaigns[-1].launches == 0


@pytest.mark.every_backend
@pytest.mark.parametrize(
    "error",
    [TimeoutError("lock"), OSError("disk"), httpx.ConnectError("redis"), UnicodeError("name")],
    ids=repr,
)
async def test_a_veto_like_a_failure_of_the_network_is_a_veto_all_the_same(
    error: Exception,
) -> None:
    asked: list[None] = []

    def refuse_once() -> None:
        asked.append(None)
        if len(asked) == 1:
            raise error

    with RawServer([http_json(data=ANSWER)]).running() as server:
        async with session_with(server.url) as session:
            with pytest.raises(type(error)) as caught:
                await session.campaigns.launch(7, guard=refuse_once)
    assert caught.value is error
    assert len(asked) == 1
    assert server.requests == []


@pytest.mark.every_backend
@pytest.mark.parametrize("error", [OSError("no key"), httpx.ConnectError("vault")], ids=repr)
@pytest.mark.parametrize("is_logged_in", [True, False])
async def test_what_a_checksum_raises_is_the_callers(error: Exception, is_logged_in: bool) -> None:  # noqa: FBT001
    asked: list[httpx.Request] = []

    def sign(request: httpx.Request) -> dict[str, str]:
        asked.append(request)
        raise error

    dialect = Dialect(checksum=sign)
    who = {} if is_logged_in else {"token": None, "username": "me", "password": "secret"}
    with RawServer([http_json(data=ANSWER)]).running() as server:
        async with session_with(server.url, dialect=dialect, **who) as session:
            for times in (1, 2):
                with pytest.raises(type(error)) as caught:
                    await session.campaigns.launch(7)
                assert caught.value is error
                assert len(asked) == times
    assert server.requests == []


@pytest.mark.every_backend
async def test_every_attempt_is_guarded(sandbox: Sandbox, connect: Connect) -> None:
    asked: list[int] = []
    async with connect() as session:
        draft = await session.campaigns.prepare(
            CampaignRequest(msg="Bonjour", recipients=["0612345678"])
        )
        sandbox.faults.add(Fault(operation="launch", status=429, times=2))
        await session.campaigns.launch(draft.id, guard=lambda: asked.append(1))
    assert len(asked) == 3
    assert sandbox.campaigns[-1].launches == 1


async def test_a_guard_is_asked_when_the_connection_is_there_already(connect: Connect) -> None:
    async with connect() as session:
        draft = await session.campaigns.prepare(
            CampaignRequest(msg="Bonjour", recipients=["0612345678"])
        )
        with pytest.raises(Vetoed):
            await session.campaigns.launch(draft.id, guard=veto)
        assert (await session.campaigns.launch(draft.id, guard=int)).id == draft.id


async def test_a_request_that_the_guard_let_go_is_in_doubt() -> None:
    with RawServer([HANG]).running() as server:
        async with session_with(server.url, timeout=0.05, retry=ONCE) as session:
            with pytest.raises(DeliveryUnknown):
                await session.campaigns.launch(7, guard=int)


async def test_with_a_transport_that_reports_nothing_the_guard_is_asked_before_it() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=ANSWER)

    transport = httpx.MockTransport(answer)
    async with session_with("https://a.example/", transport=transport) as session:
        with pytest.raises(Vetoed):
            await session.campaigns.launch(7, guard=veto)
        assert seen == []
        await session.campaigns.launch(7, guard=int)
    assert len(seen) == 1
