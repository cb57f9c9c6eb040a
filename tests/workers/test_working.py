"""A worker in this process: what ends, what comes back, and what stays."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

import pytest
from anyio import to_thread

from mediasflow_async import InvalidRequest, MediasflowError
from mediasflow_async.delivery import Journal, KeyConflict, Receipt, Sender, SenderStopped, State
from mediasflow_async.sandbox import Fault, Sandbox
from mediasflow_async.workers import Queue, Queued
from tests.support.queued_campaigns import (
    MOBILE,
    NOTHING,
    TEXT,
    Ends,
    execute,
    feed,
    pairs,
    rows,
    work_until,
)
from tests.support.senders import launches, quick_sender, request_for
from tests.support.sessions import Connect, until

pytest_plugins = [
    "tests.support.session_fixtures",
    "tests.support.postgres_fixtures",
    "tests.support.queue_fixtures",
]
pytestmark = pytest.mark.anyio

COUNT = 30


def states(ends: Ends) -> list[State | str]:
    return [end.state if isinstance(end, Receipt) else type(end).__name__ for _, end in ends]


async def test_what_has_ended_leaves_the_queue_at_once(
    sandbox: Sandbox, connect: Connect, queue: Queue, database: str
) -> None:
    await feed(queue, pairs(COUNT))
    ends = await work_until(COUNT, queue, connect(), database)
    assert states(ends) == [State.LAUNCHED] * COUNT
    assert launches(sandbox) == [1] * COUNT
    assert await queue.counts() == NOTHING
    assert rows(database, "SELECT * FROM procrastinate_jobs") == []
    # Fed once more, all of them are found in the journal.
    assert await feed(queue, pairs(COUNT)) == [Queued.ADDED] * COUNT
    await work_until(COUNT, queue, connect(), database)
    assert launches(sandbox) == [1] * COUNT
    assert await queue.counts() == NOTHING


async def test_a_worker_takes_what_is_fed_while_it_waits(
    sandbox: Sandbox, connect: Connect, queue: Queue, database: str
) -> None:
    working = asyncio.create_task(work_until(1, queue, connect(), database))
    await until(lambda: rows(database, "SELECT * FROM procrastinate_workers"))
    await feed(queue, pairs(1))
    assert states(await working) == [State.LAUNCHED]
    assert launches(sandbox) == [1]


async def test_options_reach_the_sender(
    sandbox: Sandbox, connect: Connect, queue: Queue, database: str
) -> None:
    many = request_for(recipients=[f"06123456{n:02}" for n in range(60)])
    await feed(queue, [("a", many)], auto_list=True, sender="OTHER")
    await work_until(1, queue, connect(), database)
    assert {message.sender for message in sandbox.messages} == {"OTHER"}
    assert len(sandbox.messages) == 60


async def test_what_could_not_be_sent_yet_comes_back(
    sandbox: Sandbox, connect: Connect, queue: Queue, database: str
) -> None:
    sandbox.faults.add(Fault(operation="prepare", status=403))
    await feed(queue, pairs(1))
    ends = await work_until(2, queue, connect(), database)
    assert states(ends) == ["PermissionDenied", State.LAUNCHED]
    assert launches(sandbox) == [1]
    assert await queue.counts() == NOTHING


async def test_a_launch_whose_fate_is_unknown_comes_back_under_its_key(
    sandbox: Sandbox, connect: Connect, queue: Queue, database: str
) -> None:
    sandbox.faults.add(Fault(operation="launch", when="after", reset=True))
    for operation in ("sender", "report_csv", "report_json"):
        sandbox.faults.add(Fault(operation=operation, status=403, times=None))
    await feed(queue, pairs(1))
    ends = await work_until(1, queue, connect(), database)
    assert states(ends) == ["DeliveryUnknown"]
    assert await queue.counts() == {**NOTHING, "todo": 1}
    sandbox.faults.clear()
    ends = await work_until(1, queue, connect(), database)
    assert states(ends) == [State.LAUNCHED]
    assert launches(sandbox) == [1]


async def test_a_refusal_for_good_is_an_end(
    sandbox: Sandbox, connect: Connect, queue: Queue, database: str
) -> None:
    for operation in ("prepare", "launch"):
        sandbox.faults.add(Fault(operation=operation, status=400))
    await feed(queue, pairs(2))
    ends = await work_until(2, queue, connect(), database)
    assert states(ends) == [State.REJECTED] * 2
    assert await queue.counts() == NOTHING


async def test_what_is_parked_leaves_the_queue_and_stays_in_the_journal(
    sandbox: Sandbox, connect: Connect, queue: Queue, database: str
) -> None:
    # The launch is lost, and nothing tells whether it was executed.
    sandbox.faults.add(Fault(operation="launch", when="after", reset=True))
    sandbox.faults.add(Fault(operation="sender", status=404, times=None))
    sandbox.faults.add(Fault(path="campaigns/report", status=404, times=None))
    sandbox.faults.add(Fault(operation="report_csv", status=404, times=None))
    sandbox.faults.add(Fault(operation="report_json", status=404, times=None))
    await feed(queue, pairs(1))
    ends = await work_until(1, queue, connect(), database)
    assert states(ends) == [State.PARKED]
    assert await queue.counts() == NOTHING
    async with Journal.open(database) as journal:
        assert (await journal.counts())[State.PARKED] == 1


async def test_what_can_never_be_sent_stays_without_its_payload(
    connect: Connect, queue: Queue, database: str
) -> None:
    async with Journal.open(database) as journal:
        await journal.claim("order-0", "other", owner="x", lease=timedelta(0))
    await feed(queue, pairs(1))
    ((_, error),) = await work_until(1, queue, connect(), database)
    assert isinstance(error, KeyConflict)
    assert await queue.counts() == {**NOTHING, "refused": 1}
    (refused,) = [each async for each in queue.refused()]
    assert refused.key == "order-0"
    assert "another payload" in refused.why
    ((arguments,),) = rows(database, "SELECT args FROM procrastinate_jobs")
    assert set(arguments) == {"key", "why"}
    # Corrected, it may come again.
    assert await feed(queue, pairs(1)) == [Queued.ADDED]


async def test_a_campaign_whose_date_has_passed_in_the_queue_is_refused(
    connect: Connect, queue: Queue, database: str
) -> None:
    await feed(queue, pairs(1))
    await to_thread.run_sync(
        execute,
        database,
        "UPDATE procrastinate_jobs SET args = jsonb_set(args, '{payload}', to_jsonb(replace("
        """args->>'payload', '"msg"', '"schedule_on":["datetime","2020-01-01T00:00:00+00:00"],"""
        """"msg"')))""",
    )
    ((_, error),) = await work_until(1, queue, connect(), database)
    assert isinstance(error, InvalidRequest)
    assert await queue.counts() == {**NOTHING, "refused": 1}


