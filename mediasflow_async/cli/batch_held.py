"""What is in other hands when a batch begins: a process at work, or one that has died."""

from __future__ import annotations

from contextlib import aclosing
from datetime import datetime

from attrs import frozen

from mediasflow_async.delivery import Journal, State

__all__ = ["Held", "held_by_others"]


@frozen
class Held:
    """Campaigns that others hold.

    Attributes:
        count: how many there are.
        until: when the last of their leases ends, aware; a living process renews its own.
    """

    count: int
    until: datetime

    def __str__(self) -> str:
        are = "1 campaign is" if self.count == 1 else f"{self.count:,} campaigns are"
        return (
            f"{are} held by another process. If that has died, what it held is free at "
            f"{self.until.astimezone():%H:%M:%S}, and waited for until then; Ctrl-C loses nothing."
        )


async def held_by_others(journal: Journal) -> Held | None:
    """Return what others hold now, None if that is nothing. The sender has not begun yet."""
    now = until = await journal.now()
    count = 0
    open_states = (state for state in State if state.is_open)
    async with aclosing(journal.entries(*open_states)) as entries:
        async for entry in entries:
            if entry.lease_until is not None and entry.lease_until > now:
                count += 1
                until = max(until, entry.lease_until)
    return Held(count, until) if count else None
