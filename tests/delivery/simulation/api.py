"""A Mediasflow that loses, delays, refuses and answers oddly, and sends as often as it is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Any, Final, TypeVar

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
from tests.support.odd_answers import ODD_ANSWERS, numbered

__all__ = ["Api", "Server", "shown"]

_Option = TypeVar("_Option")

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
    ODD = auto()
    ODD_AND_DONE = auto()


_ON_LAUNCH: Final = (
    _Fault.NONE,
    _Fault.ANSWER_LOST,
    _Fault.REQUEST_LOST,
    _Fault.LATE,
    _Fault.NOT_SENT,
    _Fault.SLOW,
    _Fault.LIMITED,
    _Fault.ODD,
    _Fault.ODD_AND_DONE,
)
_DONE: Final = frozenset({_Fault.NONE, _Fault.SLOW, _Fault.ANSWER_LOST, _Fault.ODD_AND_DONE})
_WHEN_PREPARED: Final = (_Fault.NONE, _Fault.NONE, _Fault.ANSWER_LOST)
_WHEN_ASKED: Final = (
    *(_Fault.NONE for _ in range(7)),
    _Fault.ANSWER_LOST,
    _Fault.BROKEN,
    _Fault.VAGUE,
    _Fault.ODD,
    _Fault.ODD,
)
_ROW: Final = {"ID_LINE": "1", "STATUS_CODE": "16"}
_ODD_ROWS: Final = (
    {"one line of any text": "and another"},
    {"ID_LINE": "no rows yet", "STATUS_CODE": ""},
    {"ID_LINE": "TOTAL", "STATUS_CODE": "0"},
    {"STATUS_CODE": "16"},
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
        return shown(len(self.campaigns), CampaignStatus.DRAFT)

    def launch(self, campaign_id: int) -> Campaign:
        """Send a campaign, whether it was sent before or not."""
        self.campaigns[campaign_id - 1].launches += 1
        return shown(campaign_id, CampaignStatus.INPROGRESS)

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
            return await self._asked(request.campaign_id, CampaignStatus.INPROGRESS)
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
        elif fault in _DONE:
            self.server.launch(campaign_id)
        await wait(_SLOW if fault in (_Fault.LATE, _Fault.SLOW) else 0)
        self._answer(fault)
        if fault in (_Fault.ODD, _Fault.ODD_AND_DONE):
            return self._odd(campaign_id)
        return shown(campaign_id, CampaignStatus.INPROGRESS)

    def _answer(self, fault: _Fault) -> None:
        if fault is _Fault.REFUSED:
            raise BadRequest(status=400, sent=Sent.ANSWERED)
        if fault is _Fault.LIMITED:
            raise RateLimited(status=429, sent=Sent.ANSWERED)
        if fault in (_Fault.ANSWER_LOST, _Fault.REQUEST_LOST, _Fault.LATE):
            raise DeliveryUnknown(sent=Sent.UNKNOWN)

    async def set_sender(self, campaign_id: int, _: str) -> Campaign:
        """Set the sender of a draft."""
        return await self._asked(campaign_id, None)

    async def _asked(self, campaign_id: int, launched: CampaignStatus | None) -> Campaign:
        """Show a draft, or a campaign in the state that one has which was launched, if it has."""
        await step()
        fault = self._fault(_WHEN_ASKED)
        state = CampaignStatus.DRAFT if self.server.is_draft(campaign_id) else launched
        await step()
        self._refuse(fault)
        if fault is _Fault.ODD:
            return self._odd(campaign_id)
        if state is None:
            raise Conflict(status=409, sent=Sent.ANSWERED)
        return shown(campaign_id, state)

    def _odd(self, campaign_id: int) -> Campaign:
        """Return an answer as it comes to who does not judge it."""
        answer = self._chosen(ODD_ANSWERS)
        told = numbered(answer, campaign_id)
        raw = told if isinstance(told, dict) else {"answer": told}
        return Campaign(id=campaign_id, status=CampaignStatus.INPROGRESS, raw=raw)

    def _chosen(self, options: Sequence[_Option]) -> _Option:
        return options[self.server.world.schedule.number() % len(options)]

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

    async def row(self, campaign_id: int) -> dict[str, str]:
        """Return the first row of a report, which may lag behind."""
        await step()
        fault = self._fault(_WHEN_ASKED)
        self._refuse(fault)
        if fault is _Fault.ODD:
            return self._chosen(_ODD_ROWS)
        if self.server.is_draft(campaign_id):
            raise NotFound(status=404, sent=Sent.ANSWERED)
        return _ROW

    def _fault(self, options: tuple[_Fault, ...], rare: tuple[_Fault, ...] = ()) -> _Fault:
        return self.server.world.schedule.pick(options, rare)


def shown(campaign_id: int, state: CampaignStatus) -> Campaign:
    """Return a campaign as an answer shows it that names it and its state."""
    raw = {"id": campaign_id, "status": state.value}
    return Campaign(id=campaign_id, status=state, raw=raw)


@define
class _Report:
    """A report of one row."""

    # No generator: one that is dropped in the midst of a crash would want to be closed.
    api: Api
    campaign_id: int
    is_at_end: bool = False

    def dicts(self) -> Any:
        return self

    def __aiter__(self) -> _Report:
        return self

    async def __anext__(self) -> dict[str, str]:
        if self.is_at_end:
            raise StopAsyncIteration
        self.is_at_end = True
        return await self.api.row(self.campaign_id)

    async def aclose(self) -> None:
        pass
