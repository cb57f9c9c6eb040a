"""A cancelled call costs nobody else anything."""

from __future__ import annotations

import random
from datetime import timedelta

import anyio
import anyio.lowlevel
import pytest

from mediasflow_async import MediasflowError, RequestTimeout, Sent, Session
from mediasflow_async._core.calls import Operation, OperationKind
from mediasflow_async.sandbox import Fault, Sandbox
from tests.support.raw_server import HANG, RawServer, http_json
from tests.support.sessions import Connect, logins, session_with, until

pytest_plugins = ["tests.support.session_fixtures"]
pytestmark = [pytest.mark.anyio, pytest.mark.every_backend]

READ = Operation(OperationKind.READ, "GET", "blacklist")


async def call(session: Session, chance: random.Random) -> None:
    if chance.random() < 0.5:
        await session.request("GET", "blacklist")
        return
    async with session.stream(READ) as stream:
        async for _ in stream.aiter_bytes():
            pass


async def impatient(session: Session, seed: int, seconds: float) -> None:
    """Call and cancel at random until the time is up."""
    chance = random.Random(seed)  # noqa: S311 - the same every time
    with anyio.move_on_after(seconds):
        while True:
            with anyio.move_on_after(chance.uniform(0, 0.02)):
                await call(session, chance)
            await anyio.lowlevel.checkpoint()


@pytest.fixture
def seconds(anyio_backend_name: str, anyio_backend_options: dict[str, object]) -> float:
    return 4 if anyio_backend_name == "asyncio" and not anyio_backend_options["use_uvloop"] else 1


async def test_after_seconds_of_random_cancellation_every_request_succeeds(
    connect: Connect, seconds: float
) -> None:
    done: list[int] = []

    async def read() -> None:
        done.append((await session.request("GET", "blacklist")).status)

    async with connect(max_in_flight=10) as session:
        async with anyio.create_task_group() as tasks:
            for seed in range(20):
                tasks.start_soon(impatient, session, seed, seconds)
        with anyio.fail_after(20):
            async with anyio.create_task_group() as tasks:
                for _ in range(20):
                    tasks.start_soon(read)
    assert done == [200] * 20


async def test_a_call_that_is_cancelled_before_its_answer_closes_its_connection() -> None:
    with RawServer([HANG, http_json(data=[])]).running() as server:
        async with session_with(server.url, max_in_flight=1) as session:
            with anyio.move_on_after(0.05) as scope:
                await session.request("GET", "blacklist")
            assert scope.cancelled_caught
            assert (await session.request("GET", "blacklist")).status == 200


async def test_cancelling_the_leader_of_a_login_strands_nobody(
    sandbox: Sandbox, connect: Connect
) -> None:
    sandbox.faults.add(Fault(operation="login", delay=timedelta(seconds=0.2)))
    done: list[int] = []

    async def read() -> None:
        done.append((await session.request("GET", "blacklist")).status)

    async with connect() as session, anyio.create_task_group() as tasks:
        leader = anyio.CancelScope()

        async def lead() -> None:
            with leader:
                await session.request("GET", "blacklist")

        tasks.start_soon(lead)
        await until(lambda: sandbox.requests)
        for _ in range(5):
            tasks.start_soon(read)
        await anyio.sleep(0.01)
        leader.cancel()
    assert done == [200] * 5
    assert logins(sandbox) == 2


async def test_a_deadline_of_one_call_does_not_end_the_login_of_the_others(
    sandbox: Sandbox, connect: Connect
) -> None:
    sandbox.faults.add(Fault(operation="login", delay=timedelta(seconds=0.2)))
    done: list[int] = []

    async def read() -> None:
        done.append((await session.request("GET", "blacklist")).status)

    async with connect() as session, anyio.create_task_group() as tasks:
        tasks.start_soon(hurry, session)
        await until(lambda: sandbox.requests)
        for _ in range(5):
            tasks.start_soon(read)
    assert done == [200] * 5


async def hurry(session: Session) -> None:
    with pytest.raises(RequestTimeout) as caught:
        await session.request("POST", "campaigns/inject", json={}, deadline=0.05)
    assert caught.value.sent is Sent.NOT_SENT


async def test_a_deadline_ends_an_endless_answer() -> None:
    with RawServer([HANG]).running() as server:
        async with session_with(server.url, deadline=0.1) as session:
            with pytest.raises(RequestTimeout, match="deadline") as caught:
                await session.request("GET", "blacklist")
    assert caught.value.sent is Sent.UNKNOWN


async def test_a_deadline_ends_the_opening_of_a_stream_and_gives_the_place_back() -> None:
    with RawServer([HANG, http_json(data=[])]).running() as server:
        async with session_with(server.url, max_in_flight=1) as session:
            with pytest.raises(RequestTimeout, match="deadline"):
                async with session.stream(READ, deadline=0.1):
                    pytest.fail("nothing was answered")
            assert (await session.request("GET", "blacklist")).status == 200


async def test_a_caller_that_is_cancelled_sees_no_error_of_ours() -> None:
    with RawServer([HANG]).running() as server:
        async with session_with(server.url, deadline=5) as session:
            try:
                with anyio.move_on_after(0.05) as scope:
                    await session.request("GET", "blacklist")
            except MediasflowError as error:
                pytest.fail(f"the cancellation became {error!r}")
    assert scope.cancelled_caught
