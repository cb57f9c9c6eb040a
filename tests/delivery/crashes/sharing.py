"""A program that sends campaigns at a rate which it shares with others of its kind.

Its arguments are the address of the journal and of the sandbox, who logs in there with which
password, the rate per second, and the keys. Each request says in a header since when it may be
on its way.
"""

from __future__ import annotations

import asyncio
import sys
import time
from contextvars import ContextVar
from datetime import timedelta
from typing import Any, Final

from mediasflow_async import Session
from mediasflow_async.delivery import Journal, Sender
from mediasflow_async.transport import Answer, AsyncioTransport, Outgoing
from tests.support.senders import request_for

__all__ = ["HEADER"]

HEADER: Final = "x-departure"

_DEPARTURE: Final[ContextVar[float]] = ContextVar("departure", default=0.0)


class _Noting:
    """A journal that notes when its departures begin, the earliest that it may be."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    async def pace(self, rate: float) -> timedelta:
        asked = time.time()
        wait = await self._journal.pace(rate)
        _DEPARTURE.set(asked + wait.total_seconds())
        return wait


class _Telling(AsyncioTransport):
    async def send(self, outgoing: Outgoing) -> Answer:
        header = (HEADER.encode(), repr(_DEPARTURE.get()).encode())
        return await super().send(outgoing.with_headers([header]))


async def main(
    journal_url: str, base_url: str, username: str, password: str, rate: str, *keys: str
) -> None:
    """Send."""
    async with (
        Journal.open(journal_url) as journal,
        _Telling() as transport,
        Session(username, password, base_url=base_url, transport=transport) as session,
    ):
        noting: Any = _Noting(journal)
        async with Sender(session, noting, rate=float(rate)) as sender:
            async for outcome in sender.send_many((key, request_for(key)) for key in keys):
                assert outcome.unwrap().is_launched


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
