"""What a call of the API means for a campaign. No I/O."""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from mediasflow_async.delivery.errors import LeaseLost
from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import InvalidRequest, MediasflowError, Sent
from mediasflow_async.models import Campaign, CampaignStatus

__all__ = ["Fate", "fate_of_launch", "is_refused_for_good", "is_under_way"]

_FOR_GOOD: Final = frozenset({400, 413, 422})
_GONE: Final = frozenset({404, 410})
_UNDER_WAY: Final = frozenset(
    {
        CampaignStatus.INPROGRESS,
        CampaignStatus.INJECTING,
        CampaignStatus.INJECTED,
        CampaignStatus.SCHEDULED,
    }
)


class Fate(Enum):
    """What became of a call that changes something."""

    DONE = auto()
    """The server did it."""
    REFUSED = auto()
    """It was not executed, and would be refused again."""
    NOT_EXECUTED = auto()
    """It was not executed, and may be tried again later."""
    UNKNOWN = auto()
    """It may have been executed."""


def is_under_way(campaign: Campaign) -> bool:
    """Whether the server shows a campaign in a state that comes after its launch."""
    return campaign.status in _UNDER_WAY


def is_refused_for_good(error: MediasflowError) -> bool:
    """Whether a `prepare` that ended in this error would always be refused."""
    return isinstance(error, InvalidRequest) or error.status in _FOR_GOOD


def fate_of_launch(result: Campaign | MediasflowError, dialect: Dialect) -> Fate:
    """Return what became of a launch; in doubt, that is UNKNOWN."""
    if isinstance(result, Campaign):
        return Fate.UNKNOWN if result.status == CampaignStatus.DRAFT else Fate.DONE
    if isinstance(result, InvalidRequest):
        return Fate.REFUSED
    if isinstance(result, LeaseLost) or result.sent is Sent.NOT_SENT:
        return Fate.NOT_EXECUTED
    if result.sent is Sent.UNKNOWN or result.status not in dialect.launch_refusals:
        return Fate.UNKNOWN
    return Fate.REFUSED if result.status in _FOR_GOOD | _GONE else Fate.NOT_EXECUTED
