"""Queue: feed and work."""

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

from mediasflow_async.concurrency import Outcome
from mediasflow_async.delivery.errors import KeyConflict
from mediasflow_async.delivery.orders import Order, key_problems, order_problems
from mediasflow_async.delivery.postgres import Address, Connection
from mediasflow_async.delivery.records import Receipt
from mediasflow_async.delivery.sender import Sender
from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import InvalidRequest, MediasflowError
from mediasflow_async.models import CampaignRequest
from mediasflow_async.secrecy import Secret, mask_text
from mediasflow_async.workers.database import Database, prepare_tables
from mediasflow_async.workers.jobs import QUEUE, job_of
from mediasflow_async.workers.tasks import Report, Rescue, SendTask, Worker

__all__ = ["Feeder", "Pair", "Queue", "Queued", "Refused"]


Pair = tuple[str, CampaignRequest]

_AT_ONCE: Final = 200
_LOCK: Final = 0x6D656469_66656564  # any number that no other program locks
# Each half has an index of its own, which holds what waits or runs and nothing else.
_THERE: Final = b"""
SELECT queueing_lock, args->>'payload' FROM procrastinate_jobs
 WHERE status = 'todo' AND queueing_lock = ANY(%(keys)s) AND queue_name = %(queue)s
UNION ALL
SELECT queueing_lock, args->>'payload' FROM procrastinate_jobs
 WHERE status = 'doing' AND queueing_lock = ANY(%(keys)s) AND queue_name = %(queue)s
"""


class Queued(StrEnum):
    """What became of a campaign that was to be queued."""

    ADDED = "ADDED"
    """It is in the queue now."""
    THERE = "THERE"
    """It was there already, with the same payload: it waits, or is being sent."""


@frozen(kw_only=True)
class Feeder:
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
        self, pairs: Iterable[Pair] | AsyncIterable[Pair]
    ) -> AsyncGenerator[Outcome[Pair, Queued], None]:
        """Queue any number of campaigns, some hundreds in a transaction, and tell of each."""
        first = 0
        async for some in _batches(pairs):
            results = await self._placed(some)
            for index, (pair, result) in enumerate(zip(some, results, strict=True), first):
                yield _outcome(index, pair, result)
            first += len(some)

    async def _placed(self, pairs: Sequence[Pair]) -> Sequence[Queued | MediasflowError]:
        jobs = [self._job(*pair) for pair in pairs]
        sound = [job for job in jobs if isinstance(job, Job)]
        # One feeder at a time: between the look and the insertion no key may come in.
        async with self.database.transaction() as connection:
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            placed = _placed_among(jobs, await _payloads_there(connection, sound))
            new = [job for job, result in zip(jobs, placed, strict=True) if result is Queued.ADDED]
            added = [job for job in new if isinstance(job, Job)]
            if added:
                await self.app.job_manager.batch_defer_jobs_async(added, connection=connection)
        return placed

    def _job(self, key: str, request: CampaignRequest) -> Job | InvalidRequest:
        order = Order(request=request, sender=self.sender, auto_list=self.auto_list)
        problems = [*key_problems(key), *order_problems(order, self.dialect, datetime.now(UTC))]
        return InvalidRequest(problems=problems) if problems else job_of(key, order)


async def _payloads_there(
    connection: Connection, jobs: Sequence[Job]
) -> dict[str | None, str | None]:
    values = {"keys": [job.queueing_lock for job in jobs], "queue": QUEUE}
    return dict(await (await connection.execute(_THERE, values)).fetchall())


def _placed_among(
    jobs: Sequence[Job | InvalidRequest], there: dict[str | None, str | None]
) -> list[Queued | MediasflowError]:
    """Decide on each job, given the payloads in the queue by key; of twins the first goes in."""
    return [job if isinstance(job, InvalidRequest) else _placed_one(job, there) for job in jobs]


