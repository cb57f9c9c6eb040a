"""A call that failed leaves nothing behind: its error goes with the last name that holds it."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import anyio
import pytest

from mediasflow_async import (
    BadRequest,
    Campaign,
    ConnectionFailed,
    DeliveryUnknown,
    InvalidRequest,
    MediasflowError,
    OperationKind,
    RequestTimeout,
    ResponseInvalid,
    RetryPolicy,
    ServerError,
    Session,
)
from mediasflow_async._core.calls import Operation
from tests.support.garbage import collected_by_hand
from tests.support.raw_server import HANG, RESET, Answer, RawServer, http, http_json
from tests.support.sessions import ONCE, session_with

pytestmark = [
    pytest.mark.anyio,
    # On trio, generators within httpx and httpcore that are left early say so.
    pytest.mark.filterwarnings("ignore:.*Async generator:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:.*async_generator:pytest.PytestUnraisableExceptionWarning"),
]

TWICE = RetryPolicy(attempts=2, base_wait=timedelta(0), quota=None)


async def send(session: Session) -> object:
    return await session.request("POST", "campaigns/inject", json={})


async def read(session: Session) -> object:
    return await session.request("GET", "blacklist")


async def read_model(session: Session) -> object:
    return (await session.request("GET", "blacklist")).read(Campaign)


async def entries(session: Session) -> object:
    return await session.blacklist.entries()


async def stream(session: Session) -> object:
    async with session.stream(Operation(OperationKind.READ, "GET", "x")) as pieces:
        return [piece async for piece in pieces.aiter_bytes()]


async def read_late(session: Session) -> object:
    return await session.request("GET", "blacklist", deadline=0.05)


async def wrong(session: Session) -> object:
    return await session.request("GET", "../admin")


Case = tuple[Callable[[Session], Awaitable[object]], Answer, type[MediasflowError]]
CASES: dict[str, Case] = {
    "refused": (send, http_json(400, {"message": "no"}), BadRequest),
    "retried": (read, http(500), ServerError),
    "reset": (read, RESET, ConnectionFailed),
    "in doubt": (send, RESET, DeliveryUnknown),
    "too late": (read_late, HANG, RequestTimeout),
    "no model": (read_model, http_json(data=[]), ResponseInvalid),
    "no list": (entries, http_json(data=7), ResponseInvalid),
    "damaged": (read, http(body=b"?" * 20, headers={"Content-Encoding": "gzip"}), ResponseInvalid),
    "broken stream": (stream, http(body=b"abc", length=9), ConnectionFailed),
    "refused stream": (stream, http(500), ServerError),
    "wrong": (wrong, http(), InvalidRequest),
}


@pytest.mark.parametrize("case", CASES)
async def test_a_failed_call_leaves_no_cycle(case: str) -> None:
    call, answer, kind = CASES[case]
    with RawServer([answer]).running() as server:
        async with session_with(server.url, retry=TWICE) as session:
            await fail(call, session, kind)
            with collected_by_hand() as found:
                errors = [await fail(call, session, kind) for _ in range(3)]
                assert [error() for error in errors] == [None] * 3
    assert Counter(found) == {}


@pytest.mark.every_backend
async def test_no_event_loop_keeps_a_failed_call() -> None:
    with RawServer([http(500)]).running() as server:
        async with session_with(server.url, retry=TWICE) as session:
            await fail(read, session, ServerError)
            with collected_by_hand() as found:
                assert (await fail(read, session, ServerError))() is None
    assert Counter(found) == {}


async def fail(
    call: Callable[[Session], Awaitable[object]], session: Session, kind: type[MediasflowError]
) -> weakref.ref[Any]:
    try:
        await call(session)
    except kind as error:
        return weakref.ref(error)
    raise AssertionError("the call did not fail")


async def test_a_failed_login_leaves_no_cycle_for_those_who_shared_it() -> None:
    with RawServer([http(500)]).running() as server:
        credentials = {"token": None, "username": "demo", "password": "x"}
        async with session_with(server.url, retry=ONCE, **credentials) as session:
            await fail(read, session, ServerError)
            errors: list[Any] = []

            async def fail_too() -> None:
                errors.append(await fail(read, session, ServerError))

            with collected_by_hand() as found:
                async with anyio.create_task_group() as tasks:
                    for _ in range(5):
                        tasks.start_soon(fail_too)
                del tasks
                assert [error() for error in errors] == [None] * 5
    assert Counter(found) == {}