async def test_a_job_without_its_payload_says_what_was_wrong_with_it(
    connect: Connect, queue: Queue, database: str
) -> None:
    await feed(queue, pairs(1))
    await to_thread.run_sync(
        execute,
        database,
        """UPDATE procrastinate_jobs SET args = '{"key": "k", "why": "no date"}'""",
    )
    ((_, error),) = await work_until(1, queue, connect(), database)
    assert "no date" in str(error)


async def test_jobs_of_the_dead_are_taken_over(
    sandbox: Sandbox, connect: Connect, queue: Queue, database: str
) -> None:
    await feed(queue, pairs(3))
    await to_thread.run_sync(
        execute,
        database,
        "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 minute')",
    )
    await to_thread.run_sync(
        execute,
        database,
        "UPDATE procrastinate_jobs SET status = 'doing', worker_id = 1 WHERE id = 1",
    )
    # Its worker was unregistered while the end of this one could not be written down.
    await to_thread.run_sync(
        execute, database, "UPDATE procrastinate_jobs SET status = 'doing' WHERE id = 2"
    )
    ends = await work_until(3, queue, connect(), database)
    assert sorted(key for key, _ in ends) == ["order-0", "order-1", "order-2"]
    assert launches(sandbox) == [1] * 3
    assert await queue.counts() == NOTHING


async def test_a_job_that_its_own_worker_knows_nothing_of_is_given_back(
    sandbox: Sandbox, connect: Connect, queue: Queue, database: str
) -> None:
    await feed(queue, pairs(2))
    await to_thread.run_sync(
        execute, database, "UPDATE procrastinate_jobs SET scheduled_at = '2100-01-01' WHERE id = 2"
    )
    working = asyncio.create_task(
        work_until(2, queue, connect(), database, stalled_after=timedelta(seconds=0.3))
    )
    await until(lambda: launches(sandbox))
    # As if it had been given out to this worker, and the answer that said so had been lost.
    await to_thread.run_sync(
        execute,
        database,
        "UPDATE procrastinate_jobs SET status = 'doing',"
        " worker_id = (SELECT id FROM procrastinate_workers) WHERE id = 2",
    )
    await working
    assert launches(sandbox) == [1, 1]