def _placed_one(job: Job, there: dict[str | None, str | None]) -> Queued | KeyConflict:
    key, payload = job.queueing_lock, _payload(job)
    if key not in there:
        there[key] = payload
        return Queued.ADDED
    if there[key] == payload:
        return Queued.THERE
    return KeyConflict(f"the key {mask_text(str(key))!r} is in the queue for another payload")


def _payload(job: Job) -> str:
    payload = job.task_kwargs["payload"]
    return payload.reveal() if isinstance(payload, Secret) else str(payload)


def _outcome(index: int, pair: Pair, result: Queued | MediasflowError) -> Outcome[Pair, Queued]:
    if isinstance(result, Queued):
        return Outcome(index=index, item=pair, value=result)
    return Outcome(index=index, item=pair, error=result)


async def _batches(
    pairs: Iterable[Pair] | AsyncIterable[Pair],
) -> AsyncGenerator[list[Pair], None]:
    if isinstance(pairs, AsyncIterable):
        batch: list[Pair] = []
        async for pair in pairs:
            batch.append(pair)
            if len(batch) == _AT_ONCE:
                yield batch
                batch = []
        if batch:
            yield batch
        return
    items = iter(pairs)
    while some := list(islice(items, _AT_ONCE)):
        yield some


@frozen
class Refused:
    """A campaign that can never be sent as it is; its payload is gone from the queue.

    Attributes:
        key: its key.
        why: what is wrong with it.
    """

    key: str
    why: str


def _no_report(_key: str, _end: Receipt | MediasflowError) -> None:
    """Tell nobody."""


@frozen
class Queue:
    """A queue of campaigns in a PostgreSQL database, by procrastinate.

    Any number of programs on any number of machines feed it and work on it. It holds each
    campaign whole, with its numbers and its message, until it has ended: then the job is
    deleted, and the journal alone knows of it.

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
        await prepare_tables(address)
        async with Database.open(address) as database:
            yield cls(database)

    async def feed(
        self,
        pairs: Iterable[Pair] | AsyncIterable[Pair],
        *,
        sender: str | None = None,
        auto_list: bool = False,
        dialect: Dialect | None = None,
    ) -> AsyncGenerator[Outcome[Pair, Queued], None]:
        """Queue any number of campaigns under their keys; to do it twice is harmless.

        Each is checked first. Those that were given before and have ended are queued, found in
        the journal and sent no second time.

        Args:
            pairs: keys and requests, read a few hundred at a time.
            sender: as in `Sender.send`, for all.
            auto_list: as in `Sender.send`.
            dialect: what the campaigns are checked against.

        Yields:
            An `Outcome` for each pair, in order: whether it was added, or is there already. Its
            error is an `InvalidRequest`, or a `KeyConflict` with what waits in the queue.

        Raises:
            QueueError: the database failed; what was told of before is in the queue.
        """
        feeder = Feeder(
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
        """Send what is in the queue until it is told to stop.

        A campaign that ends, well or not, leaves the queue. One that could not be sent yet, or
        whose fate is unknown, comes back under the same key after a wait that grows to five
        minutes, however often. One that can never be sent stays as `Refused`. Jobs of a worker
        that died are taken over.

        Args:
            sender: sends them; its journal belongs into the same database. It is shut down.
            stop: ends the work when it is set; what has not ended goes back to the queue.
            concurrency: jobs held at once: those that the sender works on, and those in doubt.
            stalled_after: time without a heartbeat, in seconds, after which a worker is dead.
            grace: how long calls under way are waited for at the stop.
            report: is told of each attempt, with its receipt or why it has not ended.
        """
        seconds = (
            timedelta(seconds=stalled_after)
            if isinstance(stalled_after, float | int)
            else stalled_after
        )
        app = self._database.new_app()
        task = SendTask(sender, self._database, report)
        task.register(app)
        worker = Worker(
            app=app,
            sender=sender,
            rescue=Rescue(app, self._database, task, seconds.total_seconds()),
            concurrency=concurrency,
            stalled_after=seconds.total_seconds(),
            grace=grace,
        )
        await worker.until(stop)

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
