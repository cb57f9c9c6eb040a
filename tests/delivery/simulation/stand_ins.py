"""What the code under simulation calls, and stand-ins for it that need no event loop.

The protocols are what the real classes and the simulated ones have in common; the type checker
compares both with them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol, TypeVar

from attrs import frozen

from mediasflow_async._core.proof import Guard
from mediasflow_async._core.retry import RetryPolicy
from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import MediasflowError
from mediasflow_async.models import Campaign, CampaignRequest

if TYPE_CHECKING:
    from mediasflow_async.delivery.pacing import Pacing
    from mediasflow_async.delivery.slots import Slot
    from mediasflow_async.resources import Campaigns, Reports
    from tests.delivery.simulation.api import Api
    from tests.delivery.simulation.world import Process

__all__ = ["FreePacing", "HalfJitter", "SimulatedSession"]

_Result = TypeVar("_Result")


class _CampaignCalls(Protocol):
    async def prepare(self, request: CampaignRequest, *, auto_list: bool = False) -> Campaign: ...

    async def launch(
        self, campaign_id: int, *, sender: str | None = None, guard: Guard | None = None
    ) -> Campaign: ...

    async def set_sender(self, campaign_id: int, sender: str, /) -> Campaign: ...


class _Report(Protocol):
    def dicts(self) -> AsyncGenerator[dict[str, str], None]: ...


class _ReportCalls(Protocol):
    def campaign_csv(self, campaign_id: int) -> _Report: ...


class _Slot(Protocol):
    def seconds(self) -> float: ...

    async def pause(self, seconds: float) -> MediasflowError | None: ...

    async def within(
        self, seconds: float, question: Callable[[], Awaitable[_Result]], /
    ) -> _Result: ...


class _Turn(Protocol):
    async def noted(self, result: _Result) -> _Result: ...


class _Pacing(Protocol):
    def turn(self) -> AbstractAsyncContextManager[_Turn]: ...


@frozen
class SimulatedSession:
    """A session whose calls reach a simulated server."""

    campaigns: _CampaignCalls
    reports: _ReportCalls
    dialect: Dialect


class FreePacing:
    """Lets every call start at once."""

    def turn(self) -> nullcontext[FreePacing]:
        return nullcontext(self)

    async def noted(self, result: _Result) -> _Result:
        return result


@frozen(kw_only=True)
class HalfJitter(RetryPolicy):
    """Waits for half of the longest wait, so that the same schedule gives the same run."""

    def wait_after(self, error: BaseException, attempt: int, *_: object) -> timedelta:
        return super().wait_after(error, attempt, lambda: 0.5)


def _real(
    campaigns: Campaigns, reports: Reports, slot: Slot, pacing: Pacing
) -> tuple[_CampaignCalls, _ReportCalls, _Slot, _Pacing]:
    return campaigns, reports, slot, pacing


def _simulated(
    api: Api, process: Process, pacing: FreePacing
) -> tuple[_CampaignCalls, _ReportCalls, _Slot, _Pacing]:
    return api, api, process, pacing
