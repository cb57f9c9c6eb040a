"""What the way of a campaign needs around it, and how the API is called from here."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

from attrs import field, frozen

from mediasflow_async.delivery.clocks import Clock
from mediasflow_async.delivery.journal import Journal
from mediasflow_async.delivery.policy import Policy
from mediasflow_async.delivery.retrying import Retries
from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import MediasflowError
from mediasflow_async.models import Campaign, CampaignRequest
from mediasflow_async.proof import Guard

__all__ = [
    "CampaignCalls",
    "Custody",
    "Desk",
    "ReportCalls",
    "Rows",
    "Turn",
    "Turns",
    "value_or_error",
]

_Value = TypeVar("_Value")

Custody = Callable[[Callable[[], Awaitable[object]]], AbstractAsyncContextManager[None]]
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
class Desk:
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
        custody: gives back what the journal gave here when the work with it is cut short.
    """

    campaigns: CampaignCalls = field(repr=False)
    reports: ReportCalls = field(repr=False)
    dialect: Dialect = field(repr=False)
    journal: Journal = field(repr=False)
    policy: Policy
    retries: Retries
    pacing: Turns = field(repr=False)
    clock: Clock = field(repr=False)
    custody: Custody = field(repr=False)

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
