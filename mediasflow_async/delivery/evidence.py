"""What an answer proves about a launch."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from enum import Enum, auto
from functools import partial
from typing import Final

from mediasflow_async.delivery.errors import LeaseLost
from mediasflow_async.delivery.lease import Rows, SendContext
from mediasflow_async.delivery.records import Entry
from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import Conflict, InvalidRequest, MediasflowError, ResponseInvalid, Sent
from mediasflow_async.models import Campaign, CampaignRequest, CampaignStatus

__all__ = [
    "LaunchOutcome",
    "Shown",
    "ask",
    "is_refused_for_good",
    "is_under_way",
    "outcome_of_launch",
    "verdict_of",
]


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


class LaunchOutcome(Enum):
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


def outcome_of_launch(result: Campaign | MediasflowError, dialect: Dialect) -> LaunchOutcome:
    """Return what became of a launch; in doubt, that is UNKNOWN."""
    if isinstance(result, Campaign):
        return (
            LaunchOutcome.UNKNOWN if result.status == CampaignStatus.DRAFT else LaunchOutcome.DONE
        )
    if isinstance(result, InvalidRequest):
        return LaunchOutcome.REFUSED
    if isinstance(result, LeaseLost) or result.sent is Sent.NOT_SENT:
        return LaunchOutcome.NOT_EXECUTED
    if result.sent is Sent.UNKNOWN or result.status not in dialect.launch_refusals:
        return LaunchOutcome.UNKNOWN
    return (
        LaunchOutcome.REFUSED if result.status in _FOR_GOOD | _GONE else LaunchOutcome.NOT_EXECUTED
    )


_NO_ANSWERS: Final = frozenset({401, 403, 408, 429})
_FIRST_SERVER_ERROR: Final = 500


class Shown(Enum):
    """What an answer shows about a launch."""

    ROWS = auto()
    """The report of the campaign has rows."""
    UNDER_WAY = auto()
    """The campaign is in a state that comes after its launch."""
    NO_DRAFT = auto()
    """What is allowed on a draft alone is refused for the campaign's state."""
    DRAFT = auto()
    """The campaign is a draft."""
    NOTHING = auto()
    """The answer shows nothing."""


_SURE: Final = (Shown.ROWS, Shown.UNDER_WAY)


def verdict_of(answers: Sequence[Shown], confirmations: int) -> Shown | None:
    """Return what the answers show together, or None while more are wanted.

    A launch that was seen once was executed. That it was not is believed when all answers say
    so: DRAFT may be said of a launch that is processed late.
    """
    for answer in answers:
        if answer in _SURE:
            return answer
    if len(answers) < confirmations:
        return None
    return answers[0] if len(set(answers)) == 1 else Shown.NOTHING


async def ask(context: SendContext, entry: Entry) -> Shown | MediasflowError:
    """Ask the server once about a launch.

    Returns:
        What the answer shows, or the error when no question was answered.
    """
    unanswered: MediasflowError | None = None
    for question in (_report, _probe):
        shown = await question(context, entry)
        if isinstance(shown, MediasflowError):
            unanswered = shown
        elif shown is not Shown.NOTHING:
            return shown
    return unanswered or Shown.NOTHING


async def _report(context: SendContext, entry: Entry) -> Shown | MediasflowError:
    """Look for rows in the report. That there are none, or no report, shows nothing."""
    if not context.dialect.report_shows_launch or entry.campaign_id is None:
        return Shown.NOTHING
    rows = context.reports.campaign_csv(entry.campaign_id)
    result = await context.result_of(partial(_has_rows, rows))
    if isinstance(result, MediasflowError):
        return _unless_answered(result)
    return Shown.ROWS if result else Shown.NOTHING


async def _has_rows(rows: Rows) -> bool:
    async with aclosing(aiter(rows)) as found:
        async for _ in found:
            return True
    return False


async def _probe(context: SendContext, entry: Entry) -> Shown | MediasflowError:
    """Make a call that changes nothing, and that tells a draft from what is none."""
    dialect = context.dialect
    probe = _fitting(dialect, entry)
    if probe is None or entry.campaign_id is None:
        return Shown.NOTHING
    call: Callable[[], Awaitable[Campaign]]
    if probe == "set_sender" and entry.sender is not None:
        call = partial(context.campaigns.set_sender, entry.campaign_id, entry.sender)
    else:
        call = partial(context.campaigns.prepare, CampaignRequest(campaign_id=entry.campaign_id))
    is_shown = probe == "set_sender" and dialect.set_sender_shows_draft
    return _shown_by(await context.result_of(call), dialect, is_shown_by_success=is_shown)


def _fitting(dialect: Dialect, entry: Entry) -> str | None:
    fitting = (
        probe for probe in dialect.draft_probes if probe != "set_sender" or entry.sender is not None
    )
    return next(fitting, None)


def _shown_by(
    result: Campaign | MediasflowError, dialect: Dialect, *, is_shown_by_success: bool
) -> Shown | MediasflowError:
    if isinstance(result, Conflict) and dialect.conflict_shows_launch:
        return Shown.NO_DRAFT
    if isinstance(result, MediasflowError):
        return _unless_answered(result)
    if is_under_way(result):
        return Shown.UNDER_WAY
    if result.status is None:
        return Shown.DRAFT if is_shown_by_success else Shown.NOTHING
    return Shown.DRAFT if result.status == CampaignStatus.DRAFT else Shown.NOTHING


def _unless_answered(error: MediasflowError) -> Shown | MediasflowError:
    """Return NOTHING for a proper answer, and the error where the question was not taken."""
    if isinstance(error, ResponseInvalid):
        return Shown.NOTHING
    status = error.status or 0
    is_taken = error.sent is Sent.ANSWERED and status not in _NO_ANSWERS
    return Shown.NOTHING if is_taken and status < _FIRST_SERVER_ERROR else error
