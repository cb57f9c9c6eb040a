"""Campaigns spread over the workers of several machines, by procrastinate on PostgreSQL.

    async with (
        Journal.open(url) as journal,
        Queue.open(url) as queue,
        Session.from_env(token_store=queue.token_store) as session,
        Sender(session, journal, rate=40) as sender,
    ):
        await queue.work(sender, stop)

Every worker sends through a `Sender`, so that the promise of `mediasflow_async.delivery` holds
for all of them together. They share one token: on a server where a login ends the token before,
each would end that of the others. The journal keeps no number and no text. The queue has to keep
both, since they are what is to be sent: until the campaign has ended, and no longer.
"""

from __future__ import annotations

from mediasflow_async.workers.jobs import QueueError
from mediasflow_async.workers.queue import Queue, Queued, Refused

__all__ = ["Queue", "QueueError", "Queued", "Refused"]
