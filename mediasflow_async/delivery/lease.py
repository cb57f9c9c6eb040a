"""The lease on an entry, the policy, what a campaign needs around it."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any, Final, Protocol, TypeVar

from attrs import evolve, field, frozen

from mediasflow_async._core.calls import Operation, OperationKind
from mediasflow_async._core.proof import Guard
from mediasflow_async._core.retry import RetryPolicy, RetryQuota, is_retryable
from mediasflow_async.delivery.errors import LeaseLost
from mediasflow_async.delivery.journal import Journal
from mediasflow_async.delivery.records import Entry, State
from mediasflow_async.delivery.slots import Clock
from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import MediasflowError, RateLimited, ServerError
from mediasflow_async.models import Campaign, CampaignRequest

__all__ = [
    "CampaignCalls",
    "Lease",
    "Policy",
    "ReleasedOnFailure",
    "ReportCalls",
    "Retries",
    "Rows",
    "SendContext",
    "Turn",
    "Turns",
    "value_or_error",
]


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
        patience: how long `send` waits for another that works on the same key.
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
        before anybody else may take its entry over.
        """
        return self.lease / 2


# Whatever failed, the entry says how far the campaign came: going on from there is harmless.
_HARMLESS: Final = Operation(OperationKind.PREPARE, "", "")


@frozen(kw_only=True)
class Retries:
    """The attempts at a campaign beyond the first one.

    Attributes:
        policy: how many attempts, and how long to wait between them.
        quota: how many retries all campaigns of the sender may still make.
        jitter: gives a number from 0 to 1.
    """

    policy: RetryPolicy
    quota: RetryQuota
    jitter: Callable[[], float] = field(default=random.random, repr=False)

    def wait_after(self, error: MediasflowError, attempt: int) -> float | None:
        """Return the seconds to wait before the next attempt, or None when there is none.

        Args:
            error: what the attempt ended with.
            attempt: its number, from 1.
        """
        told = error.retry_after if isinstance(error, RateLimited | ServerError) else None
        if attempt >= self.policy.attempts or not is_retryable(error, _HARMLESS):
            return None
        if (told and told > self.policy.max_retry_after) or not self.quota.take():
            return None
        doubled: timedelta = self.policy.base_wait * 2 ** (attempt - 1)
        own = min(doubled, self.policy.max_wait) * self.jitter()
        return (own + (told or timedelta(0))).total_seconds()


_Value = TypeVar("_Value")

ReleasedOnFailure = Callable[[Callable[[], Awaitable[object]]], AbstractAsyncContextManager[None]]
"""Makes sure that something is given back, by what it is given, when a block is cut short."""


class CampaignCalls(Protocol):
    """What is called of `session.campaigns`."""

    async def prepare(self, request: CampaignRequest, *, auto_list: bool = False) -> Campaign:
        """Make a draft, or ask about one."""
        ...

    async def launch(
        self, campaign_id: int, *, sender: str | None = None, guard: Guard | None = None
    ) -> Campaign:
        """Send a draft."""
        ...

    async def set_sender(self, campaign_id: int, sender: str, /) -> Campaign:
        """Set the sender of a draft."""
        ...


class Rows(Protocol):
    """A report, read row by row."""

    def __aiter__(self) -> AsyncGenerator[object, None]:  # noqa: PYI058 - it is closed early
        """Yield its rows."""
        ...


class ReportCalls(Protocol):
    """What is called of `session.reports`."""

    def campaign_csv(self, campaign_id: int) -> Rows:
        """Return the report of a campaign."""
        ...


class Turn(Protocol):
    """The permission for a call."""

    async def noted(self, result: _Value) -> _Value:
        """Take note of what came of the call, and return it."""
        ...


class Turns(Protocol):
    """What lets calls start; see `pacing.Pacing`."""

    def turn(self) -> AbstractAsyncContextManager[Turn]:
        """Wait until a call may start."""
        ...


@frozen(kw_only=True)
class SendContext:
    """What the way of a campaign needs around it.

    Attributes:
        campaigns: the campaigns of the account.
        reports: its reports.
        dialect: the choices that the guide leaves open.
        journal: what is remembered.
        policy: patience and certainty.
        retries: the attempts beyond the first.
        pacing: when a call may start.
        clock: the waits of this campaign.
        released_on_failure: gives back what was claimed when the work with it is cut short.
    """

    campaigns: CampaignCalls = field(repr=False)
    reports: ReportCalls = field(repr=False)
    dialect: Dialect = field(repr=False)
    journal: Journal = field(repr=False)
    policy: Policy
    retries: Retries
    pacing: Turns = field(repr=False)
    clock: Clock = field(repr=False)
    released_on_failure: ReleasedOnFailure = field(repr=False)

    async def result_of(self, call: Callable[[], Awaitable[_Value]]) -> _Value | MediasflowError:
        """Wait for a turn and make a call; its error comes as a value."""
        async with self.pacing.turn() as turn:
            return await turn.noted(await value_or_error(call()))


async def value_or_error(call: Awaitable[_Value]) -> _Value | MediasflowError:
    """Return a value, or the error without the frames that it came through."""
    try:
        return await call
    except MediasflowError as error:
        return error.with_traceback(None)


class Lease:
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
