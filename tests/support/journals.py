"""Short ways to an entry in some state."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Final
from zlib import crc32

from mediasflow_async.delivery.journal import Journal
from mediasflow_async.delivery.records import Entry, State

LONG: Final = timedelta(hours=1)
OVER: Final = timedelta(0)


def sqlite_url(folder: Path) -> str:
    """Return the address of a journal in a folder."""
    return f"sqlite:///{folder / 'journal.db'}"


async def claimed(
    journal: Journal, key: str = "key", owner: str = "owner", lease: timedelta = LONG
) -> Entry:
    """Return an entry that is claimed."""
    return await journal.claim(key, "digest", owner=owner, lease=lease)


async def moved(journal: Journal, entry: Entry, *states: State, lease: timedelta = LONG) -> Entry:
    """Return an entry after some moves, each of which succeeds."""
    for state in states:
        number = crc32(entry.key.encode()) if state is State.PREPARED else None
        after = await journal.move(entry, state, lease=lease, campaign_id=number)
        assert after is not None
        entry = after
    return entry


async def kept(journal: Journal, key: str = "key") -> Entry:
    """Return an entry that is there."""
    entry = await journal.get(key)
    assert entry is not None
    return entry
