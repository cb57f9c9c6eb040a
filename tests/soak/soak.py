"""One soak: campaigns, faults and kills, and what is left of them in the end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from attrs import evolve, frozen

from tests.soak.accounts import Account, audited
from tests.soak.campaigns import Pair, pairs
from tests.soak.faults import Faults
from tests.soak.kills import Begun, Kills
from tests.soak.ledger import Statement
from tests.soak.lives import Life, opened
from tests.soak.serving import Address, serving

__all__ = ["LATEST", "Plan", "Run", "looked_at", "soaked"]

LATEST: Final = 0.6
"""Seconds after a client gave up until which the server may still process: less than `settle`, by
so much that a machine with too much to do breaks no promise that the server has to keep."""
_RESUMING: Final = 3  # of so many lives, one begins with `resume`


@frozen(kw_only=True)
class Plan:
    """What is done.

    Attributes:
        seed: what chooses the faults and the kills.
        share: the part of the requests that a fault hits.
        interval: seconds that a process lives, on average.
        processes: how many send at once.
    """

    seed: int
    share: float = 0.2
    interval: float = 2.0
    processes: int = 4

    @property
    def faults(self) -> Faults:
        """What goes wrong at the server."""
        return Faults(seed=self.seed, share=self.share)


@frozen(kw_only=True)
class Run:
    """What came of it.

    Attributes:
        name: of the row in the table.
        account: what became of the campaigns.
        kills: how many lives were ended by `kill -9`.
        requests: what the server saw, by what was asked for.
        faults: what it did to them.
        latest: seconds after which it did process what was to be late.
        seconds: how long it took.
    """

    name: str
    account: Account
    kills: int
    requests: Mapping[str, int]
    faults: Mapping[str, int]
    latest: float
    seconds: float

    @classmethod
    def of(
        cls, name: str, account: Account, kills: Kills, statement: Statement, seconds: float
    ) -> Run:
        """Return a run that has ended."""
        return cls(
            name=name,
            account=account,
            kills=kills.count,
            requests=statement["requests"],
            faults=statement["faults"],
            latest=statement["latest"],
            seconds=seconds,
        )


def soaked(plan: Plan, name: str, journal: str, count: int) -> Run:
    """Send so many campaigns through a journal, and look at what is left."""
    campaigns = pairs(count)
    kills = Kills(plan.seed, plan.interval)
    begin = time.monotonic()
    with serving(plan.faults, LATEST) as server:
        life = Life(journal=journal, base_url=server.base_url, pairs=campaigns)
        kills.until_done(partial(_live, plan.seed, life), processes=plan.processes)
        seconds = time.monotonic() - begin
        account, statement = asyncio.run(looked_at(journal, server, campaigns))
    return Run.of(name, account, kills, statement, seconds)


def _live(seed: int, life: Life, number: int, begun: Begun) -> None:
    resumes = number % _RESUMING == 0
    evolve(life, seed=f"{seed}/{number}", resumes=resumes).run(begun)


async def looked_at(
    journal_url: str, server: Address, campaigns: Sequence[Pair]
) -> tuple[Account, Statement]:
    """Return what became of the campaigns, and the server's ledger."""
    async with opened(server.base_url, journal_url) as (sender, journal):
        return await audited(sender, journal, campaigns, server), await server.statement()
