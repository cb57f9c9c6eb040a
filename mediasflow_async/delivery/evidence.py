"""What an answer proves about a launch: the answer to the launch itself, and to later questions.

The API has no key by which a launch could be repeated safely, so a launch without an answer is in
doubt until the server shows whether it was executed. Nobody has seen the real server: which
evidence counts is a choice of the `Dialect`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from enum import Enum, auto
from functools import partial
from typing import TYPE_CHECKING, Final

from mediasflow_async.delivery.errors import LeaseLost
from mediasflow_async.delivery.lease import SendContext
from mediasflow_async.delivery.records import Entry
from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import Conflict, InvalidRequest, MediasflowError, ResponseInvalid, Sent
from mediasflow_async.models import Campaign, CampaignRequest, CampaignStatus

if TYPE_CHECKING:
    from mediasflow_async.resources.csv_reports import CsvReport

__all__ = [
    "Evidence",
    "LaunchOutcome",
    "ask",
    "is_refused_for_good",
    "is_under_way",
    "outcome_of_launch",
    "verdict_of",
]

_REFUSED_FOR_GOOD: Final = frozenset({400, 413, 422})
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
    """What the answer to a launch says about it."""

    DONE = auto()
    """The server executed it."""
    REFUSED = auto()
    """It was not executed, and would be refused again."""
    NOT_EXECUTED = auto()
    """It was not executed, and may be tried again later."""
    UNKNOWN = auto()
    """It may have been executed."""


def outcome_of_launch(result: Campaign | MediasflowError, dialect: Dialect) -> LaunchOutcome:
    """Return the outcome of a launch that ended with this campaign or error."""
    if isinstance(result, Campaign):
        is_draft = result.status == CampaignStatus.DRAFT
        return LaunchOutcome.UNKNOWN if is_draft else LaunchOutcome.DONE
    if isinstance(result, InvalidRequest):
        return LaunchOutcome.REFUSED
    if isinstance(result, LeaseLost) or result.sent is Sent.NOT_SENT:
        return LaunchOutcome.NOT_EXECUTED
    if result.sent is Sent.UNKNOWN or result.status not in dialect.launch_refusals:
        return LaunchOutcome.UNKNOWN
    is_final = result.status in _REFUSED_FOR_GOOD | _GONE
    return LaunchOutcome.REFUSED if is_final else LaunchOutcome.NOT_EXECUTED


def is_refused_for_good(error: MediasflowError) -> bool:
    """Whether a `prepare` that ended in this error would always be refused."""
    return isinstance(error, InvalidRequest) or error.status in _REFUSED_FOR_GOOD


def is_under_way(campaign: Campaign) -> bool:
    """Whether the server shows a campaign in a state that comes after its launch."""
    return campaign.status in _UNDER_WAY


class Evidence(Enum):
    """What the answer to a question shows about a launch."""

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


def verdict_of(answers: Sequence[Evidence], confirmations: int) -> Evidence | None:
    """Return what the answers show together, or None while more are wanted.

    One answer with ROWS or UNDER_WAY is enough: the launch was executed. Anything else counts
    when all answers agree: a campaign whose launch is processed late is a DRAFT until then.
    """
    for answer in answers:
        if answer in (Evidence.ROWS, Evidence.UNDER_WAY):
            return answer
    if len(answers) < confirmations:
        return None
    return answers[0] if len(set(answers)) == 1 else Evidence.NOTHING


async def ask(context: SendContext, entry: Entry) -> Evidence | MediasflowError:
    """Ask the server once about a launch: its report first, then what only a draft allows.

    Returns:
        What the answer shows, or the error when no question was answered.
    """
    unanswered: MediasflowError | None = None
    for question in (_ask_for_report, _probe_draft):
        evidence = await question(context, entry)
        if isinstance(evidence, MediasflowError):
            unanswered = evidence
        elif evidence is not Evidence.NOTHING:
            return evidence
    return unanswered or Evidence.NOTHING


async def _ask_for_report(context: SendContext, entry: Entry) -> Evidence | MediasflowError:
    """Look for rows in the report. That there are none, or no report, shows nothing."""
    session = context.session
    if not session.dialect.report_shows_launch or entry.campaign_id is None:
        return Evidence.NOTHING
    report = session.reports.campaign_csv(entry.campaign_id)
    result = await context.result_of(partial(_has_rows, report))
    if isinstance(result, MediasflowError):
        return _nothing_or_unanswered(result)
    return Evidence.ROWS if result else Evidence.NOTHING


async def _has_rows(report: CsvReport) -> bool:
    async with aclosing(aiter(report)) as rows:
        async for _ in rows:
            return True
    return False


async def _probe_draft(context: SendContext, entry: Entry) -> Evidence | MediasflowError:
    """Make a call that changes nothing, and that only a draft allows."""
    dialect, campaigns = context.session.dialect, context.session.campaigns
    probe = _probe_for(entry, dialect)
    if probe is None or entry.campaign_id is None:
        return Evidence.NOTHING
    call: Callable[[], Awaitable[Campaign]]
    if probe == "set_sender" and entry.sender is not None:
        call = partial(campaigns.set_sender, entry.campaign_id, entry.sender)
    else:
        call = partial(campaigns.prepare, CampaignRequest(campaign_id=entry.campaign_id))
    is_shown_by_success = probe == "set_sender" and dialect.set_sender_shows_draft
    result = await context.result_of(call)
    return _evidence_of(result, dialect, is_shown_by_success=is_shown_by_success)


def _probe_for(entry: Entry, dialect: Dialect) -> str | None:
    possible = (
        probe for probe in dialect.draft_probes if probe != "set_sender" or entry.sender is not None
    )
    return next(possible, None)


def _evidence_of(
    result: Campaign | MediasflowError, dialect: Dialect, *, is_shown_by_success: bool
) -> Evidence | MediasflowError:
    if isinstance(result, Conflict) and dialect.conflict_shows_launch:
        return Evidence.NO_DRAFT
    if isinstance(result, MediasflowError):
        return _nothing_or_unanswered(result)
    if is_under_way(result):
        return Evidence.UNDER_WAY
    if result.status is None:
        return Evidence.DRAFT if is_shown_by_success else Evidence.NOTHING
    return Evidence.DRAFT if result.status == CampaignStatus.DRAFT else Evidence.NOTHING


_NO_ANSWERS: Final = frozenset({401, 403, 408, 429})
_FIRST_SERVER_ERROR: Final = 500


def _nothing_or_unanswered(error: MediasflowError) -> Evidence | MediasflowError:
    """Return NOTHING for a proper answer, and the error where the question was not taken."""
    if isinstance(error, ResponseInvalid):
        return Evidence.NOTHING
    status = error.status or 0
    is_taken = error.sent is Sent.ANSWERED and status not in _NO_ANSWERS
    return Evidence.NOTHING if is_taken and status < _FIRST_SERVER_ERROR else error
