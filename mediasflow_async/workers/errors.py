"""What can go wrong with the queue itself."""

from __future__ import annotations

from mediasflow_async.errors import MediasflowError

__all__ = ["QueueError"]


class QueueError(MediasflowError):
    """The queue failed; what it already holds is kept."""

    next_step = "Check the database, then do the same again: nothing is queued or sent twice."
