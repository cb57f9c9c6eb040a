"""The journal: the durable record of what was asked for and how far each campaign came.

`Journal` is written once, over SQL. Where the rows are kept is a store's business: a file
(`delivery.sqlite`) or a server (`delivery.postgres`), each of which gives a `Database` to run the
statements of `delivery.sql` on.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import orjson
from attrs import asdict, fields

from mediasflow_async.delivery import sql
from mediasflow_async.delivery.errors import JournalError
from mediasflow_async.delivery.records import MOVES, Account, Entry, Reason, State
from mediasflow_async.errors import ConfigurationError
from mediasflow_async.models.values import is_encodable, is_file_name

__all__ = ["Journal"]

_BATCH: Final = 500
_OLDEST: Final = timedelta(days=365 * 50)
_LONGEST_DELAY: Final = timedelta(days=1)
_LONGEST_INTERVAL_SECONDS: Final = timedelta(days=365).total_seconds()
_BEFORE_ALL: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Journal:
    """The durable record of what was asked for and how far it came.

    `Journal.open(url)` opens one. Several processes, and with PostgreSQL several machines, may
    share it. Each method is one atomic transaction, and what it changed is durable, on the
    disk, before it returns: LAUNCHING above all, which must outlive the machine before the
    first byte of a launch leaves. A call that is cancelled may or may not have had its effect,
    and leaves the journal usable.

    The journal's own clock decides on leases: the server's on PostgreSQL, the machine's on
    SQLite. It is read within the transaction, and never goes back in what it stores. A lease
    binds those who want to take an entry over, not its owner: an owner whose lease has run out,
    and whose entry nobody took, may still move, renew or release it.

    Failures of the store raise `JournalError`.

    A journal is used in the process that opened it: its connections do not survive a fork.

    Args:
        database: runs the statements.
        salt: the key of the digests; see `salt`.
    """

    def __init__(self, database: sql.Database, salt: bytes) -> None:
        self._opened_database = database
        self._opened_in = os.getpid()
        self._salt = salt

    @staticmethod
    def open(url: str) -> AbstractAsyncContextManager[Journal]:
        """Open a journal, made and migrated where needed, as an async context manager.

        Args:
            url: ``sqlite:///relative.db``, ``sqlite:////absolute.db`` or ``postgresql://...``.

        Raises:
            ConfigurationError: for an address of another kind, or where what it needs is not
                installed.
            JournalError: when the journal cannot be opened, or is of a later version.
        """
        return _opened(_store_at(url))

    @property
    def salt(self) -> bytes:
        """32 random bytes, made with the journal and kept in it: the key of its digests."""
        return self._salt

    async def belong(self, account: Account, *, adopt: str | None = None) -> Account:
        """Record whose campaigns the journal holds, unless that is recorded already.

        Atomically: who comes first is recorded. A login is added where only the address was
        known, and the address is the same.

        Args:
            account: whose they are.
            adopt: an address; where that is the recorded one, `account` replaces it.

        Returns:
            What is recorded afterwards.
        """
        values = asdict(account)
        if adopt is not None:
            await self._database.execute(sql.ADOPT, values | {"adopted": adopt})
        (row,) = await self._database.change(sql.BELONG, values)
        return Account(*row)

    async def claim(self, key: str, digest: str, *, owner: str, lease: timedelta) -> Entry:
        """Get an entry to work on it, and make it where there is none.

        Atomically: a key without an entry gets one, NEW, with this digest, owner and lease. An
        open entry (`State.is_open`) with the same digest that is free, or whose lease has run
        out, gets this owner and lease; nothing else of it changes but `updated_at`. Any other
        entry (final, parked, of another digest, or leased to another owner) is returned as it
        is.

        Args:
            key: the caller's key.
            digest: digest of the payload.
            owner: token of this claim.
            lease: how long, from now, by the journal's clock.

        Returns:
            The entry afterwards: `entry.owner == owner` says that the claim succeeded.
        """
        values = {"key": key, "digest": digest, "owner": owner, "lease": lease}
        entry = await self._changed(sql.CLAIM, values)
        # An entry that is not to be had may be purged before it is read: then the key is new.
        while entry is None and (entry := await self.get(key)) is None:
            entry = await self._changed(sql.CLAIM, values)
        return entry

    async def take(
        self, *, owner: str, lease: timedelta, limit: int, before: datetime
    ) -> Sequence[Entry]:
        """Take over what dead or finished owners left, for `Sender.resume`.

        Atomically gives this owner and lease to at most `limit` entries that are PREPARED or
        LAUNCHING, free or with a lease that has run out, and last changed before `before`; the
        longest unchanged first. Entries that another transaction has locked are passed over,
        not waited for (SKIP LOCKED). NEW ones are left out, since their payload is not here.
        Several entries get the same owner: their keys tell them apart.

        Returns:
            The entries afterwards; empty when there are none.
        """
        values = {"owner": owner, "lease": lease, "limit": limit, "before": before}
        return self._entries(await self._database.change(sql.TAKE, values))

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
        """Change the state, if the entry still has the key, state and owner that it is given with.

        Compare-and-set on (key, state, owner), an owner of None being equal to None; the other
        fields of `entry` are not looked at. `lease_until` becomes now plus `lease`; without a
        lease, and in every state that is not open, the entry becomes free: owner and lease None.
        `campaign_id` and `sender` replace what is there when they are not None; `reason` and
        `status` always replace it.

        To LAUNCHING: `launches` grows by one, `launching_since` becomes now where it is None,
        and `quiet_since` becomes the new `lease_until`. To PREPARED: `launching_since` and
        `quiet_since` become None.

        Returns:
            The entry afterwards, or None when the compare failed, and then nothing changed.

        Raises:
            CampaignTaken: `campaign_id` is another key's; nothing changed.
            ValueError: the move is none of `records.MOVES`; nothing changed.
        """
        if to not in MOVES[entry.state]:
            raise ValueError(f"a journal has no move from {entry.state} to {to}")
        values = _compared(entry, lease if to.is_open else None) | {
            "to": to.value,
            "campaign_id": campaign_id,
            "sender": sender,
            "reason": reason.value if reason else None,
            "status": status,
        }
        return await self._changed(sql.MOVE, values)

    async def renew(self, entry: Entry, lease: timedelta) -> Entry | None:
        """Extend the lease, by an owner that has no launch under way.

        Compare-and-set on (key, state, owner) of an entry with an owner. `lease_until` becomes
        now plus `lease`. In LAUNCHING, `quiet_since` becomes now where it is later than now.

        Returns:
            The entry afterwards, or None when the compare failed.
        """
        return await self._changed(sql.RENEW, _compared(entry, lease))

    async def release(self, entry: Entry) -> Entry | None:
        """Give an open entry back, by an owner that has no launch under way.

        Others may claim it at once. Compare-and-set as in `renew`; owner and lease become None.
        In LAUNCHING, `quiet_since` becomes now where it is later than now.

        Returns:
            The entry afterwards, or None when the compare failed.
        """
        return await self._changed(sql.RENEW, _compared(entry, None))

    async def disclaim(self, owner: str, *, key: str | None = None) -> int:
        """Give back what a `claim` or a `take` got whose answer did not arrive, as `release` does.

        For a caller that was cancelled before the answer came, and so does not know what it
        has: it cannot have begun anything with it. Should that call have its effect later than
        this one, the lease ends it.

        Args:
            owner: the token of that one call.
            key: the key of a claim; None for a take.

        Returns:
            How many entries were given back.
        """
        if key is None:
            return await self._database.execute(sql.DISCLAIM_ALL, {"owner": owner})
        return await self._database.execute(sql.DISCLAIM, {"owner": owner, "key": key})

    async def get(self, key: str) -> Entry | None:
        """Return the entry of a key, or None."""
        if not is_encodable(key):
            return None
        entries = self._entries(await self._database.query(sql.GET, {"key": key}))
        return entries[0] if entries else None

    async def now(self) -> datetime:
        """Return the journal's clock."""
        ((now,),) = await self._database.query(sql.NOW, {})
        return self._database.datetime_of(now)

    async def counts(self) -> Mapping[State, int]:
        """Return how many entries are in each state; every state is there."""
        rows = await self._database.query(sql.COUNT, {})
        return dict.fromkeys(State, 0) | {State(state): count for state, count in rows}

    async def entries(self, *states: State) -> AsyncGenerator[Entry, None]:
        """Iterate over the entries in these states, all by default, the oldest key first.

        Read in batches, at constant memory, and not one snapshot: an entry that changes
        meanwhile is given once, as it was when its batch was read, or not at all when it
        changed its state before. Ordered by `created_at`, then `key`.
        """
        query = sql.select_entries(frozenset(states or State))
        after: dict[str, Any] = {"created_at": _BEFORE_ALL, "key": "", "limit": _BATCH}
        while batch := self._entries(await self._database.query(query, after)):
            for entry in batch:
                yield entry
            after |= {"created_at": batch[-1].created_at, "key": batch[-1].key}

    async def export(self) -> AsyncGenerator[str, None]:
        """Iterate over all entries as lines of JSON, without line ends, in the order of `entries`.

        An object with the fields of `Entry` but `read_at`; times in ISO 8601 with their zone.
        """
        async with aclosing(self.entries()) as entries:
            async for entry in entries:
                yield _json_line(entry)

    async def purge(self, older_than: timedelta) -> int:
        """Forget what ended long ago, and return how many entries that was.

        Deletes LAUNCHED, REJECTED and CANCELLED entries that have not changed for `older_than`;
        never an open or a parked one. A key that is forgotten is no longer protected: sent
        again, it is a new campaign.
        """
        values = {"older_than": min(older_than, _OLDEST), "limit": _BATCH}
        purged = 0
        while count := await self._database.execute(sql.PURGE, values):
            purged += count
        return purged

    async def check(self) -> Sequence[str]:
        """Return what is wrong with the journal, one sentence each; empty when it is sound.

        The store's own integrity check, and the constraints between the fields: a campaign
        number from PREPARED on, an owner and a lease together or not at all, none of them in
        a state that is not open, the times of LAUNCHING present, campaign numbers unique.
        """
        problems = [*await self._database.integrity_problems()]
        for constraint in sql.CONSTRAINTS:
            keys = await self._database.query(constraint.violations, {})
            problems += [f"entry {key!r}: {constraint.problem}" for (key,) in keys]
        return problems

    async def pace(self, rate: float) -> timedelta:
        """Reserve the next departure at a rate that all who share the journal keep together.

        GCRA without a burst, atomically: departures are 1 / `rate` seconds apart and none lies
        in the past. A departure that is not used is lost. One that lies more than a day and a
        hundred intervals ahead is taken for damage, and the next one is now.

        Args:
            rate: departures per second.

        Returns:
            How long to wait for it, from when the journal was read; zero or more.
        """
        interval = timedelta(seconds=min(1 / rate, _LONGEST_INTERVAL_SECONDS))
        values = {"interval": interval, "horizon": _LONGEST_DELAY + 100 * interval}
        ((wait,),) = await self._database.change(sql.PACE, values)
        return max(self._database.timedelta_of(wait), timedelta(0))

    async def postpone(self, delay: timedelta) -> None:
        """Let no departure lie before now plus `delay`, for all who share the journal.

        The server said 429. A delay that ends before an earlier one does changes nothing, and
        one of more than a day is one of a day.
        """
        await self._database.change(sql.POSTPONE, {"delay": min(delay, _LONGEST_DELAY)})

    def check_place(self) -> None:
        """Check that what is recorded here is what the next run will find; quick, without waiting.

        A launch calls it at the moment its first byte would leave.

        Raises:
            JournalError: the file was deleted, replaced or renamed, or this is a forked process.
        """
        self._database.check_place()

    @property
    def _database(self) -> sql.Database:
        if os.getpid() != self._opened_in:
            raise JournalError(
                "The journal was opened in another process, which was forked since then",
                next_step="Open the journal in each process, after the fork.",
            )
        return self._opened_database

    async def _changed(self, change: sql.Change, values: sql.Values) -> Entry | None:
        entries = self._entries(await self._database.change(change, values))
        return entries[0] if entries else None

    def _entries(self, rows: Sequence[sql.Row]) -> list[Entry]:
        return [_entry_of(row, self._database.datetime_of) for row in rows]


