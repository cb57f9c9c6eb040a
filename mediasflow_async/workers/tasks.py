"""What a worker does: run procrastinate's worker, send each job's campaign, requeue lost jobs.

The journal decides what becomes of a campaign, so a job that runs twice sends nothing twice. The
queue has only to make sure that every job runs until its campaign has ended.
"""

from __future__ import annotations

import asyncio
import copy
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
from mediasflow_async.errors import InvalidRequest, MediasflowError, is_login_refused
from mediasflow_async.secrecy import LOGGER, Secret, mask_text
from mediasflow_async.workers.database import Database
from mediasflow_async.workers.jobs import QUEUE, TASK, QueueError, order_of

__all__ = ["Backoff", "Report", "Rescue", "SendTask", "Worker"]

Report = Callable[[str, Receipt | MediasflowError], object]
"""Called after each attempt at a campaign with its key, and its receipt or why it has not ended."""

_POLL_SECONDS: Final = 1.0


@frozen(kw_only=True)
class Worker:
    """Runs the jobs of the queue until it is stopped.

    Attributes:
        app: the application of procrastinate, which has the task.
        sender: what the task sends with.
        rescue: requeues lost jobs.
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

    async def run_until(self, stop: asyncio.Event) -> None:
        """Work until the event is set, then stop and requeue what has not ended.

        Raises:
            MediasflowError: the login is refused, and with it every further campaign.
        """
        sending = self.rescue.task
        tasks = [
            asyncio.create_task(self._keep_working()),
            asyncio.create_task(self.rescue.run()),
            asyncio.create_task(stop.wait()),
            asyncio.create_task(sending.gave_up.wait()),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            with anyio.CancelScope(shield=True):
                # A worker of procrastinate that is cancelled takes no more jobs, and waits for
                # those that it has: the shutdown of the sender ends them.
                for task in tasks:
                    task.cancel()
                await self.sender.shutdown(self.grace)
                for task in tasks:
                    with suppress(asyncio.CancelledError):
                        await task
        if sending.refusal is not None:
            raise sending.refusal.with_traceback(None)

    async def _keep_working(self) -> None:
        """Run procrastinate's worker, and a new one when the database was away for a while."""
        while True:
            try:
                await self.app.run_worker_async(
                    queues=[QUEUE],
                    concurrency=self.concurrency,
                    fetch_job_polling_interval=_POLL_SECONDS,
                    # A campaign that has ended is in the journal: its payload is deleted at once.
                    delete_jobs="successful",
                    install_signal_handlers=False,
                    update_heartbeat_interval=self.stalled_after / 3,
                    stalled_worker_timeout=self.stalled_after,
                )
            except ConnectorException as error:
                problem = self.rescue.database.problem(error)
                LOGGER.warning("the queue is out of reach: %s", problem)
            await anyio.sleep(_POLL_SECONDS)


_NEVER_SENT: Final = (InvalidRequest, KeyConflict)
"""Errors that no repetition can help: nothing was sent, and nothing ever is."""

# The job stays, to be found by its key; the numbers and the text do not.
_DROP_PAYLOAD: Final = b"""
UPDATE procrastinate_jobs SET args = jsonb_build_object('key', %(key)s::text, 'why', %(why)s::text)
 WHERE id = %(id)s AND status = 'doing'
"""


@define(eq=False)
class SendTask:
    """Sends campaigns, each of them for a job.

    Attributes:
        sender: what sends them.
        database: where the queue is.
        report: called after each attempt.
        running: numbers of the jobs under way here.
        worker_id: procrastinate's number of this worker; None before the first job.
        gave_up: set when the login is refused.
        refusal: the error of that login.
    """

    sender: Sender
    database: Database
    report: Report
    running: set[int] = field(factory=set)
    worker_id: int | None = None
    gave_up: asyncio.Event = field(factory=asyncio.Event, init=False)
    refusal: MediasflowError | None = field(default=None, init=False)

    def register(self, app: App) -> None:
        """Make this the task of an application."""
        app.task(name=TASK, queue=QUEUE, pass_context=True, retry=Backoff())(self.send)

    async def send(
        self, context: JobContext, *, key: str, payload: Secret | None = None, why: str = ""
    ) -> None:
        """Send the campaign of a job; the job ends when the campaign has, well or not.

        Raises:
            MediasflowError: it has not ended, or never can.
        """
        number = context.job.id or 0
        self.worker_id = context.job.worker_id
        self.running.add(number)
        try:
            await self._send_and_report(number, key, payload, why)
        finally:
            self.running.discard(number)

    async def _send_and_report(
        self, number: int, key: str, payload: Secret | None, why: str
    ) -> None:
        try:
            receipt = await self._send(key, payload, why)
        except MediasflowError as error:
            if isinstance(error, _NEVER_SENT):
                await self._drop_payload(number, key, error)
            elif is_login_refused(error):
                self.refusal = copy.copy(error)
                self.gave_up.set()
            self.report(key, error)
            raise
        self.report(key, receipt)

    async def _send(self, key: str, payload: Secret | None, why: str) -> Receipt:
        if payload is None:
            raise QueueError(f"the payload of {mask_text(key)!r} was dropped: {why}")
        order = order_of(payload.reveal())
        return await self.sender.send(
            key, order.request, sender=order.sender, auto_list=order.auto_list
        )

    async def _drop_payload(self, number: int, key: str, error: MediasflowError) -> None:
        values: dict[str, Any] = {"id": number, "key": key, "why": mask_text(error.message)}
        async with self.database.transaction() as connection:
            await connection.execute(_DROP_PAYLOAD, values)


