"""A journal in memory that knows only what a campaign without trouble needs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from attrs import evolve

from mediasflow_async.delivery import Account, Entry, State

__all__ = ["MemoryJournal"]

_NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)


class MemoryJournal:
    """Keeps entries in a dict: what a sender costs when its journal costs nothing."""

    salt = bytes(32)

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    async def belong(self, account: Account, **_: Any) -> Account:
        """Be anybody's."""
        return account

    async def claim(self, key: str, digest: str, *, owner: str, lease: timedelta) -> Entry:
        """Make an entry."""
        entry = Entry(
            key=key,
            digest=digest,
            state=State.NEW,
            owner=owner,
            lease_until=_NOW + lease,
            created_at=_NOW,
            updated_at=_NOW,
            read_at=_NOW,
        )
        self._entries[key] = entry
        return entry

    def check_place(self) -> None:
        """Be where it was opened: it has no file that could be another one."""

    async def disclaim(self, _: str, **__: Any) -> int:
        """Give nothing back: what is cut short ends the measurement, and all entries with it."""
        return 0

    async def move(self, entry: Entry, to: State, **details: Any) -> Entry:
        """Change the state."""
        number = details.get("campaign_id") or entry.campaign_id
        moved = evolve(entry, state=to, campaign_id=number)
        self._entries[entry.key] = moved
        return moved
