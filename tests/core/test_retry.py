"""What is tried again: by operation class and by what is known of the failed attempt."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any, Final

import anyio
import pytest
from attrs import frozen
from attrs.exceptions import FrozenInstanceError

from mediasflow_async import (
    BadRequest,
    ConnectionFailed,
    DeliveryUnknown,
    MediasflowError,
    OperationKind,
    RateLimited,
    RequestTimeout,
    RetryPolicy,
    RetryRecord,
    Sent,
    ServerError,
    Session,
    no_retries,
)
from tests.support.raw_server import (
    HANG,
    RESET,
    Answer,
    RawRequest,
    RawServer,
    http,
    http_json,
    unused_port,
)
from tests.support.sessions import QUICKLY, session_with

pytestmark = [pytest.mark.anyio, pytest.mark.every_transport]

ATTEMPTS: Final = QUICKLY.attempts
REPEATABLE: Final = (OperationKind.READ, OperationKind.SET, OperationKind.PREPARE)
SENDING: Final = (OperationKind.LAUNCH, OperationKind.ONE_SHOT)


@frozen
class Ending:
    """How a call must end, and after how many attempts."""

    error: type[MediasflowError]
    sent: Sent
    attempts: int


async def inject(session: Session, kind: OperationKind, path: str = "campaigns/inject") -> Any:
    return await session.request("POST", path, kind=kind, json={"msg": "Hi"}, campaign_id=None)


async def failure(session: Session, kind: OperationKind) -> MediasflowError:
    with pytest.raises(MediasflowError) as caught:
        await inject(session, kind)
    return caught.value


def check(error: MediasflowError, ending: Ending) -> None:
    assert type(error) is ending.error
    assert (error.sent, error.attempts) == (ending.sent, ending.attempts)


ALWAYS: Final[dict[str, tuple[Answer, Ending]]] = {
    "429": (http(429), Ending(RateLimited, Sent.ANSWERED, ATTEMPTS)),
    "429 for 0 s": (http_json(429, retry_after="0"), Ending(RateLimited, Sent.ANSWERED, ATTEMPTS)),
    "429 above the cap": (
        http_json(429, Retry_After="61"),
        Ending(RateLimited, Sent.ANSWERED, 1),
    ),
    "400": (http_json(400, {"message": "no"}), Ending(BadRequest, Sent.ANSWERED, 1)),
}
IF_REPEATABLE: Final[dict[str, tuple[Answer, Ending]]] = {
    "500": (http(500), Ending(ServerError, Sent.ANSWERED, ATTEMPTS)),
    "503": (http_json(503, Retry_After="0"), Ending(ServerError, Sent.ANSWERED, ATTEMPTS)),
    "503 above the cap": (
        http_json(503, Retry_After="3600"),
        Ending(ServerError, Sent.ANSWERED, 1),
    ),
    "408": (http(408), Ending(ServerError, Sent.ANSWERED, ATTEMPTS)),
    "reset": (RESET, Ending(ConnectionFailed, Sent.UNKNOWN, ATTEMPTS)),
    "dropped": (b"", Ending(ConnectionFailed, Sent.UNKNOWN, ATTEMPTS)),
    "truncated": (
        http(body=b"{", length=99),
        Ending(ConnectionFailed, Sent.UNKNOWN, ATTEMPTS),
    ),
    "nonsense": (b"what?\r\n\r\n", Ending(ConnectionFailed, Sent.UNKNOWN, ATTEMPTS)),
    "hanging": (HANG, Ending(RequestTimeout, Sent.UNKNOWN, ATTEMPTS)),
}


@contextmanager
def answering(answer: Answer) -> Generator[RawServer, None, None]:
    with RawServer([answer]).running() as server:
        yield server


def patience(answer: Answer) -> float:
    """Only what never comes may be waited for in vain, however busy the machine is."""
    return 0.05 if answer is HANG else 10


@pytest.mark.parametrize("kind", OperationKind)
@pytest.mark.parametrize("fault", ALWAYS)
async def test_a_refusal_that_executed_nothing_is_treated_alike(
    kind: OperationKind, fault: str
) -> None:
    answer, ending = ALWAYS[fault]
    with answering(answer) as server:
        async with session_with(server.url) as session:
            check(await failure(session, kind), ending)
        assert len(server.requests) == ending.attempts


@pytest.mark.parametrize("kind", REPEATABLE)
@pytest.mark.parametrize("fault", IF_REPEATABLE)
async def test_what_is_harmless_to_repeat_is_repeated(kind: OperationKind, fault: str) -> None:
    answer, ending = IF_REPEATABLE[fault]
    with answering(answer) as server:
        async with session_with(server.url, timeout=patience(answer)) as session:
            check(await failure(session, kind), ending)
        assert len(server.requests) == ending.attempts


@pytest.mark.parametrize("kind", SENDING)
@pytest.mark.parametrize("fault", IF_REPEATABLE)
async def test_what_may_have_sent_is_never_repeated_in_doubt(
    kind: OperationKind, fault: str
) -> None:
    answer, _ = IF_REPEATABLE[fault]
    with answering(answer) as server:
        async with session_with(server.url, timeout=patience(answer)) as session:
            error = await failure(session, kind)
            check(error, Ending(DeliveryUnknown, Sent.UNKNOWN, 1))
        assert len(server.requests) == 1
    assert "Do not resend blindly" in str(error)


@pytest.mark.parametrize("kind", OperationKind)
async def test_a_refused_connection_is_tried_again_since_nothing_left(kind: OperationKind) -> None:
    with unused_port() as port:
        async with session_with(f"http://127.0.0.1:{port}/") as session:
            error = await failure(session, kind)
    check(error, Ending(ConnectionFailed, Sent.NOT_SENT, ATTEMPTS))
    assert "Nothing left this machine" in str(error)


@pytest.mark.parametrize("kind", OperationKind)
async def test_a_call_succeeds_when_a_later_attempt_does(kind: OperationKind) -> None:
    with RawServer([http(429), http(429), http_json(data={})]).running() as server:
        async with session_with(server.url) as session:
            assert (await inject(session, kind)).attempts == 3


async def test_an_error_tells_of_every_attempt_and_not_of_the_last_alone() -> None:
    """The first attempt may have made a draft, though nothing of the last one left."""
    server = RawServer([b""])
    with server.running():
        hooks = [lambda _: server.refuse()]
        policy = RetryPolicy(attempts=2, base_wait=timedelta(0), on_retry=hooks)
        async with session_with(server.url, retry=policy) as session:
            error = await failure(session, OperationKind.PREPARE)
    check(error, Ending(ConnectionFailed, Sent.UNKNOWN, 2))


async def test_a_login_that_failed_first_casts_no_doubt_on_the_call_itself() -> None:
    def answer(_: RawRequest) -> Answer:
        if len(server.requests) == 1:
            return http(500)
        server.refuse()
        return http_json(data={"token": "good-enough"})

    server = RawServer(answer)
    with server.running():
        credentials = {"token": None, "username": "demo", "password": "x"}
        async with session_with(server.url, **credentials) as session:
            error = await failure(session, OperationKind.ONE_SHOT)
    assert [request.target for request in server.requests] == ["/users/login"] * 2
    check(error, Ending(ConnectionFailed, Sent.NOT_SENT, ATTEMPTS))


async def test_a_launch_that_was_refused_for_its_rate_and_runs_out_of_time_is_in_no_doubt() -> None:
    with answering(http_json(429, Retry_After="30")) as server:
        async with session_with(server.url, deadline=0.2) as session:
            error = await failure(session, OperationKind.LAUNCH)
    assert not isinstance(error, DeliveryUnknown)
    assert "may have executed" not in str(error)


async def test_a_wait_that_the_deadline_does_not_leave_time_for_is_not_begun() -> None:
    with answering(http_json(429, Retry_After="30")) as server:
        async with session_with(server.url, deadline=10) as session:
            with anyio.fail_after(2):
                error = await failure(session, OperationKind.READ)
    assert isinstance(error, RateLimited)
    assert error.retry_after == timedelta(seconds=30)


async def test_fifty_failing_calls_make_exactly_their_attempts_each() -> None:
    with answering(http(500)) as server:
        async with (
            session_with(
                server.url, retry=RetryPolicy(attempts=3, base_wait=timedelta(0))
            ) as session,
            anyio.create_task_group() as tasks,
        ):

            async def fail(path: str) -> None:
                with pytest.raises(ServerError) as caught:
                    await session.request("GET", path)
                assert caught.value.attempts == 3

            for number in range(50):
                tasks.start_soon(fail, f"reports/{number}")
    targets = [request.target for request in server.requests]
    assert {targets.count(f"/reports/{number}") for number in range(50)} == {3}
    assert len(targets) == 150


async def test_the_deadline_is_over_all_attempts() -> None:
    with answering(HANG) as server:
        async with session_with(server.url, timeout=0.2, deadline=0.5) as session:
            error = await failure(session, OperationKind.READ)
    assert type(error) is RequestTimeout
    assert error.sent is Sent.UNKNOWN
    # As many as a busy machine had the time for, and never all.
    assert error.attempts < ATTEMPTS
    assert "deadline" in str(error)


async def test_hooks_get_frozen_records_before_each_wait() -> None:
    records: list[RetryRecord] = []
    policy = RetryPolicy(attempts=3, base_wait=timedelta(0), on_retry=[records.append])
    with answering(http(503)) as server:
        async with session_with(server.url, retry=policy) as session:
            with pytest.raises(ServerError):
                await session.request(
                    "PUT", "campaigns/{campaign_id}/sender", campaign_id=943, kind=OperationKind.SET
                )
    assert [record.attempt for record in records] == [1, 2]
    first = records[0]
    assert (first.status, first.error, first.sent) == (503, ServerError, Sent.ANSWERED)
    assert first.operation.path == "campaigns/{campaign_id}/sender"
    assert first.campaign_id == 943
    with pytest.raises(FrozenInstanceError):
        first.attempt = 7  # type: ignore[misc]


async def test_a_hook_that_fails_fails_the_call() -> None:
    def hook(_: RetryRecord) -> None:
        raise LookupError("mine")

    with answering(http(503)) as server:
        async with session_with(server.url, retry=RetryPolicy(on_retry=[hook])) as session:
            with pytest.raises(LookupError, match="mine"):
                await inject(session, OperationKind.READ)
    assert len(server.requests) == 1


async def test_retries_can_be_turned_off_for_a_test() -> None:
    with answering(http(503)) as server:
        async with session_with(server.url) as session:
            with no_retries(), no_retries():
                pass
            with no_retries():
                check(
                    await failure(session, OperationKind.READ),
                    Ending(ServerError, Sent.ANSWERED, 1),
                )
            assert (await failure(session, OperationKind.READ)).attempts == ATTEMPTS


@pytest.mark.parametrize(
    ("attempt", "longest"), [(1, 0.5), (2, 1), (3, 2), (6, 16), (7, 20), (10_000, 20)]
)
def test_waits_double_up_to_the_longest_one(attempt: int, longest: float) -> None:
    policy = RetryPolicy()
    for part in (0.0, 0.5, 1.0):
        wait = policy.wait_after(ConnectionFailed(), attempt, partial(float, part))
        assert wait == timedelta(seconds=longest * part)
    assert (
        timedelta(0) <= policy.wait_after(ConnectionFailed(), attempt) < timedelta(seconds=longest)
    )


def test_the_jitter_is_added_to_what_the_server_asks_for() -> None:
    error = RateLimited(status=429)
    error.retry_after = timedelta(seconds=7)
    policy = RetryPolicy(base_wait=timedelta(seconds=2))
    assert policy.wait_after(error, 1, lambda: 0.5) == timedelta(seconds=8)
