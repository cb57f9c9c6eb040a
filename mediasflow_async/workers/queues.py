"""The queue of campaigns that several machines share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from typing import Self

from attrs import frozen

from mediasflow_async.concurrency import Outcome
from mediasflow_async.delivery.postgres_address import Address
from mediasflow_async.delivery.receipts import Receipt
from mediasflow_async.delivery.sender import Sender
from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import MediasflowError
from mediasflow_async.workers.database import Database
from mediasflow_async.workers.feeding import Feeder, Pair, Queued
from mediasflow_async.workers.jobs import QUEUE
from mediasflow_async.workers.rescuing import Rescue
from mediasflow_async.workers.schema import prepare_tables
from mediasflow_async.workers.tasks import Report, SendTask
from mediasflow_async.workers.working import Worker

__all__ = ["Queue", "Refused"]


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
