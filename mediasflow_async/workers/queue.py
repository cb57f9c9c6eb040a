"""The queue: programs feed it with campaigns, workers on any machine send them.

A job holds its campaign whole until that has ended. Then the job is deleted, and only the journal
knows of the campaign.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Final, Self

from attrs import field, frozen
from procrastinate import App
from procrastinate.jobs import Job

from mediasflow_async._core.token_stores import TokenStore
from mediasflow_async.concurrency import Outcome
from mediasflow_async.delivery.errors import KeyConflict
from mediasflow_async.delivery.postgres import Address, Connection
from mediasflow_async.delivery.records import Order, Receipt, key_problems, order_problems
from mediasflow_async.delivery.sender import Sender
from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import InvalidRequest, MediasflowError
from mediasflow_async.models import CampaignRequest
from mediasflow_async.secrecy import Secret, mask_text
from mediasflow_async.workers.database import (
    TOKEN_TABLE,
    Database,
    DatabaseTokenStore,
    prepare_tables,
)
from mediasflow_async.workers.jobs import QUEUE, job_of
from mediasflow_async.workers.tasks import Report, Rescue, SendTask, Worker

__all__ = ["Queue", "Queued", "Refused"]

_Pair = tuple[str, CampaignRequest]


def _no_report(_key: str, _end: Receipt | MediasflowError) -> None:
    """Do nothing."""


@frozen
class Queue:
    """A queue of campaigns in a PostgreSQL database, by procrastinate.

    Any number of programs on any number of machines feed it and work on it. It holds each
    campaign whole, with its numbers and its message, until it has ended: then the job is
    deleted, and only the journal knows of the campaign.

        async with Queue.open("postgresql://host/sms") as queue:
            async for outcome in queue.feed(pairs):
                outcome.unwrap()
    """

    _database: Database

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncGenerator[Self, None]:
        """Open the queue, as an async context manager; its tables are made if there are none.

        Args:
            url: ``postgresql://...``; what it leaves open is taken from libpq's environment
                variables, such as ``PGPASSWORD`` and ``PGPASSFILE``.

        Raises:
            ConfigurationError: the address cannot be read.
            JournalError: the server cannot be reached.
            QueueError: the tables are of another release of procrastinate.
        """
        address = Address.of(url)
        await prepare_tables(address, TOKEN_TABLE)
        async with Database.open(address) as database:
            yield cls(database)

    @property
    def token_store(self) -> TokenStore:
        """Shares the token of an account between all who use this database.

        Give it to the session of each worker: ``Session(..., token_store=queue.token_store)``.
        The token stands in the table ``mediasflow_tokens``, for who may read the database.
        """
        return DatabaseTokenStore(self._database)

    async def feed(
        self,
        pairs: Iterable[_Pair] | AsyncIterable[_Pair],
        *,
        sender: str | None = None,
        auto_list: bool = False,
        dialect: Dialect | None = None,
    ) -> AsyncGenerator[Outcome[_Pair, Queued], None]:
        """Queue any number of campaigns under their keys; harmless to repeat.

        Each is checked first. One that was given before and has ended is queued, found in the
        journal and not sent a second time.

        Args:
            pairs: keys and requests, read a few hundred at a time.
            sender: as in `Sender.send`, for all.
            auto_list: as in `Sender.send`.
            dialect: what the campaigns are checked against.

        Yields:
            An `Outcome` for each pair, in order: whether it was added, or is there already. Its
            error is an `InvalidRequest`, or a `KeyConflict` with what waits in the queue.

        Raises:
            QueueError: the database failed; what has an outcome is in the queue.
        """
        feeder = _Feeder(
            app=self._database.new_app(),
            database=self._database,
            dialect=dialect or Dialect(),
            sender=sender,
            auto_list=auto_list,
        )
        async with aclosing(feeder.feed(pairs)) as outcomes:
            async for outcome in outcomes:
                yield outcome

    async def work(
        self,
        sender: Sender,
        stop: asyncio.Event,
        *,
        concurrency: int = 100,
        stalled_after: float | timedelta = timedelta(seconds=30),
        grace: timedelta = timedelta(seconds=30),
        report: Report = _no_report,
    ) -> None:
        """Send what is in the queue until `stop` is set.

        A campaign that ends, well or not, leaves the queue. One that could not be sent yet, or
        whose launch is in doubt, runs again under the same key after a wait that grows to five
        minutes, any number of times. One that can never be sent stays as `Refused`. Jobs of a
        worker that died are taken over.

        Args:
            sender: sends them; its journal belongs into the same database. It is shut down.
            stop: ends the work when it is set; what has not ended goes back to the queue.
            concurrency: jobs held at once: those that the sender works on, and those in doubt.
            stalled_after: time without a heartbeat after which a worker is dead; a number is
                seconds.
            grace: how long calls under way are waited for at the stop.
            report: called after each attempt with the key, and the receipt or why the campaign
                has not ended.

        Raises:
            MediasflowError: the login is refused, or a token that was given; every further
                campaign would end so. It stopped as if `stop` were set.
        """
        if not isinstance(stalled_after, timedelta):
            stalled_after = timedelta(seconds=stalled_after)
        stalled_seconds = stalled_after.total_seconds()
        app = self._database.new_app()
        task = SendTask(sender, self._database, report)
        task.register(app)
        worker = Worker(
            app=app,
            sender=sender,
            rescue=Rescue(app, self._database, task, stalled_seconds),
            concurrency=concurrency,
            stalled_after=stalled_seconds,
            grace=grace,
        )
        await worker.run_until(stop)

    async def counts(self) -> Mapping[str, int]:
        """Return how many campaigns wait (``todo``), are being sent (``doing``) or are refused."""
        manager = self._database.new_app().job_manager
        async with self._database.translated():
            jobs = await manager.list_queues_async(queue=QUEUE)
        found = next(iter(jobs), {})
        return {
            "todo": found.get("todo", 0),
            "doing": found.get("doing", 0),
            "refused": found.get("failed", 0),
        }

    async def refused(self) -> AsyncGenerator[Refused, None]:
        """Iterate over the campaigns that can never be sent as they are."""
        manager = self._database.new_app().job_manager
        async with self._database.translated():
            jobs = await manager.list_jobs_async(queue=QUEUE, status="failed")
        for job in jobs:
            yield Refused(str(job.task_kwargs["key"]), str(job.task_kwargs.get("why", "")))


class Queued(StrEnum):
    """What `Queue.feed` did with a campaign."""

    ADDED = "ADDED"
    """It is in the queue now."""
    THERE = "THERE"
    """It was in the queue already, with the same payload: it waits, or is being sent."""


@frozen
class Refused:
    """A campaign that can never be sent as it is; its payload is gone from the queue.

    Attributes:
        key: its key.
        why: what is wrong with it.
    """

    key: str
    why: str


_BATCH: Final = 200
_LOCK: Final = 0x6D656469_66656564  # any number that no other program locks
# Each half uses a partial index, which has only the jobs that wait or run.
_QUEUED_PAYLOADS: Final = b"""
SELECT queueing_lock, args->>'payload' FROM procrastinate_jobs
 WHERE status = 'todo' AND queueing_lock = ANY(%(keys)s) AND queue_name = %(queue)s
