"""Any course of calls has the same results in a store and in a journal in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final

import anyio
from attrs import asdict, frozen
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from mediasflow_async.delivery.errors import CampaignTaken
from mediasflow_async.delivery.journal import Journal
from mediasflow_async.delivery.records import MOVES, Entry, Reason
from tests.delivery.simulation.journal import MemoryJournal
from tests.support.journals import LONG, sqlite_url
from tests.support.local_postgres import PostgresServer

pytest_plugins = ["tests.support.postgres_fixtures"]

SHORT: Final = timedelta(microseconds=1)
EVER: Final = datetime.max.replace(tzinfo=UTC)
# To shrink a course of calls takes hundreds of databases, and minutes.
IN_A_DATABASE: Final = settings(deadline=None, phases=[Phase.reuse, Phase.generate])
TIMES: Final = {"created_at", "updated_at", "read_at"}


@frozen
class Call:
    """A call of a journal; what it is about is one of the entries that were returned before."""

    name: str
    about: int
    key: str
    digest: str
    lease: timedelta
    to: int
    details: dict[str, Any]


CALLS: Final = st.builds(
    Call,
    name=st.sampled_from(
        ["claim", "claim", "move", "move", "move", "renew", "release", "take", "disclaim"]
    ),
    about=st.integers(0, 3),
    key=st.sampled_from(["one", "two", "three"]),
    digest=st.sampled_from(["digest", "digest", "digest", "another"]),
    lease=st.sampled_from([LONG, SHORT]),
    to=st.integers(0, 4),
    details=st.fixed_dictionaries(
        {
            "reason": st.sampled_from([None, *Reason]),
            "status": st.sampled_from([None, 404]),
            "sender": st.sampled_from([None, "SHOP"]),
            "campaign_id": st.integers(1, 4),
        }
    ),
)


class Course:
    """The calls of a journal, and the entries that they returned."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._seen: list[Entry] = []
        self._owners = (f"owner {number}" for number in count())

    async def result(self, call: Call) -> object:
        """Make a call; return its result, without what depends on the time of day."""
        try:
            entries = await self._made(call)
        except CampaignTaken as error:
            return error.campaign_id
        if isinstance(entries, int):
            return entries
        self._seen += entries
        return [plain(entry) for entry in entries]

    async def _made(self, call: Call) -> Sequence[Entry] | int:
        owner = next(self._owners)
        if call.name == "claim" or not self._seen:
            claim = self._journal.claim(call.key, call.digest, owner=owner, lease=call.lease)
            return [await claim]
        if call.name == "take":
            taken = await self._journal.take(
                owner=owner, lease=call.lease, limit=call.about + 1, before=EVER
            )
            return sorted(taken, key=lambda entry: entry.key)
        about = self._seen[-1 - call.about % len(self._seen)]
        if call.name == "disclaim":
            key = about.key if call.to % 2 else None
            return await self._journal.disclaim(about.owner or owner, key=key)
        entry = await self._changed(call, about)
        return [entry] if entry else []

    async def _changed(self, call: Call, about: Entry) -> Entry | None:
        if call.name == "renew":
            return await self._journal.renew(about, call.lease)
        if call.name == "release" or not MOVES[about.state]:
            return await self._journal.release(about)
        to = sorted(MOVES[about.state])[call.to % len(MOVES[about.state])]
        lease = call.lease if about.owner else None
        return await self._journal.move(about, to, lease=lease, **call.details)


def plain(entry: Entry) -> dict[str, object]:
    """Return an entry with its times in relation to each other."""
    values = {name: value for name, value in asdict(entry).items() if name not in TIMES}
    return values | {
        "lease_until": entry.lease_until and entry.lease_until - entry.updated_at,
        "launching_since": entry.launching_since == entry.updated_at,
        "quiet_since": entry.quiet_since and near(entry.quiet_since, entry),
    }


def near(moment: datetime, entry: Entry) -> str:
    """Return how a moment lies to the last change and to the end of the lease."""
    return f"with lease: {moment == entry.lease_until}, now: {moment == entry.updated_at}"


class Clock:
    """Stands still but for its ticks."""

    def __init__(self) -> None:
        self._moment = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self._moment

    def tick(self) -> None:
        self._moment += timedelta(milliseconds=1)


async def both_agree(url: str, calls: Sequence[Call]) -> None:
    clock = Clock()
    memory = MemoryJournal(clock.now)
    async with Journal.open(url) as store:
        real, imagined = Course(store), Course(memory)
        for call in calls:
            clock.tick()
            assert await real.result(call) == await imagined.result(call), call
        kept = [plain(entry) async for entry in store.entries()]
        assert kept == [plain(entry) async for entry in memory.entries()]
        assert await store.counts() == await memory.counts()
        assert list(await store.check()) == []


@settings(IN_A_DATABASE, max_examples=100)
@given(st.lists(CALLS, min_size=5, max_size=30))
def test_sqlite_does_what_the_protocol_says(calls: list[Call]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        anyio.run(both_agree, sqlite_url(Path(folder)), calls)


@settings(IN_A_DATABASE, max_examples=30)
@given(calls=st.lists(CALLS, min_size=10, max_size=40))
def test_postgresql_does_what_the_protocol_says(
    postgres: PostgresServer, calls: list[Call]
) -> None:
    anyio.run(both_agree, postgres.new_schema(), calls)
