"""`mediasflow worker` and `mediasflow batch enqueue`, in processes that are killed and stopped."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import anyio
import pytest
from anyio import to_thread

from mediasflow_async.delivery import Account, Journal, State
from mediasflow_async.sandbox import Fault, Sandbox
from mediasflow_async.workers import Queue
from tests.support.commands import TIMEOUT_SECONDS, executable
from tests.support.local_postgres import PASSWORD, PostgresServer, installed_programs
from tests.support.local_servers import free_port, server_directory
from tests.support.queued_campaigns import NOTHING, feed, pairs, rows
from tests.support.senders import MOBILE, TEXT, launches, request_for
from tests.support.sessions import until
from tests.support.worker_processes import environment_for, worker_process

pytest_plugins = [
    "tests.support.session_fixtures",
    "tests.support.postgres_fixtures",
    "tests.support.queue_fixtures",
]
pytestmark = pytest.mark.anyio

COUNT = 60


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """A database server that a test may stop."""
    with server_directory("postgres") as directory:
        server = PostgresServer(free_port(), directory, installed_programs())
        server.create()
        server.start()
        try:
            yield server
        finally:
            server.stop()


async def empty(queue: Queue, database: str, **left: int) -> None:
    """Return when all that was queued has ended, but for what is to be left."""
    with anyio.move_on_after(2 * TIMEOUT_SECONDS):
        while await queue.counts() != {**NOTHING, **left}:  # noqa: ASYNC110 - the end is in a database
            await anyio.sleep(0.05)
        return
    jobs = rows(database, "SELECT id, status, attempts, scheduled_at FROM procrastinate_jobs")
    async with Journal.open(database) as journal:
        pytest.fail(f"still in the queue: {jobs}; {[line async for line in journal.export()]}")


async def counts(database: str) -> dict[State, int]:
    async with Journal.open(database) as journal:
        found = await journal.counts()
    return {state: count for state, count in found.items() if count}


def slow_down(sandbox: Sandbox) -> None:
    """Let each launch take a while, so that some are under way at any moment."""
    slow = timedelta(seconds=0.1)
    sandbox.faults.add(Fault(operation="launch", when="after", delay=slow, times=None))


async def test_one_of_two_workers_is_killed_and_nothing_is_lost_or_sent_twice(
    sandbox: Sandbox, queue: Queue, database: str, tmp_path: Path
) -> None:
    slow_down(sandbox)
    with (
        worker_process(sandbox, database, tmp_path / "one", "--concurrency", "4") as one,
        worker_process(sandbox, database, tmp_path / "two", "--concurrency", "4") as two,
    ):
        await until(lambda: one.is_ready and two.is_ready)
        await feed(queue, pairs(COUNT))
        await until(lambda: len(launches(sandbox)) >= COUNT // 4)
        one.kill()
        at_the_kill = len(launches(sandbox))
        await empty(queue, database)
        code, said = two.stopped()
    assert at_the_kill < COUNT
    assert launches(sandbox) == [1] * COUNT
    assert await counts(database) == {State.LAUNCHED: COUNT}
    assert (code, "Traceback" in said) == (0, False), said


async def test_a_worker_that_is_stopped_leaves_the_rest_to_the_next(
    sandbox: Sandbox, queue: Queue, database: str, tmp_path: Path
) -> None:
    slow_down(sandbox)
    await feed(queue, pairs(COUNT))
    with worker_process(sandbox, database, tmp_path / "one", "--concurrency", "4") as one:
        await until(lambda: len(launches(sandbox)) >= 5)
        code, said = one.stopped()
    assert (code, "Traceback" in said) == (0, False), said
    done = len(launches(sandbox))
    assert done < COUNT
    # What was under way was waited for and has ended; nothing is held any more.
    assert (await queue.counts())["doing"] == 0
    assert (await counts(database))[State.LAUNCHED] == done
    sandbox.faults.clear()
    with worker_process(sandbox, database, tmp_path / "two") as two:
        await empty(queue, database)
        two.stopped()
    assert launches(sandbox) == [1] * COUNT


async def test_the_workers_keep_a_rate_together(
    sandbox: Sandbox, queue: Queue, database: str, tmp_path: Path
) -> None:
    rate = 20
    await feed(queue, pairs(COUNT))
    with (
        worker_process(sandbox, database, tmp_path / "one", "--rate", str(rate)),
        worker_process(sandbox, database, tmp_path / "two", "--rate", str(rate)),
    ):
        await empty(queue, database)
    assert launches(sandbox) == [1] * COUNT
    times = sorted(
        request.received_at for request in sandbox.requests if request.operation == "inject"
    )
    assert len(times) == 2 * COUNT
    # Slots are never made up for, so that a slow machine can only take longer; the first call
    # may be late, and with it those that have a slot soon after.
    assert times[-1] - times[0] > timedelta(seconds=0.9 * len(times) / rate)


async def test_workers_outlive_a_restart_of_their_database(
    sandbox: Sandbox, own_server: PostgresServer, tmp_path: Path
) -> None:
    slow_down(sandbox)
    database = own_server.url()
    with worker_process(sandbox, database, tmp_path / "one", "--concurrency", "4") as one:
        async with Queue.open(database) as queue:
            await feed(queue, pairs(COUNT))
        await until(lambda: len(launches(sandbox)) >= 5)
        own_server.stop()
        own_server.start()
        async with Queue.open(database) as queue:
            await empty(queue, database)
        code, said = one.stopped()
    assert code == 0, said
    assert launches(sandbox) == [1] * COUNT
    assert PASSWORD not in said


async def test_a_worker_tells_what_was_not_launched_and_why(
    sandbox: Sandbox, queue: Queue, database: str, tmp_path: Path
) -> None:
    for status in (403, 400):
        sandbox.faults.add(Fault(operation="prepare", status=status))
    async with Journal.open(database) as journal:
        await journal.claim("order-9", "other", owner="x", lease=timedelta(0))
    await feed(queue, [*pairs(3), ("order-9", request_for())])
    with worker_process(sandbox, database, tmp_path / "log") as worker:
        await empty(queue, database, refused=1)
        code, said = worker.stopped()
    assert code == 0, said
    assert "put off by PermissionDenied, and tried again later" in said
    assert "REJECTED (REFUSED)" in said
    assert "order-9: can never be sent: the key 'order-9' was used for another payload" in said
    told = "2 LAUNCHED, 1 REFUSED, 1 REJECTED, 1 put off by PermissionDenied"
    assert f"The worker has stopped: {told}." in said
    assert TEXT not in said
    assert MOBILE not in said


async def test_a_worker_of_another_account_does_not_begin(
    sandbox: Sandbox, queue: Queue, database: str, tmp_path: Path
) -> None:
    async with Journal.open(database) as journal:
        await journal.belong(Account("https://elsewhere.example/v1/"))
    await feed(queue, pairs(1))
    with worker_process(sandbox, database, tmp_path / "log") as worker:
        code = await to_thread.run_sync(worker.process.wait, TIMEOUT_SECONDS)
    said = worker.log.read_text()
    assert code == 2, said
    assert "https://elsewhere.example/v1/" in said
    assert await queue.counts() == {**NOTHING, "todo": 1}
    assert launches(sandbox) == []


def enqueue(
    sandbox: Sandbox, database: str, folder: Path, *arguments: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [executable(), "batch", "enqueue", *arguments],
        cwd=folder,
        env=environment_for(sandbox, database),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


async def test_a_file_goes_through_the_queue(
    sandbox: Sandbox, queue: Queue, database: str, tmp_path: Path
) -> None:
    lines = [
        {"key": f"order-{n}", "msg": "Bonjour", "recipients": ["0612345678"]} for n in range(5)
    ]
    text = "\n".join(map(json.dumps, lines))
    (tmp_path / "campaigns.jsonl").write_text(text)
    first = enqueue(sandbox, database, tmp_path, "campaigns.jsonl")
    again = enqueue(sandbox, database, tmp_path, "campaigns.jsonl")
    assert (first.returncode, first.stdout) == (0, "campaigns.jsonl: 5 queued.\n")
    assert (again.returncode, again.stdout) == (0, "campaigns.jsonl: 5 in the queue before.\n")
    with worker_process(sandbox, database, tmp_path / "log") as worker:
        await empty(queue, database)
        code, said = worker.stopped()
    assert (code, "5 LAUNCHED" in said) == (0, True), said
    assert launches(sandbox) == [1] * 5


async def test_what_is_wrong_in_a_file_is_told_and_the_rest_is_queued(
    sandbox: Sandbox, queue: Queue, database: str, tmp_path: Path
) -> None:
    good = {"key": "order-1", "msg": "Bonjour", "recipients": ["0612345678"]}
    other = good | {"msg": "Another"}
    no_number = good | {"key": "order-2", "recipients": ["06123"]}
    bad = [json.dumps(no_number)] * 25
    lines = [json.dumps(good), "no JSON", json.dumps(other), *bad]
    (tmp_path / "campaigns.jsonl").write_text("\n".join(lines))
    run = enqueue(sandbox, database, tmp_path, "campaigns.jsonl")
    assert run.returncode == 1, run.stderr
    assert "line 2: line: is one JSON object" in run.stdout
    assert "line 3: the key 'order-1' is in the queue for another payload" in run.stdout
    assert "... and more.\ncampaigns.jsonl: 1 queued, 27 refused.\n" in run.stdout
    assert "06123" not in run.stdout
    assert await queue.counts() == {**NOTHING, "todo": 1}