UNION ALL
SELECT queueing_lock, args->>'payload' FROM procrastinate_jobs
 WHERE status = 'doing' AND queueing_lock = ANY(%(keys)s) AND queue_name = %(queue)s
"""


@frozen(kw_only=True)
class _Feeder:
    """Puts campaigns into the queue.

    Attributes:
        app: the application of procrastinate.
        database: where the queue is.
        dialect: what the campaigns are checked against.
        sender: another sender than the requests', at the launch.
        auto_list: upload the recipients as a list first when they are more than 50.
    """

    app: App = field(repr=False)
    database: Database = field(repr=False)
    dialect: Dialect
    sender: str | None = None
    auto_list: bool = False

    async def feed(
        self, pairs: Iterable[_Pair] | AsyncIterable[_Pair]
    ) -> AsyncGenerator[Outcome[_Pair, Queued], None]:
        """Queue any number of campaigns, some hundreds per transaction; yield each outcome."""
        first = 0
        async for batch in _batches(pairs):
            results = await self._queue(batch)
            for index, (pair, result) in enumerate(zip(batch, results, strict=True), first):
                yield _outcome(index, pair, result)
            first += len(batch)

    async def _queue(self, pairs: Sequence[_Pair]) -> Sequence[Queued | MediasflowError]:
        jobs = [self._job(*pair) for pair in pairs]
        valid = [job for job in jobs if isinstance(job, Job)]
        # One feeder at a time: no key may be added between the query and the insertion.
        async with self.database.transaction() as connection:
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            results = _decide(jobs, await _queued_payloads(connection, valid))
            new = [job for job, result in zip(jobs, results, strict=True) if result is Queued.ADDED]
            added = [job for job in new if isinstance(job, Job)]
            if added:
                await self.app.job_manager.batch_defer_jobs_async(added, connection=connection)
        return results

    def _job(self, key: str, request: CampaignRequest) -> Job | InvalidRequest:
        order = Order(request=request, sender=self.sender, auto_list=self.auto_list)
        problems = [*key_problems(key), *order_problems(order, self.dialect, datetime.now(UTC))]
        return InvalidRequest(problems=problems) if problems else job_of(key, order)


async def _queued_payloads(
    connection: Connection, jobs: Sequence[Job]
) -> dict[str | None, str | None]:
    values = {"keys": [job.queueing_lock for job in jobs], "queue": QUEUE}
    return dict(await (await connection.execute(_QUEUED_PAYLOADS, values)).fetchall())


def _decide(
    jobs: Sequence[Job | InvalidRequest], payloads: dict[str | None, str | None]
) -> list[Queued | MediasflowError]:
    """Decide on each job, by the payloads in the queue; of duplicates the first is new."""
    return [job if isinstance(job, InvalidRequest) else _decide_one(job, payloads) for job in jobs]


def _decide_one(job: Job, payloads: dict[str | None, str | None]) -> Queued | KeyConflict:
    key, payload = job.queueing_lock, _payload(job)
    if key not in payloads:
        payloads[key] = payload
        return Queued.ADDED
    if payloads[key] == payload:
        return Queued.THERE
    return KeyConflict(f"the key {mask_text(str(key))!r} is in the queue for another payload")


def _payload(job: Job) -> str:
    payload = job.task_kwargs["payload"]
    return payload.reveal() if isinstance(payload, Secret) else str(payload)


def _outcome(index: int, pair: _Pair, result: Queued | MediasflowError) -> Outcome[_Pair, Queued]:
    if isinstance(result, Queued):
        return Outcome(index=index, item=pair, value=result)
    return Outcome(index=index, item=pair, error=result)


async def _batches(
    pairs: Iterable[_Pair] | AsyncIterable[_Pair],
) -> AsyncGenerator[list[_Pair], None]:
    if isinstance(pairs, AsyncIterable):
        batch: list[_Pair] = []
        async for pair in pairs:
            batch.append(pair)
            if len(batch) == _BATCH:
                yield batch
                batch = []
        if batch:
            yield batch
        return
    items = iter(pairs)
    while batch := list(islice(items, _BATCH)):
        yield batch
