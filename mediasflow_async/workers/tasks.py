"""The job, its worker, its rescue, its backoff."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import anyio
from attrs import define, field, frozen
from procrastinate import App, JobContext
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job
from procrastinate.retry import BaseRetryStrategy, RetryDecision

from mediasflow_async._core.retry import RetryPolicy
from mediasflow_async.delivery.errors import KeyConflict, SenderStopped
from mediasflow_async.delivery.records import Receipt
from mediasflow_async.delivery.sender import Sender
from mediasflow_async.errors import InvalidRequest, MediasflowError
from mediasflow_async.secrecy import LOGGER, Secret, mask_text
from mediasflow_async.workers.database import Database
from mediasflow_async.workers.jobs import QUEUE, TASK, QueueError, order_of

__all__ = ["NEVER_SENT", "Backoff", "Report", "Rescue", "SendTask", "Worker"]


NEVER_SENT: Final = (InvalidRequest, KeyConflict)
"""What no repetition can help: nothing was sent, and nothing ever is."""

_BACKOFF: Final = RetryPolicy(base_wait=timedelta(seconds=2), max_wait=timedelta(minutes=5))


class Backoff(BaseRetryStrategy):
    """Does every job again that may still be sent, after longer and longer waits.

    No number of failures ends it: a campaign that is not sent and that nobody hears of is lost.
    """

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """Return when the job is done again, None for never."""
        if isinstance(exception, NEVER_SENT):
            return None
        wait = timedelta(0)
        if isinstance(exception, Exception) and not isinstance(exception, SenderStopped):
            wait = _BACKOFF.wait_after(exception, job.attempts + 1, _equal_jitter)
        return RetryDecision(retry_at=datetime.now(UTC) + wait)


def _equal_jitter() -> float:
    """Return a part from a half to the whole: a job is never taken up at once again."""
    return random.uniform(0.5, 1)  # noqa: S311 - no secret


Report = Callable[[str, Receipt | MediasflowError], object]
"""Is told of each attempt at a campaign: its key, and its receipt or why it has not ended."""

# The job stays, to be found by its key; the numbers and the text do not.
_EMPTY: Final = b"""
UPDATE procrastinate_jobs SET args = jsonb_build_object('key', %(key)s::text, 'why', %(why)s::text)
 WHERE id = %(id)s AND status = 'doing'
