"""A token that is dead, however the server says so, and sessions that end each other's."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from mediasflow_async import (
    ApiError,
    CampaignRequest,
    DeliveryUnknown,
    Dialect,
    MediasflowError,
    PermissionDenied,
    Recipient,
    RetryPolicy,
    Sent,
    Session,
    TokenLost,
)
from mediasflow_async._core import auth
from mediasflow_async._core.bearers import DeathSign, sign_of
from mediasflow_async.sandbox import DeliveryPlan, Sandbox, ServerRules
from tests.support.raw_server import RESET, Answer, RawRequest, RawServer, http, http_json
from tests.support.senders import memory_journal, quick_sender
from tests.support.sessions import ONCE, logins, session_at, session_with

pytestmark = pytest.mark.anyio

ONE = CampaignRequest(msg="Bonjour", recipients=[Recipient("0612345678")])
PAGE = b'<!DOCTYPE html><html><form><input type="password" name="p"></form></html>'
HTML = {"Content-Type": "text/html"}


def by_password(url: str, **options: Any) -> Session:
    return session_with(url, token=None, username="demo", password="secret", **options)


def server(refusal: bytes, good: str = "token-2", data: object = ()) -> RawServer:
    """A server whose logins give token-1, token-2 ..., of which one is good."""
    given = 0

    def answer(request: RawRequest) -> Answer:
        nonlocal given
        if request.target == "/users/login":
            given += 1
            return http_json(data={"token": f"token-{given}"})
        is_good = request.headers["authorization"] == f"Bearer {good}"
        return http_json(data=data) if is_good else refusal

    return RawServer(answer)


def targets(raw: RawServer) -> list[str]:
    return [request.target for request in raw.requests]


@pytest.mark.parametrize("status", [400, 401, 403, 419, 440, 500, 302, 200])
async def test_a_dead_token_costs_one_login_whatever_the_answer(status: int) -> None:
    rules = ServerRules(dead_token=status)
    with Sandbox(rules=rules).serve_in_thread() as sandbox:
        async with session_at(sandbox, retry=ONCE) as session:
            await session.campaigns.prepare(ONE)
            sandbox.revoke_tokens()
            assert await session.blacklist.entries() == []
            sandbox.revoke_tokens()
            await session.campaigns.prepare(ONE)
        assert logins(sandbox) == 3


async def test_a_dead_token_that_is_told_under_200_costs_one_login() -> None:
    with Sandbox(rules=ServerRules(error_style="ok")).serve_in_thread() as sandbox:
        async with session_at(sandbox, retry=ONCE) as session:
            await session.campaigns.prepare(ONE)
            sandbox.revoke_tokens()
            await session.campaigns.prepare(ONE)
        assert logins(sandbox) == 2


@pytest.mark.parametrize("status", [401, 403, 419, 440])
async def test_a_launch_is_repeated_after_a_refusal_that_executed_nothing(status: int) -> None:
    with Sandbox(rules=ServerRules(dead_token=status)).serve_in_thread() as sandbox:
        async with session_at(sandbox, retry=ONCE) as session:
            draft = await session.campaigns.prepare(ONE)
            sandbox.revoke_tokens()
            await session.campaigns.launch(draft.id or 0)
            sandbox.revoke_tokens()
            await session.campaigns.send(ONE)
        assert logins(sandbox) == 3
        assert len(sandbox.messages) == 2


@pytest.mark.parametrize("status", [500, 302, 200])
async def test_a_call_that_sends_is_not_repeated_after_any_other_answer(status: int) -> None:
    with Sandbox(rules=ServerRules(dead_token=status)).serve_in_thread() as sandbox:
        async with session_at(sandbox) as session:
            await session.campaigns.prepare(ONE)
            sandbox.revoke_tokens()
            before = len(sandbox.requests)
            with pytest.raises(MediasflowError):
                await session.campaigns.send(ONE)
            assert len(sandbox.requests) == before + 1
            # The dead token is given up all the same.
            await session.campaigns.send(ONE)
        assert len(sandbox.messages) == 1


@pytest.mark.parametrize("login", [http(401), http(503), RESET], ids=["refused", "failed", "lost"])
@pytest.mark.parametrize("status", [401, 403, 419, 440, 498])
async def test_a_launch_that_executed_nothing_and_cannot_log_in_is_in_no_doubt(
    status: int, login: Answer
) -> None:
    def answer(request: RawRequest) -> Answer:
        if request.target != "/users/login":
            return http(status, b"token expired")
        return first.pop() if first else login

    first = [http_json(data={"token": "token-1"})]
    with RawServer(answer).running() as raw:
        async with by_password(raw.url, retry=ONCE) as session:
            with pytest.raises(MediasflowError) as caught:
                await session.campaigns.launch(943)
    assert targets(raw) == ["/users/login", "/campaigns/inject", "/users/login"]
    assert not isinstance(caught.value, DeliveryUnknown)
    assert caught.value.sent is Sent.NOT_SENT
    assert "Do not resend" not in str(caught.value)


async def test_a_refusal_that_the_dialect_does_not_trust_repeats_no_launch() -> None:
    with server(http(401), data={"id": 7}).running() as raw:
        async with by_password(raw.url, dialect=Dialect(launch_refusals=())) as session:
            with pytest.raises(ApiError):
                await session.campaigns.launch(7)
    assert len(targets(raw)) == 2


async def test_a_403_without_a_word_costs_a_login_once_the_token_is_older(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(auth, "_FIRST_TRUST_SECONDS", 0.0)
    with server(http(403)).running() as raw:
        async with by_password(raw.url) as session:
            assert (await session.request("GET", "blacklist")).status == 200
    assert targets(raw) == ["/users/login", "/blacklist"] * 2


async def test_a_real_403_does_not_log_in_again_each_time() -> None:
    with server(http(403, b"token expired"), good="none").running() as raw:
        async with by_password(raw.url) as session:
            for _ in range(10):
                with pytest.raises(PermissionDenied):
                    await session.request("GET", "blacklist")
    assert targets(raw).count("/users/login") <= 6


async def test_a_real_400_of_a_new_token_costs_nothing() -> None:
    with server(http_json(400, {"message": "msg is mandatory"}), good="none").running() as raw:
        async with by_password(raw.url) as session:
            with pytest.raises(ApiError):
                await session.request("POST", "campaigns/inject", json={})
    assert targets(raw) == ["/users/login", "/campaigns/inject"]


@pytest.mark.parametrize("status", [400, 500])
async def test_refused_launches_do_not_log_in_again_each_time(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = 0.0
    clock = SimpleNamespace(monotonic=lambda: seconds, time=time.time)
    monkeypatch.setattr(auth, "time", clock)
    with server(http_json(status, {"message": "no credit"}), good="none").running() as raw:
        async with by_password(raw.url, retry=ONCE) as session:
            for _ in range(20):
                seconds += 1.1
                with pytest.raises(MediasflowError) as caught:
                    await session.campaigns.launch(943)
                assert "token_ttl" not in caught.value.next_step
    # A token is given up at an age of 1 s, 1 s, 2 s, 4 s ..., instead of each time.
    assert targets(raw).count("/users/login") == 5


async def test_a_streamed_report_behind_a_login_page_is_asked_for_again() -> None:
    with server(http(body=PAGE, headers=HTML), data=[]).running() as raw:
        async with by_password(raw.url) as session:
            assert await session.reports.campaign(7) == []
    assert targets(raw).count("/users/login") == 2


async def test_a_csv_that_calls_itself_html_is_read() -> None:
    csv = http(body=b"LINE;INT_MOBILE;STATUS_CODE\n1;33612345678;4\n", headers=HTML)
    with RawServer([csv]).running() as raw:
        async with session_with(raw.url) as session:
            rows = [row async for row in session.reports.campaign_csv(7)]
    assert [row.status_code for row in rows] == [4]


async def test_a_page_that_another_token_does_not_change_is_an_error() -> None:
    with server(http(body=PAGE, headers=HTML), good="none").running() as raw:
        async with by_password(raw.url, retry=ONCE) as session:
            with pytest.raises(MediasflowError):
                await session.reports.campaign(7)
    assert targets(raw).count("/users/login") <= 6


@pytest.mark.parametrize(
    ("status", "headers", "body", "sign"),
    [
        (200, [], b'{"id": 1}', None),
        (200, [], b"LINE;STATUS_CODE\n1;4", None),
        (200, [(b"Content-Type", b"text/html")], b'{"id": 1}', None),
        (200, [(b"content-type", b"text/html")], PAGE, DeathSign.TOLD),
        (200, [], b"\xef\xbb\xbf  <HTML>Welcome", DeathSign.POSSIBLE),
        (401, [], b"", DeathSign.REFUSED),
        (403, [], b"", DeathSign.POSSIBLE),
        (403, [], b'{"message": "Votre session a expir\xc3\xa9, jeton invalide"}', DeathSign.TOLD),
        (403, [], b'{"message": "Expired JWT"}', DeathSign.TOLD),
        (400, [], b'{"message": "msg is mandatory"}', DeathSign.POSSIBLE),
        (419, [], b"", DeathSign.TOLD),
        (302, [(b"Location", b"/app/login?next=1")], b"", DeathSign.TOLD),
        (302, [(b"Location", b"/elsewhere")], b"", DeathSign.POSSIBLE),
        (500, [], b"NullPointerException", DeathSign.POSSIBLE),
        (200, [], b'{"success": false, "message": "token expired"}', DeathSign.TOLD),
        (200, [], b'{"success": false, "message": "no credit"}', None),
        (404, [], b"", None),
        (409, [], b"token expired", None),
        (503, [], b"token expired", None),
    ],
)
def test_what_an_answer_says_of_its_token(
    status: int, headers: list[tuple[bytes, bytes]], body: bytes, sign: DeathSign | None
) -> None:
    assert sign_of(status, headers, body) is sign


@pytest.mark.parametrize("sessions", [2, 4])
@pytest.mark.parametrize("status", [401, 403])
async def test_sessions_of_one_account_take_turns_with_its_only_token(
    sessions: int, status: int
) -> None:
    calls = 400
    rules = ServerRules(one_token=True, dead_token=status, token_format="opaque")
    errors: list[MediasflowError] = []

    async def send(session: Session) -> None:
        for _ in range(calls // sessions // 10):
            try:
                await session.campaigns.send(ONE)
            except MediasflowError as error:
                errors.append(error)

    with Sandbox(rules=rules, delivery=DeliveryPlan.instant()).serve_in_thread() as sandbox:
        async with AsyncExitStack() as stack, anyio.create_task_group() as tasks:
            for _ in range(sessions):
                session = session_at(sandbox, retry=RetryPolicy())
                await stack.enter_async_context(session)
                for _ in range(10):
                    tasks.start_soon(send, session)
        assert errors == []
        assert len(sandbox.messages) == calls
        assert logins(sandbox) < calls / 10


async def test_a_deadline_that_passes_while_a_login_waits_says_what_happened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(auth, "_FIRST_SPACE_SECONDS", 60.0)
    monkeypatch.setattr(auth, "_LONGEST_SPACE_SECONDS", 60.0)
    with server(http(401), good="none").running() as raw:
        async with by_password(raw.url) as session:
            with pytest.raises(MediasflowError, match="The password is right") as caught:
                await session.request("POST", "campaigns/inject", json={}, deadline=0.3)
    assert caught.value.sent is not Sent.UNKNOWN
    assert not isinstance(caught.value, DeliveryUnknown)


@pytest.fixture
def unspaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "_FIRST_SPACE_SECONDS", 0.001)
    monkeypatch.setattr(auth, "_LONGEST_SPACE_SECONDS", 0.001)


MOST = 12


@pytest.mark.usefixtures("unspaced")
@pytest.mark.parametrize("at_once", [1, 10])
async def test_a_server_that_accepts_no_token_is_soon_left_alone(at_once: int) -> None:
    async def send(session: Session, count: int) -> None:
        for _ in range(count):
            with pytest.raises(TokenLost):
                await session.campaigns.send(ONE)

    with server(http(401), good="none").running() as raw:
        async with by_password(raw.url) as session:
            async with anyio.create_task_group() as tasks:
                for _ in range(at_once):
                    tasks.start_soon(send, session, 3)
            asked = targets(raw)
            assert asked.count("/users/login") == MOST
            await send(session, 100)
            with pytest.raises(TokenLost) as caught:
                await session.campaigns.send(ONE)
            assert targets(raw) == asked
            await send(session.with_options(deadline=5), 1)
            assert targets(raw) == asked
            await send(session.with_options(dialect=Dialect()), 1)
            assert targets(raw).count("/users/login") == MOST + 6
    last = caught.value
    assert not last.login_refused
    assert last.sent is Sent.NOT_SENT
    assert f"refused each of {MOST} tokens" in str(last)
    assert "The password is right" in str(last)
    assert "not tried again before" in str(last)


@pytest.mark.usefixtures("unspaced")
async def test_a_server_that_accepted_no_token_is_tried_again_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(auth, "_FIRST_QUIET", timedelta(seconds=0.1))
    with server(http(401), good=f"token-{MOST + 2}").running() as raw:
        async with by_password(raw.url) as session:
            for _ in range(5):
                with pytest.raises(TokenLost):
                    await session.request("GET", "blacklist")
            assert targets(raw).count("/users/login") == MOST
            await anyio.sleep(0.11)
            with pytest.raises(TokenLost):
                await session.request("GET", "blacklist")
            assert targets(raw).count("/users/login") == MOST + 1
            await anyio.sleep(0.11)
            for _ in range(3):
                assert (await session.request("GET", "blacklist")).status == 200
            assert targets(raw).count("/users/login") == MOST + 2


@pytest.mark.usefixtures("unspaced")
async def test_the_last_token_that_a_call_lost_is_not_used_again() -> None:
    with server(http(401), good="token-7").running() as raw:
        async with by_password(raw.url) as session:
            with pytest.raises(TokenLost):
                await session.request("GET", "blacklist")
            assert targets(raw) == ["/users/login", "/blacklist"] * 6
            assert (await session.request("GET", "blacklist")).status == 200
    assert targets(raw) == ["/users/login", "/blacklist"] * 7


@pytest.mark.usefixtures("unspaced")
async def test_tokens_that_are_lost_now_and_then_never_add_up() -> None:
    with Sandbox(rules=ServerRules(token_format="opaque")).serve_in_thread() as sandbox:
        async with session_at(sandbox) as session:
            for _ in range(3 * MOST):
                sandbox.revoke_tokens()
                assert await session.blacklist.entries() == []


@pytest.mark.usefixtures("unspaced")
async def test_a_slow_refusal_of_every_token_spaces_the_logins_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(auth, "_YOUNG_SECONDS", 1e-9)
    monkeypatch.setattr(auth, "_FIRST_SPACE_SECONDS", 60.0)
    monkeypatch.setattr(auth, "_LONGEST_SPACE_SECONDS", 60.0)
    with server(http(401), good="none").running() as raw:
        async with by_password(raw.url) as session:
            with pytest.raises(MediasflowError):
                await session.request("GET", "blacklist", deadline=0.5)
    assert targets(raw).count("/users/login") <= 3


Answering = Callable[[RawRequest], Answer]


def refusing(status: int, body: bytes = b"") -> RawServer:
    return RawServer([http(status, body)])


@pytest.mark.parametrize(
    ("status", "body"), [(401, b""), (403, b""), (404, b""), (200, b'{"success": false}')]
)
async def test_a_refused_login_is_not_repeated_for_each_call(status: int, body: bytes) -> None:
    with refusing(status, body).running() as raw:
        async with by_password(raw.url) as session:
            for _ in range(300):
                with pytest.raises(MediasflowError, match="not tried again before") as caught:
                    await session.campaigns.send(ONE)
                assert caught.value.sent is Sent.NOT_SENT
    assert len(raw.requests) == 1


async def test_other_options_do_not_repeat_a_refused_login() -> None:
    with refusing(401).running() as raw:
        async with by_password(raw.url) as session:
            for number in range(5):
                for derived in (session.with_options(deadline=5 + number), session):
                    with pytest.raises(MediasflowError, match="not tried again before"):
                        await derived.request("GET", "blacklist")
                async with quick_sender(session, memory_journal()) as sender:
                    with pytest.raises(MediasflowError, match="not tried again before"):
                        await sender.send("order-1", ONE)
    assert len(raw.requests) == 1


async def test_a_refused_login_is_tried_again_later_and_with_another_dialect(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(auth, "_FIRST_QUIET", timedelta(seconds=0.05))
    with refusing(401).running() as raw:
        async with by_password(raw.url) as session:
            counts = []
            for wait in (0, 0, 0.06, 0.06, 0.06):
                await anyio.sleep(wait)
                with pytest.raises(MediasflowError):
                    await session.request("GET", "blacklist")
                counts.append(len(raw.requests))
            # The second silence is twice as long as the first.
            assert counts == [1, 1, 2, 2, 3]
            with pytest.raises(MediasflowError):
                await session.with_options(dialect=Dialect()).request("GET", "blacklist")
        assert len(raw.requests) == 4


async def test_a_login_that_fails_is_no_refused_one() -> None:
    with refusing(503).running() as raw:
        async with by_password(raw.url, retry=ONCE) as session:
            for _ in range(3):
                with pytest.raises(MediasflowError):
                    await session.request("GET", "blacklist")
    assert len(raw.requests) == 3


@pytest.mark.parametrize(
    "refusal", [http(302, headers={"Location": "/login"}), http(200, PAGE, HTML)]
)
async def test_a_token_that_ends_under_a_launch_names_what_renews_it_before(
    refusal: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "_YOUNG_SECONDS", 0.0)

    def answer(request: RawRequest) -> Answer:
        if request.target == "/users/login":
            return http_json(data={"token": "token-1"})
        return http_json(data=[]) if request.method == "GET" else refusal

    with RawServer(answer).running() as raw:
        async with by_password(raw.url, retry=ONCE) as session:
            await session.blacklist.entries()
            with pytest.raises(MediasflowError) as caught:
                await session.campaigns.launch(943)
    assert targets(raw) == ["/users/login", "/blacklist", "/campaigns/inject"]
    assert "Dialect(token_ttl=timedelta(seconds=1))" in caught.value.next_step
