"""One worker from its start to its stop."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

import anyio
from attrs import frozen
from procrastinate import App
from procrastinate.exceptions import ConnectorException

from mediasflow_async.delivery.sender import Sender
from mediasflow_async.telemetry import LOGGER
from mediasflow_async.workers.jobs import QUEUE
from mediasflow_async.workers.rescuing import Rescue

__all__ = ["Worker"]

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
