"""The lease on a journal entry, and the context that its campaign is sent with.

A sender works on an entry only while it has the lease. The lease ends here, by the local clock,
no later than by the journal's: it is counted from before the journal was asked for it. The guard
that looks at it is called at the moment the first byte of a launch would leave.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any, Final, TypeVar

import anyio
from attrs import evolve, field, frozen

from mediasflow_async._core.retry import RetryPolicy, RetryQuota
from mediasflow_async.delivery.errors import JournalError, LeaseLost
from mediasflow_async.delivery.journal import Journal
from mediasflow_async.delivery.pacing import Pacing
from mediasflow_async.delivery.records import Entry, State
from mediasflow_async.delivery.slots import Slot
from mediasflow_async.errors import MediasflowError
from mediasflow_async.secrecy import LOGGER
from mediasflow_async.session import Session

__all__ = [
    "Lease",
    "Policy",
    "SendContext",
    "release_or_log",
    "released_on_failure",
    "value_or_error",
]

_Value = TypeVar("_Value")


class Lease:
    """An entry that was claimed here, with what its owner may do to it.

    Args:
        journal: where it was claimed.
        policy: how long each claim, move and renewal holds.
        entry: the entry, as the claim returned it.
        asked_at: what the clock showed before the claim.
        seconds: the local clock.
    """

    def __init__(
        self,
        journal: Journal,
        policy: Policy,
        entry: Entry,
        asked_at: float,
        seconds: Callable[[], float],
    ) -> None:
        self._journal = journal
        self._seconds = seconds
        self._length = policy.lease
        self._longest_call = policy.longest_call.total_seconds()
        self._ends_at = asked_at + policy.lease.total_seconds()
        self._moving_to: State | None = None
        self.entry = entry

    async def move(self, to: State, *, release: bool = False, **details: Any) -> LeaseLost | None:
        """Change the state, and renew the lease where there is work left to do here.

        Args:
            to: the new state.
            release: leave the entry to any sender that claims it.
            **details: `campaign_id`, `sender`, `reason`, `status`, as in `Journal.move`.

        Returns:
            None, or what is wrong when another sender has the entry by now.
        """
        length = self._length if to.is_open and not release else None
        asked_at = self._seconds()
        self._moving_to = to
        moved = await self._journal.move(self.entry, to, lease=length, **details)
        self._moving_to = None
        return self._kept(moved, asked_at, self._length)

    async def renew(self, further: timedelta = timedelta(0)) -> LeaseLost | None:
        """Extend the lease, while no launch is under way here, by `further` more than usual."""
        length = self._length + further
        asked_at = self._seconds()
        return self._kept(await self._journal.renew(self.entry, length), asked_at, length)

    async def release(self) -> None:
        """Leave an open entry to any sender that claims it, while no launch is under way here.

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
            LeaseLost: the lease has ended, or would while the launch is under way; another
                sender may take the entry over then.
            JournalError: the journal is no more where it was opened.
        """
        self._journal.check_place()
        if self._seconds() + self._longest_call >= self._ends_at:
            raise self._lost("too little of the lease was left for the launch to leave")

    def _kept(self, entry: Entry | None, asked_at: float, length: timedelta) -> LeaseLost | None:
        if entry is None:
            return self._lost("another sender has taken the campaign over")
        self.entry = entry
        self._ends_at = asked_at + length.total_seconds()
        return None

    def _lost(self, reason: str) -> LeaseLost:
        return LeaseLost(reason, campaign_id=self.entry.campaign_id)


_LONGEST_RELEASE_SECONDS: Final = 10.0


@asynccontextmanager
async def released_on_failure(
    release: Callable[[], Awaitable[object]],
) -> AsyncGenerator[None, None]:
    """Release what is leased here when the block is cut short, by an error or a cancellation.

    Args:
        release: releases it; it has ten seconds, and no cancellation reaches it.
    """
    try:
        yield
    except BaseException:
        with anyio.move_on_after(_LONGEST_RELEASE_SECONDS, shield=True):
            await release_or_log(release)
        raise


async def release_or_log(release: Callable[[], Awaitable[object]]) -> None:
    """Release what is leased here; where the journal fails, the lease runs out by itself."""
    try:
        await release()
    except JournalError as error:
        LOGGER.warning("a campaign could not be given back and waits for its lease: %s", error)


@frozen(kw_only=True)
class SendContext:
    """What a campaign is sent with.

    Attributes:
        session: makes the calls.
        journal: what is remembered.
        policy: patience and certainty.
        retry: how often a campaign that could not be sent yet is tried again, and when.
        retry_quota: the retries that all campaigns of the sender may still make.
        pacing: when a call may start.
        slot: the slot that this campaign occupies, with the clock that its waits go by.
    """

    session: Session = field(repr=False)
    journal: Journal = field(repr=False)
    policy: Policy
    retry: RetryPolicy
    retry_quota: RetryQuota = field(repr=False)
    pacing: Pacing = field(repr=False)
    slot: Slot = field(repr=False)

    async def result_of(self, call: Callable[[], Awaitable[_Value]]) -> _Value | MediasflowError:
        """Wait until a call may start, and make it; its error comes as a value."""
        async with self.pacing.turn() as turn:
            return await turn.noted(await value_or_error(call()))

    async def answer_of(
        self, question: Callable[[], Awaitable[_Value]]
    ) -> _Value | MediasflowError:
        """Ask a question as `result_of` makes a call, and give it up after `Policy.longest_call`.

        The deadline of a session ends at the head of a report that is streamed, and its timeout
        begins anew with each byte.
        """
        longest = self.policy.longest_call.total_seconds()
        return await self.result_of(partial(self.slot.within, longest, question))


@frozen(kw_only=True)
class Policy:
    """How patient a sender is, and how sure it wants to be.

    Attributes:
        settle: how long after the last byte of a launch could leave the server is asked about
            it; longer than any late processing.
        confirmations: independent answers that must agree before a launch in doubt is decided.
        confirm_every: the wait between two of them.
        lease: how long a claim holds; every move renews it.
        relaunch_window: how long after the first launch the same campaign may be launched again.
        patience: how long `send` waits for another sender that works on the same key.
    """

    settle: timedelta = timedelta(seconds=120)
    confirmations: int = 2
    confirm_every: timedelta = timedelta(seconds=10)
    lease: timedelta = timedelta(minutes=2)
    relaunch_window: timedelta = timedelta(minutes=15)
    patience: timedelta = timedelta(minutes=5)

    @property
    def longest_call(self) -> timedelta:
        """How long a call takes at most, with all its attempts: half a lease.

        A launch leaves in the first half, or not at all. So it has its answer, or is given up,
        before another sender may take its entry over.
        """
        return self.lease / 2


async def value_or_error(call: Awaitable[_Value]) -> _Value | MediasflowError:
    """Return a value, or the error without the frames that it came through."""
    try:
        return await call
    except MediasflowError as error:
        return error.with_traceback(None)
