"""The journal in a database, whichever it is."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from attrs import asdict

from mediasflow_async.delivery import statements
from mediasflow_async.delivery.accounts import Account
from mediasflow_async.delivery.database import Database, Row, Values
from mediasflow_async.delivery.entries import Entry
from mediasflow_async.delivery.journal import Journal
from mediasflow_async.delivery.rows import compared, entry_of, json_line, moved
from mediasflow_async.delivery.schema import RULES
from mediasflow_async.delivery.statements import Change
from mediasflow_async.delivery.states import Reason, State

__all__ = ["DatabaseJournal"]

_BATCH: Final = 500
_BEFORE_ALL: Final = datetime(1970, 1, 1, tzinfo=UTC)


class DatabaseJournal(Journal):
    """Answers to `Journal` with one statement each; the methods are described there.

    Args:
        database: runs the statements.
        salt: the key of the digests.
    """

    def __init__(self, database: Database, salt: bytes) -> None:
        self._database = database
        self._salt = salt

    @property
    def salt(self) -> bytes:
        """The key of the digests."""
        return self._salt

    async def belong(self, account: Account, *, adopt: str | None = None) -> Account:
        """Record whose campaigns the journal holds, unless that is recorded already."""
        values = asdict(account)
        if adopt is not None:
            await self._database.write(statements.ADOPT, values | {"adopted": adopt})
        (row,) = await self._database.change(statements.BELONG, values)
        return Account(*row)

    async def claim(self, key: str, digest: str, *, owner: str, lease: timedelta) -> Entry:
        """Get an entry to work on it, and make it where there is none."""
        values = {"key": key, "digest": digest, "owner": owner, "lease": lease}
        entry = await self._changed(statements.CLAIM, values)
        # What is not to be had may have been purged before it is read: then it is new again.
        while entry is None and (entry := await self.get(key)) is None:
            entry = await self._changed(statements.CLAIM, values)
        return entry

    async def take(
        self, *, owner: str, lease: timedelta, limit: int, before: datetime
    ) -> Sequence[Entry]:
        """Take over what dead or finished owners left."""
        values = {"owner": owner, "lease": lease, "limit": limit, "before": before}
        return self._entries(await self._database.change(statements.TAKE, values))

    async def move(
        self,
        entry: Entry,
        to: State,
        *,
        lease: timedelta | None = None,
        campaign_id: int | None = None,
        sender: str | None = None,
        reason: Reason | None = None,
        status: int | None = None,
    ) -> Entry | None:
        """Change the state, if the entry still has its key, state and owner."""
        values = moved(
            entry,
            to,
            lease=lease,
            campaign_id=campaign_id,
            sender=sender,
            reason=reason,
            status=status,
        )
        return await self._changed(statements.MOVE, values)

    async def renew(self, entry: Entry, lease: timedelta) -> Entry | None:
        """Extend the lease, by who has no launch under way."""
        return await self._changed(statements.HOLD, compared(entry, lease))

    async def release(self, entry: Entry) -> Entry | None:
        """Give an open entry back, by who has no launch under way."""
        return await self._changed(statements.HOLD, compared(entry, None))

    async def disclaim(self, owner: str, *, key: str | None = None) -> int:
        """Give back what a claim or a take got that was cut short."""
        if key is None:
            return await self._database.write(statements.DISCLAIM_ALL, {"owner": owner})
        return await self._database.write(statements.DISCLAIM, {"owner": owner, "key": key})

    async def get(self, key: str) -> Entry | None:
        """Return the entry of a key, or None."""
        entries = self._entries(await self._database.ask(statements.GET, {"key": key}))
        return entries[0] if entries else None

    async def now(self) -> datetime:
        """Return the journal's clock."""
        ((now,),) = await self._database.ask(statements.NOW, {})
        return self._database.moment(now)

    async def counts(self) -> Mapping[State, int]:
        """Return how many entries are in each state."""
        rows = await self._database.ask(statements.COUNT, {})
        return dict.fromkeys(State, 0) | {State(state): count for state, count in rows}

    async def entries(self, *states: State) -> AsyncGenerator[Entry, None]:
        """Iterate over the entries in these states, all by default."""
        question = statements.listing(frozenset(states or State))
        after: dict[str, Any] = {"created_at": _BEFORE_ALL, "key": "", "limit": _BATCH}
        while batch := self._entries(await self._database.ask(question, after)):
            for entry in batch:
                yield entry
            after |= {"created_at": batch[-1].created_at, "key": batch[-1].key}

    async def export(self) -> AsyncGenerator[str, None]:
        """Iterate over all entries as lines of JSON."""
        async with aclosing(self.entries()) as entries:
            async for entry in entries:
                yield json_line(entry)

    async def purge(self, older_than: timedelta) -> int:
        """Forget what ended long ago."""
        values = {"older_than": older_than, "limit": _BATCH}
        purged = 0
        while count := await self._database.write(statements.PURGE, values):
            purged += count
        return purged

    async def check(self) -> Sequence[str]:
        """Return what is wrong with the journal."""
        problems = [*await self._database.damages()]
        for rule in RULES:
            keys = await self._database.ask(rule.question, {})
            problems += [f"entry {key!r}: {rule.broken}" for (key,) in keys]
        return problems

    async def pace(self, rate: float) -> timedelta:
        """Reserve the next slot of the rate that all who share the journal keep together."""
        interval = timedelta(seconds=1 / rate)
        ((wait,),) = await self._database.change(statements.PACE, {"interval": interval})
        return max(self._database.span(wait), timedelta(0))

    async def postpone(self, delay: timedelta) -> None:
        """Let no slot lie before now plus `delay`."""
        await self._database.change(statements.POSTPONE, {"delay": delay})

    async def _changed(self, change: Change, values: Values) -> Entry | None:
        entries = self._entries(await self._database.change(change, values))
        return entries[0] if entries else None

    def _entries(self, rows: Sequence[Row]) -> list[Entry]:
        return [entry_of(row, self._database.moment) for row in rows]
