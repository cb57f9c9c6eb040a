"""Workers and their login: shared through the database, and given up when it is refused."""

from __future__ import annotations

import asyncio
from pathlib import Path

import anyio
import pytest

from mediasflow_async import AuthenticationFailed, MediasflowError
from mediasflow_async.delivery import Journal, State
from mediasflow_async.sandbox import Fault, Sandbox, ServerRules
from mediasflow_async.workers import Queue
from tests.support.queued_campaigns import NOTHING, feed, pairs, rows, work_until
from tests.support.senders import launches, quick_sender
from tests.support.sessions import Connect, logins, session_at, until
from tests.support.worker_processes import worker_process

pytest_plugins = [
    "tests.support.session_fixtures",
    "tests.support.postgres_fixtures",
    "tests.support.queue_fixtures",
]
pytestmark = pytest.mark.anyio

COUNT = 60


@pytest.fixture
def server() -> Sandbox:
    return Sandbox(rules=ServerRules(one_token=True))


async def test_workers_share_one_login_where_a_login_ends_the_token_before(
    server: Sandbox, queue: Queue, database: str, tmp_path: Path
) -> None:
    with (
        server.serve_in_thread() as sandbox,
        worker_process(sandbox, database, tmp_path / "one") as one,
        worker_process(sandbox, database, tmp_path / "two") as two,
    ):
        await until(lambda: one.is_ready and two.is_ready)
        await feed(queue, pairs(COUNT))
        with anyio.fail_after(60):
            while await queue.counts() != NOTHING:  # noqa: ASYNC110 - the end is in a database
                await anyio.sleep(0.05)
        assert [worker.stopped()[0] for worker in (one, two)] == [0, 0]
        assert launches(sandbox) == [1] * COUNT
        assert logins(sandbox) == 1
        (accounts,) = rows(database, "SELECT string_agg(account, ' ') FROM mediasflow_tokens")
        assert sandbox.username not in str(accounts)


async def test_sessions_share_a_token_through_the_queue(
    sandbox: Sandbox, connect: Connect, queue: Queue
) -> None:
    for _ in range(2):
        async with connect(token_store=queue.token_store) as session:
            await session.request("GET", "blacklist")
    assert logins(sandbox) == 1
    sandbox.revoke_tokens()
    async with (
        connect(token_store=queue.token_store) as one,
        connect(token_store=queue.token_store) as two,
        anyio.create_task_group() as tasks,
    ):
        for session in (one, two) * 10:
            tasks.start_soon(session.request, "GET", "blacklist")
    assert logins(sandbox) == 2


async def test_a_worker_gives_up_on_a_refused_login_and_loses_nothing(
    sandbox: Sandbox, connect: Connect, queue: Queue, database: str
) -> None:
    await feed(queue, pairs(COUNT))
    with pytest.raises(AuthenticationFailed, match="Check the username and password"):
        await work_until(COUNT, queue, connect(password="wrong"), database)
    assert logins(sandbox) == 1
    found = await queue.counts()
    assert found == {**NOTHING, "todo": COUNT}


@pytest.mark.parametrize(
    ("status", "option"),
    [
        (404, "login_path='login'"),
        (400, "login_encoding='json'"),
        (401, "login_fields=('username'"),
    ],
)
async def test_a_worker_whose_login_is_refused_names_the_option(
    sandbox: Sandbox, connect: Connect, queue: Queue, database: str, *, status: int, option: str
) -> None:
    sandbox.faults.add(Fault(operation="login", status=status, times=None))
    await feed(queue, pairs(3))
    with pytest.raises(MediasflowError) as caught:
        await work_until(3, queue, connect(), database)
    assert f"Dialect({option}" in str(caught.value)


async def test_a_worker_command_ends_with_1_when_its_login_is_refused(
    sandbox: Sandbox, queue: Queue, database: str, tmp_path: Path
) -> None:
    sandbox.faults.add(Fault(operation="login", status=401, times=None))
    await feed(queue, pairs(3))
    with worker_process(sandbox, database, tmp_path / "log") as worker:
        code = await anyio.to_thread.run_sync(worker.process.wait, 60)
        said = worker.log.read_text()
    assert code == 1
    assert "Check the username and password" in said.replace("\n", " ")
    assert "Traceback" not in said
    assert await queue.counts() == {**NOTHING, "todo": 3}


async def test_a_worker_does_not_give_up_on_a_token_that_was_lost(
    server: Sandbox, queue: Queue, database: str
) -> None:
    async def work(sandbox: Sandbox, stop: asyncio.Event) -> None:
        async with (
            session_at(sandbox) as session,
            Journal.open(database) as journal,
            quick_sender(session, journal) as sender,
        ):
            await queue.work(sender, stop, report=ended)

    def ended(_key: str, end: object) -> None:
        assert not isinstance(end, MediasflowError)
        if len(launches(server)) == COUNT:
            stop.set()

    stop = asyncio.Event()
    await feed(queue, pairs(COUNT))
    with server.serve_in_thread() as sandbox, anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            for _ in range(2):
                tasks.start_soon(work, sandbox, stop)
        assert launches(server) == [1] * COUNT
    async with Journal.open(database) as journal:
        assert (await journal.counts())[State.LAUNCHED] == COUNT
