"""A Mediasflow that loses, delays and refuses, and that sends a campaign as often as it is told."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import Any, Final

from attrs import define, field, frozen

from mediasflow_async.errors import (
    BadRequest,
    Conflict,
    ConnectionFailed,
    DeliveryUnknown,
    NotFound,
    RateLimited,
    RequestTimeout,
    ResponseInvalid,
    Sent,
    ServerError,
)
from mediasflow_async.models import Campaign, CampaignRequest, CampaignStatus
from tests.delivery.simulation.world import Process, World, step, wait

__all__ = ["Api", "Server"]

_SLOW: Final = 60.0
_ALMOST: Final = 0.999


class _Fault(Enum):
    NONE = auto()
    NOT_SENT = auto()
    ANSWER_LOST = auto()
    REQUEST_LOST = auto()
    LATE = auto()
    SLOW = auto()
    LIMITED = auto()
    REFUSED = auto()
    BROKEN = auto()
    VAGUE = auto()


_ON_LAUNCH: Final = (
    _Fault.NONE,
    _Fault.ANSWER_LOST,
    _Fault.REQUEST_LOST,
    _Fault.LATE,
    _Fault.NOT_SENT,
    _Fault.SLOW,
    _Fault.LIMITED,
)
_WHEN_PREPARED: Final = (_Fault.NONE, _Fault.NONE, _Fault.ANSWER_LOST)
_WHEN_ASKED: Final = (
    *(_Fault.NONE for _ in range(7)),
    _Fault.ANSWER_LOST,
    _Fault.BROKEN,
    _Fault.VAGUE,
)


@define
class _Stored:
    key: str | None
    launches: int = 0


@define
class Server:
    """The campaigns that were prepared, and how often each was sent.

    Attributes:
        world: where it stands.
        latest: how long after the client gave up a request may still be processed.
    """

    world: World
    latest: float
    campaigns: list[_Stored] = field(factory=list)

    def add(self, request: CampaignRequest) -> Campaign:
        """Keep a draft."""
        self.campaigns.append(_Stored(request.campaign_name))
        return Campaign(id=len(self.campaigns), status=CampaignStatus.DRAFT)

    def launch(self, campaign_id: int) -> Campaign:
        """Send a campaign, whether it was sent before or not."""
        self.campaigns[campaign_id - 1].launches += 1
        return Campaign(id=campaign_id, status=CampaignStatus.INPROGRESS)

    def is_draft(self, campaign_id: int) -> bool:
        """Whether a campaign was not sent yet."""
        return not self.campaigns[campaign_id - 1].launches

    def launches_of(self, key: str) -> int:
        """Return how often the campaigns of a key were sent."""
        return sum(stored.launches for stored in self.campaigns if stored.key == key)

    def process_later(self, campaign_id: int, earliest: float) -> None:
        """Send a campaign after so much time, and at most so much more as may be."""
        part = self.world.schedule.pick((_ALMOST, 0.5, 0.0))
        self.world.later(earliest + part * self.latest, lambda: self.launch(campaign_id))


@frozen
class Api:
    """What one process calls; it stands for `session.campaigns` and `session.reports`.

    Attributes:
        server: the server.
        process: the process that calls.
    """

    server: Server
    process: Process

    async def prepare(self, request: CampaignRequest, **_: object) -> Campaign:
        """Make a draft, or show one again."""
        if request.campaign_id is not None:
            return await self._asked(request.campaign_id)
        await step()
        draft = self.server.add(request)
        await step()
        if self._fault(_WHEN_PREPARED) is not _Fault.NONE:
            raise RequestTimeout(sent=Sent.UNKNOWN)
        return draft

    async def launch(
        self, campaign_id: int, *, guard: Callable[[], object] | None = None, **_: object
    ) -> Campaign:
        """Send a campaign."""
        await step()
        fault = self._fault(_ON_LAUNCH, rare=(_Fault.REFUSED,))
        if fault is _Fault.NOT_SENT:
            raise ConnectionFailed(sent=Sent.NOT_SENT)
        if guard is not None:
            guard()
        return await self._left(campaign_id, fault)

    async def _left(self, campaign_id: int, fault: _Fault) -> Campaign:
        """Go on after the first byte; no step lies between the guard and here."""
        if fault is _Fault.LATE:
            self.server.process_later(campaign_id, _SLOW)
        elif fault in (_Fault.NONE, _Fault.SLOW, _Fault.ANSWER_LOST):
            self.server.launch(campaign_id)
        await wait(_SLOW if fault in (_Fault.LATE, _Fault.SLOW) else 0)
        self._answer(fault)
        return Campaign(id=campaign_id, status=CampaignStatus.INPROGRESS)

    def _answer(self, fault: _Fault) -> None:
        if fault is _Fault.REFUSED:
            raise BadRequest(status=400, sent=Sent.ANSWERED)
        if fault is _Fault.LIMITED:
            raise RateLimited(status=429, sent=Sent.ANSWERED)
        if fault in (_Fault.ANSWER_LOST, _Fault.REQUEST_LOST, _Fault.LATE):
            raise DeliveryUnknown(sent=Sent.UNKNOWN)

    async def set_sender(self, campaign_id: int, _: str) -> Campaign:
        """Set the sender of a draft."""
        return await self._asked(campaign_id)

    async def _asked(self, campaign_id: int) -> Campaign:
        await step()
        fault = self._fault(_WHEN_ASKED)
        is_draft = self.server.is_draft(campaign_id)
        await step()
        self._refuse(fault)
        if not is_draft:
            raise Conflict(status=409, sent=Sent.ANSWERED)
        return Campaign(id=campaign_id, status=CampaignStatus.DRAFT)

    def _refuse(self, fault: _Fault) -> None:
        if fault is _Fault.ANSWER_LOST:
            raise RequestTimeout(sent=Sent.UNKNOWN)
        if fault is _Fault.BROKEN:
            raise ServerError(status=503, sent=Sent.ANSWERED)
        if fault is _Fault.VAGUE:
            raise ResponseInvalid(sent=Sent.ANSWERED)

    def campaign_csv(self, campaign_id: int) -> Any:
        """Return the report of a campaign."""
        return _Report(self, campaign_id)

    async def row(self, campaign_id: int) -> object:
        """Return the first row of a report, which may lag behind."""
        await step()
        self._refuse(self._fault(_WHEN_ASKED))
        if self.server.is_draft(campaign_id):
            raise NotFound(status=404, sent=Sent.ANSWERED)
        return "a row"

    def _fault(self, options: tuple[_Fault, ...], rare: tuple[_Fault, ...] = ()) -> _Fault:
        return self.server.world.schedule.pick(options, rare)


@frozen
class _Report:
    # No generator: one that is dropped in the midst of a crash would want to be closed.
    api: Api
    campaign_id: int

    def __aiter__(self) -> _Report:
        return self

    async def __anext__(self) -> object:
        return await self.api.row(self.campaign_id)

    async def aclose(self) -> None:
        pass
