"""An entry that was claimed here, and until when this process may act on it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from attrs import evolve

from mediasflow_async.delivery.entries import Entry
from mediasflow_async.delivery.errors import LeaseLost
from mediasflow_async.delivery.journal import Journal
from mediasflow_async.delivery.policy import Policy
from mediasflow_async.delivery.states import State

__all__ = ["Hold"]


class Hold:
    """An entry that was claimed here, with what may be done to it.

    The end of the lease is counted from before the journal was asked for it, by the local
    clock: it comes here no later than the journal's own.

    Args:
        journal: where it was claimed.
        seconds: the local clock.
        policy: how long each claim, move and renewal holds.
        entry: the entry, as the claim returned it.
        asked: what the clock showed before the claim.
    """

    def __init__(
        self,
        journal: Journal,
        seconds: Callable[[], float],
        policy: Policy,
        entry: Entry,
        asked: float,
    ) -> None:
        self._journal = journal
        self._seconds = seconds
        self._lease = policy.lease
        self._longest_call = policy.longest_call.total_seconds()
        self._ends = asked + policy.lease.total_seconds()
        self._moving_to: State | None = None
        self.entry = entry

    async def move(self, to: State, *, is_freed: bool = False, **details: Any) -> LeaseLost | None:
        """Change the state, and renew the lease where there is work left to do here.

        Args:
            to: the new state.
            is_freed: leave the entry to whoever comes next.
            **details: `campaign_id`, `sender`, `reason`, `status`, as in `Journal.move`.

        Returns:
            None, or what is wrong when the entry is another's by now.
        """
        lease = self._lease if to.is_open and not is_freed else None
        asked = self._seconds()
        self._moving_to = to
        moved = await self._journal.move(self.entry, to, lease=lease, **details)
        self._moving_to = None
        return self._kept(moved, asked, self._lease)

    async def renew(self, further: timedelta = timedelta(0)) -> LeaseLost | None:
        """Extend the lease, while no launch is under way here, by `further` more than usual."""
        lease = self._lease + further
        asked = self._seconds()
        return self._kept(await self._journal.renew(self.entry, lease), asked, lease)

    async def release(self) -> None:
        """Leave an open entry to whoever comes next, while no launch is under way here.

        After a move that was cut short, the entry is in the one state or in the other.
        """
        released = await self._journal.release(self.entry)
        if released is None and self._moving_to is not None:
            moved = evolve(self.entry, state=self._moving_to)
            released = await self._journal.release(moved)
        self.entry = released or self.entry

    def guard(self) -> None:
        """Let the first byte of a launch leave, or veto it.

        Raises:
            LeaseLost: the lease has ended, or would while the launch is under way; another may
                take the entry over then.
        """
        if self._seconds() + self._longest_call >= self._ends:
            raise self._lost("too little of the lease was left for the launch to leave")

    def _kept(self, entry: Entry | None, asked: float, lease: timedelta) -> LeaseLost | None:
        if entry is None:
            return self._lost("another sender has taken the campaign over")
        self.entry = entry
        self._ends = asked + lease.total_seconds()
        return None

    def _lost(self, reason: str) -> LeaseLost:
        return LeaseLost(reason, campaign_id=self.entry.campaign_id)
