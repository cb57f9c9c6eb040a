"""The task of a worker: one campaign, sent by the same sender as everywhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from attrs import define, field
from procrastinate import App, JobContext

from mediasflow_async.delivery.receipts import Receipt
from mediasflow_async.delivery.sender import Sender
from mediasflow_async.errors import MediasflowError
from mediasflow_async.masking import Secret, mask_text
from mediasflow_async.workers.backoff import NEVER_SENT, Backoff
from mediasflow_async.workers.database import Database
from mediasflow_async.workers.errors import QueueError
from mediasflow_async.workers.jobs import QUEUE, TASK
from mediasflow_async.workers.payloads import order_of

__all__ = ["Report", "SendTask"]

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
