"""One life of a process that sends the campaigns of a run; it may be killed at any moment."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from random import Random
from typing import Any, Final

from attrs import field, frozen

from mediasflow_async import RetryPolicy, Session
from mediasflow_async.delivery import Journal, Sender, State
from mediasflow_async.secrecy import LOGGER
from tests.soak.campaigns import Pair
from tests.support.sessions import WITHOUT_TLS

__all__ = ["ENDED", "Life", "opened"]

ENDED: Final = (State.LAUNCHED, State.REJECTED, State.PARKED)
_TIMEOUT: Final = timedelta(seconds=0.2)
_OPTIONS: Final[dict[str, Any]] = {
    "limit": 20,
    "settle": timedelta(seconds=1.8),
    "confirm_every": timedelta(seconds=0.1),
    "lease": timedelta(seconds=2),
    "retry": RetryPolicy(base_wait=timedelta(seconds=0.02), quota=None),
}


@frozen(kw_only=True)
class Life:
    """What a life is given.

    Attributes:
        journal: the address of the journal.
        base_url: where the server is.
        pairs: all that is to be sent, by every life anew.
        seed: what says with which campaign it begins.
        resumes: whether it begins with what the dead left behind.
    """

    journal: str
    base_url: str
    pairs: Sequence[Pair] = field(repr=False)
    seed: str = ""
    resumes: bool = False

    def run(self, begun: Callable[[], None]) -> None:
        """Live until every campaign has ended.

        Args:
            begun: called when all is ready to send.
        """
        # How many are parked, the table says.
        LOGGER.setLevel(logging.ERROR)
        asyncio.run(self._live(begun))

    async def _live(self, begun: Callable[[], None]) -> None:
        async with opened(self.base_url, self.journal) as (sender, journal):
            begun()
            if self.resumes:
                await sender.resume()
            while left := self._turned(await _left(self.pairs, journal)):
                async with sender.send_many(left) as outcomes:
                    async for _ in outcomes:
                        pass

    def _turned(self, left: Sequence[Pair]) -> Sequence[Pair]:
        """Begin anywhere: those who began at the same place would wait for each other."""
        place = Random(self.seed).randrange(len(left) + 1)  # noqa: S311 - no secret
        return [*left[place:], *left[:place]]


@asynccontextmanager
async def opened(base_url: str, journal_url: str) -> AsyncIterator[tuple[Sender, Journal]]:
    """Give a sender and its journal."""
    async with (
        Journal.open(journal_url) as journal,
        Session(
            "soak",
            "of the soak",
            base_url=base_url,
            timeout=_TIMEOUT,
            ssl_context=WITHOUT_TLS,
        ) as session,
        Sender(session, journal, **_OPTIONS) as sender,
    ):
        yield sender, journal


async def _left(pairs: Sequence[Pair], journal: Journal) -> Sequence[Pair]:
    """Return what has not ended: to ask for each key would take most of a short life."""
    ended = {entry.key async for entry in journal.entries(*ENDED)}
    return [pair for pair in pairs if pair[0] not in ended]
