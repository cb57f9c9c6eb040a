"""What a campaign is in the queue: the names that every worker and every feeder agrees on."""

from __future__ import annotations

from typing import Any, Final

from procrastinate.jobs import Job

from mediasflow_async.delivery.orders import Order
from mediasflow_async.masking import Secret
from mediasflow_async.workers.payloads import payload_of

__all__ = ["QUEUE", "TASK", "job_of"]

QUEUE: Final = "mediasflow"
TASK: Final = "mediasflow:send"


def job_of(key: str, order: Order) -> Job:
    """Return the job that sends an order under a key."""
    arguments: dict[str, Any] = {"key": key, "payload": Secret(payload_of(order))}
    return Job(
        queue=QUEUE,
        task_name=TASK,
        lock=None,
        queueing_lock=key,
        task_kwargs=arguments,
    )
