"""What a session never exceeds: requests at once, requests per second, retries in an outage."""

from __future__ import annotations

import threading
import time

import anyio
import pytest

from mediasflow_async import MediasflowError, RequestTimeout, RetryPolicy, Sent, Session
from mediasflow_async._core.retry import RetryQuota
from tests.support.raw_server import HANG, Answer, RawRequest, RawServer, http_json
from tests.support.sessions import QUICKLY, session_with, until

pytestmark = pytest.mark.anyio


async def read(session: Session, path: str = "blacklist") -> None:
    await session.request("GET", path)


async def read_in_vain(session: Session, path: str = "blacklist") -> None:
    with pytest.raises(MediasflowError):
        await read(session, path)


@pytest.mark.parametrize("limit", [1, 3, 8])
async def test_no_more_requests_are_under_way_than_allowed(limit: int) -> None:
    everyone_came = threading.Barrier(limit)

    def answer(_: RawRequest) -> Answer:
        everyone_came.wait(10)
        return http_json(data=[])

    with RawServer(answer).running() as server:
        async with (
            session_with(server.url, max_in_flight=limit) as session,
            anyio.create_task_group() as tasks,
        ):
            for _ in range(limit * 3):
                tasks.start_soon(read, session)
        assert server.most_at_once == limit
        assert len(server.requests) == limit * 3


async def test_the_deadline_counts_the_wait_for_a_place() -> None:
    with RawServer([HANG]).running() as server:
        async with (
            session_with(server.url, max_in_flight=1) as session,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(read, session)
            await until(lambda: server.requests)
            with pytest.raises(RequestTimeout) as caught:
                await session.request("GET", "lists", deadline=0.05)
            assert caught.value.sent is Sent.NOT_SENT
            assert caught.value.attempts == 0
            tasks.cancel_scope.cancel()
        assert len(server.requests) == 1


async def test_a_waiting_call_that_is_cancelled_leaves_its_place_to_others() -> None:
    answers: list[Answer] = [HANG, http_json(data=[])]
    with RawServer(answers).running() as server:
        async with session_with(server.url, max_in_flight=1) as session:
            async with anyio.create_task_group() as tasks:
                for _ in range(5):
                    tasks.start_soon(read, session)
                await until(lambda: server.requests)
                tasks.cancel_scope.cancel()
            with anyio.fail_after(5):
                await read(session)


async def test_a_rate_spaces_requests() -> None:
    starts: list[float] = []

    def answer(_: RawRequest) -> Answer:
        starts.append(time.monotonic())
        return http_json(data=[])

    with RawServer(answer).running() as server:
        async with session_with(server.url, rate=50) as session, anyio.create_task_group() as tasks:
            for _ in range(11):
                tasks.start_soon(read, session)
    # Eleven starts have ten spaces between them; each server thread may be late, none early.
    assert max(starts) - min(starts) >= 10 / 50 * 0.9


async def test_attempts_keep_the_rate_too() -> None:
    with RawServer([http_json(500)]).running() as server:
        async with session_with(server.url, rate=20, retry=QUICKLY) as session:
            began = time.monotonic()
            await read_in_vain(session)
            assert time.monotonic() - began >= 3 / 20 * 0.9
            assert len(server.requests) == 4


def test_a_rate_holds_from_one_event_loop_to_the_next() -> None:
    async def read_often() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(read, session)

    with RawServer([http_json(data=[])]).running() as server:
        session = session_with(server.url, rate=200)
        for backend in ("asyncio", "trio", "asyncio"):
            anyio.run(read_often, backend=backend)
        anyio.run(session.aclose)
        assert len(server.requests) == 9


async def test_cancelled_calls_do_not_use_up_the_rate() -> None:
    with RawServer([http_json(data=[])]).running() as server:
        async with session_with(server.url, rate=2) as session:
            with anyio.move_on_after(0.05):
                async with anyio.create_task_group() as tasks:
                    for _ in range(50):
                        tasks.start_soon(read, session)
            with anyio.fail_after(5):
                await read(session)


def test_a_quota_is_spent_and_earned_back_by_tenths() -> None:
    quota = RetryQuota(2)
    assert [quota.take() for _ in range(3)] == [True, True, False]
    for _ in range(9):
        quota.earn()
    assert not quota.take()
    quota.earn()
    quota.earn()
    assert quota.take()
    for _ in range(1000):
        quota.earn()
    assert [quota.take() for _ in range(3)] == [True, True, False]


def test_a_quota_of_none_has_no_end() -> None:
    quota = RetryQuota(None)
    quota.earn()
    assert all(quota.take() for _ in range(10_000))


async def test_an_outage_is_not_multiplied() -> None:
    policy = RetryPolicy(attempts=5, base_wait=QUICKLY.base_wait, quota=7)
    with RawServer([http_json(503)]).running() as server:
        async with session_with(server.url, retry=policy) as session:
            async with anyio.create_task_group() as tasks:
                for _ in range(30):
                    tasks.start_soon(read_in_vain, session)
            assert len(server.requests) == 30 + 7
            await read_in_vain(session)
            assert len(server.requests) == 30 + 7 + 1


async def test_successes_earn_retries_back() -> None:
    policy = RetryPolicy(attempts=2, base_wait=QUICKLY.base_wait, quota=1)

    def answer(request: RawRequest) -> Answer:
        return http_json(503 if request.target == "/bad" else 200, [])

    with RawServer(answer).running() as server:
        async with session_with(server.url, retry=policy) as session:
            await read_in_vain(session, "bad")
            await read_in_vain(session, "bad")
            for _ in range(11):
                await read(session)
            await read_in_vain(session, "bad")
        assert sum(request.target == "/bad" for request in server.requests) == 2 + 1 + 2
