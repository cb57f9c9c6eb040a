"""Putting campaigns into the queue, each key at most once."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice
from typing import Final

from attrs import field, frozen
from procrastinate import App
from procrastinate.jobs import Job

from mediasflow_async.concurrency import Outcome
from mediasflow_async.delivery.errors import KeyConflict
from mediasflow_async.delivery.orders import Order, key_problems, order_problems
from mediasflow_async.delivery.postgres_pool import Connection
from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import InvalidRequest, MediasflowError
from mediasflow_async.masking import Secret, mask_text
from mediasflow_async.models import CampaignRequest
from mediasflow_async.workers.database import Database
from mediasflow_async.workers.jobs import QUEUE, job_of

__all__ = ["Feeder", "Pair", "Queued"]

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