def _compared(entry: Entry, lease: timedelta | None) -> dict[str, Any]:
    """Return the parameters of a compare-and-set, with a new number for the change."""
    return {
        "key": entry.key,
        "state": entry.state.value,
        "owner": entry.owner,
        "lease": lease,
        "change": secrets.randbits(63),
    }


_FIELDS: Final = tuple(field.name for field in fields(Entry))
_TIMES: Final = (
    "lease_until",
    "created_at",
    "updated_at",
    "launching_since",
    "quiet_since",
    "read_at",
)


def _entry_of(row: sql.Row, datetime_of: Callable[[Any], datetime]) -> Entry:
    values = dict(zip(_FIELDS, row, strict=True))
    for name in _TIMES:
        values[name] = None if values[name] is None else datetime_of(values[name])
    values["state"] = State(values["state"])
    values["reason"] = Reason(values["reason"]) if values["reason"] else None
    return Entry(**values)


def _json_line(entry: Entry) -> str:
    values = asdict(entry)
    del values["read_at"]
    return orjson.dumps(values).decode()


_SQLITE: Final = "sqlite:///"
_POSTGRES: Final = ("postgresql://", "postgres://")
_DRIVER: Final = frozenset({"psycopg", "psycopg_pool"})

_Store = AbstractAsyncContextManager[tuple[sql.Database, bytes]]


