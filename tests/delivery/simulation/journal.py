"""A journal in memory, as atomic and as durable as the stores are."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from attrs import asdict, evolve

from mediasflow_async.delivery import Account, CampaignTaken, Entry, Journal, Reason, State
from mediasflow_async.delivery.records import MOVES

__all__ = ["MemoryJournal"]

_NOTHING = timedelta(0)


async def _no_step() -> None:
    pass


class MemoryJournal(Journal):
    """A journal in memory.

    Args:
        now: its clock.
        step: awaited before and after each change, so that a process may die there.
    """

    salt = b"s" * 32

    def __init__(self, now: Callable[[], datetime], step: Callable[[], Any] = _no_step) -> None:
        self.kept: dict[str, Entry] = {}
        self._now = now
        self._step = step
        self._next_slot = now()
        self._account: Account | None = None

    def is_launching(self, key: str) -> bool:
        """Whether a launch of a key was about to leave."""
        entry = self.kept.get(key)
        return entry is not None and entry.launches > 0

    async def belong(self, account: Account, *, adopt: str | None = None) -> Account:
        known = self._account
        is_moved = known is not None and known.address == adopt
        is_the_same = known is not None and known.address == account.address
        if known is None or is_moved or (is_the_same and known.login is None):
            self._account = account
        return self._account or account

    async def claim(self, key: str, digest: str, *, owner: str, lease: timedelta) -> Entry:
        await self._step()
        now = self._now()
        entry = self.kept.get(key)
        if entry is None:
            entry = Entry(
                key=key,
                digest=digest,
                state=State.NEW,
                created_at=now,
                updated_at=now,
                read_at=now,
            )
        if entry.state.is_open and entry.digest == digest and self._is_free(entry):
            entry = evolve(entry, owner=owner, lease_until=now + lease, updated_at=now)
        return await self._stored(entry)

    async def take(
        self, *, owner: str, lease: timedelta, limit: int, before: datetime
    ) -> Sequence[Entry]:
        await self._step()
        now = self._now()
        free = [
            entry
            for entry in sorted(self.kept.values(), key=lambda entry: entry.updated_at)
            if entry.state in (State.PREPARED, State.LAUNCHING)
            and self._is_free(entry)
            and entry.updated_at < before
        ][:limit]
        taken = [
            evolve(entry, owner=owner, lease_until=now + lease, updated_at=now, read_at=now)
            for entry in free
        ]
        self.kept |= {entry.key: entry for entry in taken}
        await self._step()
        return taken

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
        if to not in MOVES[entry.state]:
            raise ValueError(to)
        await self._step()
        known = self._compared(entry)
        if known is None:
            return None
        self._check_number(known, campaign_id)
        moved = evolve(
            self._timed(known, to, lease),
            state=to,
            campaign_id=campaign_id or known.campaign_id,
            sender=sender or known.sender,
            reason=reason,
            status=status,
        )
        return await self._stored(moved)

    def _timed(self, entry: Entry, to: State, lease: timedelta | None) -> Entry:
        now = self._now()
        held = evolve(
            entry,
            owner=entry.owner if lease and to.is_open else None,
            lease_until=now + lease if lease and to.is_open else None,
            updated_at=now,
        )
        if to is State.LAUNCHING:
            first = entry.launching_since or now
            quiet = now + (lease or _NOTHING)
            launches = entry.launches + 1
            return evolve(held, launching_since=first, quiet_since=quiet, launches=launches)
        if to is State.PREPARED:
            return evolve(held, launching_since=None, quiet_since=None)
        return held

    async def renew(self, entry: Entry, lease: timedelta) -> Entry | None:
        await self._step()
        known = self._compared(entry)
        if known is None or known.owner is None:
            return None
        return await self._stored(
            evolve(self._quiet(known), lease_until=self._now() + lease, updated_at=self._now())
        )

    async def release(self, entry: Entry) -> Entry | None:
        await self._step()
        known = self._compared(entry)
        if known is None or known.owner is None:
            return None
        return await self._stored(
            evolve(self._quiet(known), owner=None, lease_until=None, updated_at=self._now())
        )

    async def disclaim(self, owner: str, *, key: str | None = None) -> int:
        kept = [entry for entry in self.kept.values() if entry.owner == owner]
        mine = [entry for entry in kept if entry.key == key or self._is_taken(entry, key)]
        return len([await self.release(entry) for entry in mine])

    def _is_taken(self, entry: Entry, key: str | None) -> bool:
        return key is None and entry.state in (State.PREPARED, State.LAUNCHING)

    async def get(self, key: str) -> Entry | None:
        entry = self.kept.get(key)
        return entry and evolve(entry, read_at=self._now())

    async def now(self) -> datetime:
        return self._now()

    async def counts(self) -> Mapping[State, int]:
        states = [entry.state for entry in self.kept.values()]
        return {state: states.count(state) for state in State}

    async def entries(self, *states: State) -> AsyncGenerator[Entry, None]:
        wanted = states or tuple(State)
        for entry in sorted(self.kept.values(), key=lambda kept: (kept.created_at, kept.key)):
            if entry.state in wanted:
                yield entry

    async def export(self) -> AsyncGenerator[str, None]:
        async for entry in self.entries():
            yield json.dumps(asdict(entry), default=str)

    async def purge(self, older_than: timedelta) -> int:
        ended = {State.LAUNCHED, State.REJECTED, State.CANCELLED}
        latest = self._now() - older_than
        old = [e.key for e in self.kept.values() if e.state in ended and e.updated_at <= latest]
        for key in old:
            del self.kept[key]
        return len(old)

    async def check(self) -> Sequence[str]:
        return ()

    def check_place(self) -> None:
        pass

    async def pace(self, rate: float) -> timedelta:
        slot = max(self._next_slot, self._now())
        self._next_slot = slot + timedelta(seconds=1 / rate)
        return slot - self._now()

    async def postpone(self, delay: timedelta) -> None:
        self._next_slot = max(self._next_slot, self._now() + delay)

    def _is_free(self, entry: Entry) -> bool:
        return entry.lease_until is None or entry.lease_until <= self._now()

    def _compared(self, entry: Entry) -> Entry | None:
        known = self.kept.get(entry.key)
        same = known and (known.state, known.owner) == (entry.state, entry.owner)
        return known if same else None

    def _quiet(self, entry: Entry) -> Entry:
        quiet = entry.quiet_since and min(entry.quiet_since, self._now())
        return evolve(entry, quiet_since=quiet)

    def _check_number(self, entry: Entry, campaign_id: int | None) -> None:
        others = (kept.campaign_id for kept in self.kept.values() if kept.key != entry.key)
        if campaign_id is not None and campaign_id in others:
            raise CampaignTaken(campaign_id=campaign_id)

    async def _stored(self, entry: Entry) -> Entry:
        changed = evolve(entry, read_at=self._now())
        self.kept[entry.key] = changed
        await self._step()
        return changed