"""


@define(eq=False)
class SendTask:
    """Sends campaigns, each of them for a job.

    Attributes:
        sender: what sends them.
        database: where the queue is.
        report: who is told of each attempt.
        running: numbers of the jobs under way here.
        worker_id: whose jobs these are, once there was one.
    """

    sender: Sender
    database: Database
    report: Report
    running: set[int] = field(factory=set)
    worker_id: int | None = None

    def register(self, app: App) -> None:
        """Make this the task of an application."""
        app.task(name=TASK, queue=QUEUE, pass_context=True, retry=Backoff())(self.send)

    async def send(
        self, context: JobContext, *, key: str, payload: Secret | None = None, why: str = ""
    ) -> None:
        """Send the campaign of a job; its end, good or bad, ends the job.

        Raises:
            MediasflowError: it has not ended, or never can.
        """
        number = context.job.id or 0
        self.worker_id = context.job.worker_id
        self.running.add(number)
        try:
            await self._reported(number, key, payload, why)
        finally:
            self.running.discard(number)

    async def _reported(self, number: int, key: str, payload: Secret | None, why: str) -> None:
        try:
            receipt = await self._sent(key, payload, why)
        except MediasflowError as error:
            if isinstance(error, NEVER_SENT):
                await self._empty(number, key, error)
            self.report(key, error)
            raise
        self.report(key, receipt)

    async def _sent(self, key: str, payload: Secret | None, why: str) -> Receipt:
        if payload is None:
            raise QueueError(f"the payload of {mask_text(key)!r} was dropped: {why}")
        order = order_of(payload.reveal())
        return await self.sender.send(
            key, order.request, sender=order.sender, auto_list=order.auto_list
        )

    async def _empty(self, number: int, key: str, error: MediasflowError) -> None:
        values: dict[str, Any] = {"id": number, "key": key, "why": mask_text(error.message)}
        async with self.database.transaction() as connection:
            await connection.execute(_EMPTY, values)


_LOCK: Final = 0x6D656469_72657363  # any number that no other program locks


@define(eq=False)
class Rescue:
    """Gives back what dead workers held, and what this one holds without knowing of it.

    The journal decides what becomes of such a campaign: a job that is done twice after all sends
    nothing twice.

    Attributes:
        app: the application of procrastinate.
        database: where the queue is.
        task: what runs here.
        stalled_after: seconds without a heartbeat after which a worker counts as dead.
        idle: jobs that were this worker's and not under way, at the look before.
    """

    app: App
    database: Database
    task: SendTask
    stalled_after: float
    idle: frozenset[int] = field(default=frozenset(), init=False)

    async def keep_watch(self) -> None:
        """Look again and again, until it is cancelled."""
        while True:
            try:
                async with self.database.translated():
                    await self.look()
            except QueueError as error:
                LOGGER.warning("stalled jobs could not be looked for: %s", error.message)
            await anyio.sleep(self.stalled_after / 3)

    async def look(self) -> None:
        """Give back what is stalled now, unless another worker is about to."""
        await self._show_life()
        async with self.database.transaction() as connection:
            cursor = await connection.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
            if (True,) in await cursor.fetchall():
                await self._give_back(await self._of_the_dead())
        await self._give_back(await self._forgotten())

    async def _show_life(self) -> None:
        # Procrastinate's own heartbeat ends unseen when the database fails it once.
        if self.task.worker_id is not None:
            await self.app.job_manager.update_heartbeat(self.task.worker_id)

    async def _of_the_dead(self) -> list[Job]:
        stalled = await self.app.job_manager.get_stalled_jobs(
            queue=QUEUE, seconds_since_heartbeat=self.stalled_after
        )
        # Without a worker: of one that was stopped or pruned after it had lost its database.
        return [job for job in stalled if job.id not in self.task.running]

    async def _forgotten(self) -> list[Job]:
        """Return what the queue thinks is done here, and is not, at two looks in a row.

        The connection broke while a job was handed out, or while its end was written down.
        """
        if self.task.worker_id is None:
            return []
        ours = await self.app.job_manager.list_jobs_async(
            queue=QUEUE, status="doing", worker_id=self.task.worker_id
        )
        idle = [job for job in ours if job.id is not None and job.id not in self.task.running]
        twice = [job for job in idle if job.id in self.idle]
        self.idle = frozenset(job.id for job in idle if job.id is not None)
        return twice

    async def _give_back(self, jobs: list[Job]) -> None:
        for job in jobs:
            try:
                await self.app.job_manager.retry_job(job)
            except ConnectorException as error:
                # It has ended meanwhile, or is looked at again at the next look.
                problem = self.database.problem(error)
                LOGGER.info("job %s was not given back: %s", job.id, problem)
            else:
                LOGGER.warning("job %s was given back: its worker is gone", job.id)


_POLL_SECONDS = 1.0


@frozen(kw_only=True)
class Worker:
    """Does the jobs of the queue until it is stopped.

    Attributes:
        app: the application of procrastinate, which has the task.
        sender: what the task sends with.
        rescue: gives stalled jobs back.
        concurrency: jobs held at once.
        stalled_after: seconds without a heartbeat after which others take the jobs over.
        grace: how long calls under way are waited for at the stop.
    """

    app: App
    sender: Sender
    rescue: Rescue
    concurrency: int
    stalled_after: float
    grace: timedelta

    async def until(self, stop: asyncio.Event) -> None:
        """Work until the event is set, then stop and give back what has not ended."""
        working = asyncio.create_task(self._keep_working())
        watching = asyncio.create_task(self.rescue.keep_watch())
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({working, watching, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            with anyio.CancelScope(shield=True):
                # A worker of procrastinate that is cancelled takes no more jobs, and waits for
                # those that it has: the sender ends them.
                for task in (working, watching, stopped):
                    task.cancel()
                await self.sender.shutdown(self.grace)
                for task in (working, watching, stopped):
                    with suppress(asyncio.CancelledError):
                        await task

    async def _keep_working(self) -> None:
        """Work, and start anew when the database was away for a while."""
        while True:
            try:
                await self.app.run_worker_async(
                    queues=[QUEUE],
                    concurrency=self.concurrency,
                    fetch_job_polling_interval=_POLL_SECONDS,
                    # What has ended is in the journal: its payload goes at once.
                    delete_jobs="successful",
                    install_signal_handlers=False,
                    update_heartbeat_interval=self.stalled_after / 3,
                    stalled_worker_timeout=self.stalled_after,
                )
            except ConnectorException as error:
                problem = self.rescue.database.problem(error)
                LOGGER.warning("the queue is out of reach: %s", problem)
            await anyio.sleep(_POLL_SECONDS)