_BACKOFF: Final = RetryPolicy(base_wait=timedelta(seconds=2), max_wait=timedelta(minutes=5))


class Backoff(BaseRetryStrategy):
    """Runs every job again whose campaign may still be sent, after waits that double.

    No number of failures ends it: a campaign that is neither sent nor reported would be lost.
    """

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """Return when the job runs again, None for never."""
        if isinstance(exception, _NEVER_SENT):
            return None
        wait = timedelta(0)
        if isinstance(exception, Exception) and not isinstance(exception, SenderStopped):
            wait = _BACKOFF.wait_after(exception, job.attempts + 1, _equal_jitter)
        return RetryDecision(retry_at=datetime.now(UTC) + wait)


def _equal_jitter() -> float:
    """Return a number from a half to one: no job that failed runs again at once."""
    return random.uniform(0.5, 1)  # noqa: S311 - no secret


_LOCK: Final = 0x6D656469_72657363  # any number that no other program locks


@define(eq=False)
class Rescue:
    """Requeues the jobs of dead workers, and those that this worker has without knowing of them.

    Attributes:
        app: the application of procrastinate.
        database: where the queue is.
        task: the task that runs here.
        stalled_after: seconds without a heartbeat after which a worker counts as dead.
        idle: jobs that were this worker's and not under way, at the check before.
    """

    app: App
    database: Database
    task: SendTask
    stalled_after: float
    idle: frozenset[int] = field(default=frozenset(), init=False)

    async def run(self) -> None:
        """Check again and again, until it is cancelled."""
        while True:
            try:
                async with self.database.translated():
                    await self._check()
            except QueueError as error:
                LOGGER.warning("stalled jobs could not be looked for: %s", error.message)
            await anyio.sleep(self.stalled_after / 3)

    async def _check(self) -> None:
        """Requeue what is stalled now, unless another worker does that at the same time."""
        await self._send_heartbeat()
        async with self.database.transaction() as connection:
            cursor = await connection.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
            if (True,) in await cursor.fetchall():
                await self._requeue(await self._jobs_of_dead_workers())
        await self._requeue(await self._jobs_never_received())

    async def _send_heartbeat(self) -> None:
        # Procrastinate's own heartbeat ends without a message when the database fails it once.
        if self.task.worker_id is not None:
            await self.app.job_manager.update_heartbeat(self.task.worker_id)

    async def _jobs_of_dead_workers(self) -> list[Job]:
        stalled = await self.app.job_manager.get_stalled_jobs(
            queue=QUEUE, seconds_since_heartbeat=self.stalled_after
        )
        # Some have no worker: theirs was stopped, or pruned after it had lost its database.
        return [job for job in stalled if job.id not in self.task.running]

    async def _jobs_never_received(self) -> list[Job]:
        """Return the jobs that the queue counts as running here and that do not, twice in a row.

        The connection broke while a job was handed out, or while its end was recorded.
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

    async def _requeue(self, jobs: list[Job]) -> None:
        for job in jobs:
            try:
                await self.app.job_manager.retry_job(job)
            except ConnectorException as error:
                # It has ended meanwhile, or the next check tries again.
                problem = self.database.problem(error)
                LOGGER.info("job %s was not given back: %s", job.id, problem)
            else:
                LOGGER.warning("job %s was given back: its worker is gone", job.id)
