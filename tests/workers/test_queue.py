"""Feeding the queue: each key once, whoever feeds it and however often."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from itertools import chain

import pytest

from mediasflow_async import ConfigurationError, InvalidRequest
from mediasflow_async.delivery import JournalError, KeyConflict
from mediasflow_async.workers import Queue, Queued, QueueError
from mediasflow_async.workers.jobs import QUEUE
from tests.support.local_postgres import PASSWORD, PostgresServer
from tests.support.queued_campaigns import MOBILE, NOTHING, TEXT, Pair, execute, feed, pairs, rows
from tests.support.senders import request_for

pytest_plugins = ["tests.support.postgres_fixtures", "tests.support.queue_fixtures"]
pytestmark = pytest.mark.anyio

MANY = 450


async def test_to_feed_twice_is_harmless(queue: Queue) -> None:
    assert await feed(queue, pairs(MANY)) == [Queued.ADDED] * MANY
    assert await feed(queue, pairs(MANY + 1)) == [Queued.THERE] * MANY + [Queued.ADDED]
    assert await queue.counts() == {**NOTHING, "todo": MANY + 1}


@pytest.mark.parametrize("count", [0, 1, 400, MANY])
async def test_pairs_may_come_one_by_one(queue: Queue, count: int) -> None:
    async def slowly() -> AsyncIterator[Pair]:
        for pair in pairs(count):
            yield pair

    indices = [outcome.index async for outcome in queue.feed(slowly())]
    assert indices == list(range(count))
    assert await queue.counts() == {**NOTHING, "todo": count}


async def test_nothing_is_fed_from_nothing(queue: Queue) -> None:
    assert await feed(queue, []) == []
    assert await queue.counts() == NOTHING


async def test_feeders_at_the_same_time_queue_each_key_once(database: str) -> None:
    async def one() -> list[object]:
        async with Queue.open(database) as queue:
            return [*await feed(queue, pairs(100))]

    results = await asyncio.gather(*(one() for _ in range(4)))
    assert Counter(chain.from_iterable(results)) == {Queued.ADDED: 100, Queued.THERE: 300}
    assert rows(database, "SELECT count(*) FROM procrastinate_jobs") == [(100,)]


async def test_what_is_being_sent_is_not_queued_again(queue: Queue, database: str) -> None:
    await feed(queue, pairs(2))
    execute(database, "UPDATE procrastinate_jobs SET status = 'doing' WHERE id = 1")
    assert await feed(queue, pairs(2)) == [Queued.THERE] * 2


@pytest.mark.parametrize("status", ["todo", "doing"])
async def test_a_key_in_the_queue_keeps_its_payload(
    queue: Queue, database: str, status: str
) -> None:
    await feed(queue, pairs(1))
    execute(database, f"UPDATE procrastinate_jobs SET status = '{status}'")  # noqa: S608
    (error,) = await feed(queue, pairs(1, msg="Another text"))
    assert isinstance(error, KeyConflict)
    assert await feed(queue, pairs(1)) == [Queued.THERE]


async def test_of_twins_one_is_queued(queue: Queue) -> None:
    twins = [("order-1", request_for()), ("order-1", request_for()), ("order-1", request_for("x"))]
    added, there, error = await feed(queue, twins)
    assert (added, there) == (Queued.ADDED, Queued.THERE)
    assert isinstance(error, KeyConflict)


async def test_what_can_never_be_sent_is_not_queued(queue: Queue) -> None:
    given = [("order-1", request_for(recipients=["12"])), ("\n", request_for()), *pairs(1)]
    bad, keyless, good = await feed(queue, given)
    assert isinstance(bad, InvalidRequest)
    assert isinstance(keyless, InvalidRequest)
    assert [problem.field for problem in keyless.problems] == ["key"]
    assert good is Queued.ADDED


async def test_options_for_all_travel_with_the_payload(queue: Queue, database: str) -> None:
    many = request_for(recipients=[f"06123456{n:02}" for n in range(60)])
    assert isinstance((await feed(queue, [("a", many)]))[0], InvalidRequest)
    assert await feed(queue, [("a", many)], auto_list=True, sender="Shop") == [Queued.ADDED]
    ((payload,),) = rows(database, "SELECT args->>'payload' FROM procrastinate_jobs")
    assert '"auto_list":true' in payload
    assert '"sender":"Shop"' in payload


async def test_the_queue_of_others_in_the_same_tables_is_let_alone(
    queue: Queue, database: str
) -> None:
    await feed(queue, pairs(1))
    other = "INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock)"
    execute(database, f"{other} VALUES ('other', 'other', 'order-7')")
    assert await queue.counts() == {**NOTHING, "todo": 1}
    queues = rows(database, "SELECT DISTINCT queue_name FROM procrastinate_jobs ORDER BY 1")
    assert queues == [(QUEUE,), ("other",)]


async def test_many_may_make_the_tables_at_once(database: str) -> None:
    async def opened() -> None:
        async with Queue.open(database) as queue:
            assert await queue.counts() == NOTHING

    await asyncio.gather(*(opened() for _ in range(5)))


async def test_tables_of_an_earlier_release_are_refused(queue: Queue, database: str) -> None:
    assert await queue.counts() == NOTHING
    execute(database, "DROP FUNCTION procrastinate_retry_job_v2")
    with pytest.raises(QueueError, match="migrations"):
        async with Queue.open(database):
            pass


async def test_an_error_of_the_database_shows_nothing_of_the_campaign(
    queue: Queue, database: str
) -> None:
    execute(database, "ALTER TABLE procrastinate_jobs RENAME TO elsewhere")
    with pytest.raises(QueueError, match="procrastinate_jobs") as caught:
        await feed(queue, pairs(1))
    assert MOBILE not in str(caught.value)
    assert TEXT not in str(caught.value)
    for answer in (queue.counts(), anext(queue.refused())):
        with pytest.raises(QueueError, match="procrastinate_jobs"):
            await answer


async def test_a_wrong_password_is_not_shown(postgres: PostgresServer) -> None:
    wrong = postgres.url().replace(PASSWORD, "guessed-wrong")
    with pytest.raises(JournalError, match="authentication") as caught:
        async with Queue.open(wrong):
            pass
    assert "guessed-wrong" not in str(caught.value)


async def test_an_address_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        async with Queue.open("postgresql://user:pass@word@host/name"):
            pass