@asynccontextmanager
async def _opened(store: _Store) -> AsyncGenerator[Journal, None]:
    async with store as (database, salt):
        yield Journal(database, salt)


def _store_at(url: str) -> _Store:
    if url.startswith(_SQLITE):
        from mediasflow_async.delivery.sqlite import open_store

        return open_store(_file_named(url.removeprefix(_SQLITE)))
    if url.startswith(_POSTGRES):
        return _store_on_postgres(url)
    # The address may hold a password, so the message does not quote it.
    raise ConfigurationError(
        "a journal is opened with sqlite:///relative.db, sqlite:////absolute.db or postgresql://..."
    )


def _file_named(name: str) -> Path:
    if not name or name.startswith(":"):
        raise ConfigurationError(
            "a journal outlives the process: sqlite:/// and the name of a file"
        )
    if not is_file_name(name):
        raise ConfigurationError("the path of the journal is no name that a file can have")
    # Another folder may be the current one when the file is looked at again.
    return Path(name).absolute()


def _store_on_postgres(url: str) -> _Store:
    try:
        from mediasflow_async.delivery.postgres import open_store
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _DRIVER:
            raise
        missing = error
    else:
        return open_store(url)
    raise ConfigurationError(
        "a journal on PostgreSQL needs the extra `postgres`: "
        "pip install 'mediasflow-async[postgres]'"
    ) from missing