async def test_a_worker_outlives_a_database_that_fails_it(
    sandbox: Sandbox,
    connect: Connect,
    queue: Queue,
    database: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await feed(queue, pairs(1))
    working = asyncio.create_task(
        work_until(2, queue, connect(), database, stalled_after=timedelta(seconds=0.3))
    )
    await until(lambda: not rows(database, "SELECT * FROM procrastinate_jobs"))
    await to_thread.run_sync(
        execute, database, "ALTER TABLE procrastinate_jobs RENAME TO elsewhere"
    )
    await until(lambda: "out of reach" in caplog.text and "could not be looked for" in caplog.text)
    await to_thread.run_sync(
        execute, database, "ALTER TABLE elsewhere RENAME TO procrastinate_jobs"
    )
    await feed(queue, [("order-1", request_for("1"))])
    await working
    assert launches(sandbox) == [1, 1]


async def test_what_cannot_be_given_back_is_given_back_later(
    sandbox: Sandbox,
    connect: Connect,
    queue: Queue,
    database: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    await feed(queue, pairs(1))
    await to_thread.run_sync(execute, database, "UPDATE procrastinate_jobs SET status = 'doing'")
    await to_thread.run_sync(
        execute, database, "ALTER FUNCTION procrastinate_retry_job_v2 RENAME TO elsewhere"
    )
    working = asyncio.create_task(
        work_until(1, queue, connect(), database, stalled_after=timedelta(seconds=0.3))
    )
    await until(lambda: "was not given back" in caplog.text)
    await to_thread.run_sync(
        execute, database, "ALTER FUNCTION elsewhere RENAME TO procrastinate_retry_job_v2"
    )
    await working
    assert launches(sandbox) == [1]


async def test_a_stop_gives_back_what_has_not_ended(
    sandbox: Sandbox, connect: Connect, queue: Queue, database: str
) -> None:
    slow = Fault(operation="launch", when="after", reset=True)
    sandbox.faults.add(slow)
    await feed(queue, pairs(1))
    told: list[Receipt | MediasflowError] = []
    stop = asyncio.Event()
    async with (
        connect() as session,
        Journal.open(database) as journal,
        quick_sender(session, journal, settle=60) as sender,
    ):
        working = asyncio.create_task(
            queue.work(sender, stop, report=lambda _, end: told.append(end))
        )
        await until(lambda: launches(sandbox))
        stop.set()
        await working
    assert [type(end) for end in told] == [SenderStopped]
    assert await queue.counts() == {**NOTHING, "todo": 1}
    assert states(await work_until(1, queue, connect(), database)) == [State.LAUNCHED]
    assert launches(sandbox) == [1]


async def test_work_that_is_cancelled_gives_back_what_has_not_ended(
    sandbox: Sandbox, connect: Connect, queue: Queue, database: str
) -> None:
    sandbox.faults.add(Fault(operation="launch", when="after", reset=True))
    await feed(queue, pairs(1))
    async with (
        connect() as session,
        Journal.open(database) as journal,
        quick_sender(session, journal, settle=60) as sender,
    ):
        working = asyncio.create_task(queue.work(sender, asyncio.Event()))
        await until(lambda: launches(sandbox))
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working
    assert await queue.counts() == {**NOTHING, "todo": 1}


async def test_two_workers_share_the_work(
    sandbox: Sandbox, connect: Connect, database: str
) -> None:
    async def worker(sender: Sender, stop: asyncio.Event) -> int:
        done = 0

        def report(*_: object) -> None:
            nonlocal done
            done += 1

        async with Queue.open(database) as queue:
            await queue.work(sender, stop, concurrency=3, report=report)
        return done

    stop = asyncio.Event()
    async with (
        connect() as session,
        Journal.open(database) as journal,
        Queue.open(database) as queue,
        quick_sender(session, journal) as one,
        quick_sender(session, journal) as other,
    ):
        await feed(queue, pairs(100))
        working = asyncio.gather(worker(one, stop), worker(other, stop))
        await until(lambda: len(launches(sandbox)) == 100)
        stop.set()
        shares = await working
    assert sum(shares) == 100
    assert all(shares)
    assert launches(sandbox) == [1] * 100


async def test_the_logs_show_neither_number_nor_text(
    sandbox: Sandbox,
    connect: Connect,
    queue: Queue,
    database: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    sandbox.faults.add(Fault(operation="prepare", status=403))
    async with Journal.open(database) as journal:
        await journal.claim("order-0", "other", owner="x", lease=timedelta(0))
    await feed(queue, pairs(3))
    await work_until(4, queue, connect(), database)
    logged = "\n".join(f"{record.getMessage()} {vars(record)!r}" for record in caplog.records)
    assert "mediasflow:send" in logged
    for secret in (MOBILE.lstrip("+"), TEXT, sandbox.password):
        before, found, after = logged.partition(secret)
        assert not found, f"...{before[-300:]}{found}{after[:100]}..."
