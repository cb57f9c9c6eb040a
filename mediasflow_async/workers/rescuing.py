"""Jobs that nobody works on any more, given back to the queue."""

from __future__ import annotations

from typing import Final

import anyio
from attrs import define, field
from procrastinate import App
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job

from mediasflow_async.telemetry import LOGGER
from mediasflow_async.workers.database import Database
from mediasflow_async.workers.errors import QueueError
from mediasflow_async.workers.jobs import QUEUE
from mediasflow_async.workers.tasks import SendTask

__all__ = ["Rescue"]

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
