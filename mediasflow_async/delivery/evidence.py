"""What an answer proves about a launch: the answer to the launch itself, and to later questions.

The API has no key by which a launch could be repeated safely, so a launch without an answer is in
doubt until the server shows whether it was executed. What cannot be read shows nothing: an answer
counts when this campaign's number and a known state stand in it, and a report when it has a row
that can be read. Nobody has seen the real server: which other evidence counts is a choice of the
`Dialect`.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from enum import Enum, auto
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from mediasflow_async._core.bearers import ENDED, tells_of_token
from mediasflow_async._core.judgement import (
    STATES_AFTER_DRAFT,
    Expected,
    Tells,
    judge,
    state_in,
)
from mediasflow_async.converter.csv_records import is_sum
from mediasflow_async.converter.names import CAMPAIGN_IDS, NUMBER_NAMES, folded
from mediasflow_async.delivery.errors import LeaseLost
from mediasflow_async.delivery.lease import SendContext
from mediasflow_async.delivery.records import Entry
from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import ApiError, InvalidRequest, MediasflowError, ResponseInvalid, Sent
from mediasflow_async.models import Campaign, CampaignRequest, CampaignStatus

if TYPE_CHECKING:
    from mediasflow_async.resources.csv_reports import CsvReport

__all__ = [
    "Evidence",
    "LaunchOutcome",
    "ask",
    "evidence_in",
    "is_refused_for_good",
    "is_row_of_launch",
    "outcome_of_launch",
    "verdict_of",
]

_REFUSED_FOR_GOOD: Final = frozenset({400, 413, 422})
_GONE: Final = frozenset({404, 410})


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


def outcome_of_launch(
    result: Campaign | MediasflowError, campaign_id: int, dialect: Dialect
) -> LaunchOutcome:
    """Return the outcome of a launch of a campaign that ended with this answer or error.

    A refusal counts by its HTTP status: one under a status of success leaves the launch in doubt.
    """
    if isinstance(result, Campaign):
        is_shown = evidence_in(result, campaign_id) is Evidence.UNDER_WAY
        return LaunchOutcome.DONE if is_shown else LaunchOutcome.UNKNOWN
    if isinstance(result, InvalidRequest):
        return LaunchOutcome.REFUSED
    if isinstance(result, LeaseLost) or result.sent is Sent.NOT_SENT:
        return LaunchOutcome.NOT_EXECUTED
    if result.sent is Sent.UNKNOWN or result.status not in dialect.launch_refusals:
        return LaunchOutcome.UNKNOWN
    is_final = _is_final(result) or _is_gone(result)
    return LaunchOutcome.REFUSED if is_final else LaunchOutcome.NOT_EXECUTED


def _is_gone(error: MediasflowError) -> bool:
    """Whether the API knows no such campaign; a page may stand in for a server that restarts."""
    return error.status in _GONE and isinstance(error, ApiError) and error.is_json


def _is_final(error: MediasflowError) -> bool:
    """Whether the server refuses for good; some servers refuse a token that has ended so, too."""
    return error.status in _REFUSED_FOR_GOOD and not tells_of_token(error.message)


def is_refused_for_good(error: MediasflowError) -> bool:
    """Whether a `prepare` that ended in this error would always be refused.

    The status of an error may be that of the login, of which the campaign knows nothing: only
    what was answered to the campaign itself says anything of it.
    """
    if isinstance(error, InvalidRequest):
        return True
    return error.sent is Sent.ANSWERED and _is_final(error)


class Evidence(Enum):
    """What the answer to a question shows about a launch."""

    ROWS = auto()
    """The report of the campaign has a row that can be read."""
    UNDER_WAY = auto()
    """The campaign is in a known state that comes after its launch."""
    NO_DRAFT = auto()
    """What is allowed on a draft alone is refused for the campaign's state."""
    DRAFT = auto()
    """The campaign is in the state DRAFT."""
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
    """Look for a row in the report. That there is none, or no report, shows nothing."""
    session, campaign_id = context.session, entry.campaign_id
    if not session.dialect.report_shows_launch or campaign_id is None:
        return Evidence.NOTHING
    report = session.reports.campaign_csv(campaign_id)
    result = await context.answer_of(partial(_has_row, report, campaign_id))
    if isinstance(result, MediasflowError):
        return _nothing_or_unanswered(result)
    return Evidence.ROWS if result else Evidence.NOTHING


async def _has_row(report: CsvReport, campaign_id: int) -> bool:
    async with aclosing(report.dicts()) as rows:
        async for row in rows:
            if is_row_of_launch(row, campaign_id):
                return True
    return False


# The codes of the guide's table, and those of its example of a filter (Guide: 2.6, 3): a number
# beyond them is no delivery status, such as the HTTP status of an error that is written as a row.
_STATUS_CODE: Final = re.compile(r"0?[0-9]|[12][0-9]|3[0-2]|11[0-3]")
_LINE: Final = re.compile(r"[1-9][0-9]{0,8}")
_MOBILE: Final = re.compile(r"\+?[0-9]{6,15}")
_CAMPAIGN_COLUMN: Final = re.compile(r"(id|n|no|num|numero)?camp(?:ai|ag|aig)ne?(id|number)?")
_NUMBER: Final = re.compile(r"0*([0-9]{1,19})")


def is_row_of_launch(row: Mapping[str, str], campaign_id: int) -> bool:
    """Whether a row of a report, by its columns, shows that the campaign was launched.

    It does with a status code of the guide's and a line or a number, unless it names another
    campaign or is a sum: two lines of any text have the form of a CSV report, too.
    """
    cells = {folded(name): row[name].strip() for name in row}
    if not _STATUS_CODE.fullmatch(cells.get("statuscode", "")):
        return False
    if any(_names_another(name, text, campaign_id) for name, text in cells.items()):
        return False
    if any(_MOBILE.fullmatch(cells.get(name, "")) for name in NUMBER_NAMES):
        return True
    return _LINE.fullmatch(cells.get("idline", "")) is not None and not is_sum(cells.values())


def _names_another(column: str, text: str, campaign_id: int) -> bool:
    """Whether a cell names another campaign; a column for it may hold its name instead."""
    found = _CAMPAIGN_COLUMN.fullmatch(column)
    if found is None or not text:
        return False
    number = _NUMBER.fullmatch(text)
    return int(number[1]) != campaign_id if number else any(found.groups())


async def _probe_draft(context: SendContext, entry: Entry) -> Evidence | MediasflowError:
    """Make a call that changes nothing, and that only a draft allows."""
    dialect, campaigns = context.session.dialect, context.session.campaigns
    probe, campaign_id = _probe_for(entry, dialect), entry.campaign_id
    if probe is None or campaign_id is None:
        return Evidence.NOTHING
    call: Callable[[], Awaitable[Campaign]]
    if probe == "set_sender" and entry.sender is not None:
        call = partial(campaigns.set_sender, campaign_id, entry.sender)
    else:
        call = partial(campaigns.prepare, CampaignRequest(campaign_id=campaign_id))
    result = await context.answer_of(call)
    if isinstance(result, Campaign):
        is_shown_by_success = probe == "set_sender" and dialect.set_sender_shows_draft
        return evidence_in(result, campaign_id, success_shows_draft=is_shown_by_success)
    if result.status == _CONFLICT and dialect.conflict_shows_launch:
        return Evidence.NO_DRAFT
    return _nothing_or_unanswered(result)


def _probe_for(entry: Entry, dialect: Dialect) -> str | None:
    possible = (
        probe for probe in dialect.draft_probes if probe != "set_sender" or entry.sender is not None
    )
    return next(possible, None)


def evidence_in(
    campaign: Campaign, campaign_id: int, *, success_shows_draft: bool = False
) -> Evidence:
    """Return what an answer under a status of success shows of a campaign.

    Args:
        campaign: the answer, as a `Campaign`: its `raw` is what the server sent, and what counts.
        campaign_id: the campaign that was asked about.
        success_shows_draft: take an empty answer, and this campaign without a state, for a draft.
    """
    answer = campaign.raw.get(_ANSWER, campaign.raw)
    if answer is None or answer == {}:
        return Evidence.DRAFT if success_shows_draft else Evidence.NOTHING
    judgement = judge(Expected.DRAFT, _OK, "", answer, campaign_id=campaign_id)
    if judgement.tells is not Tells.DONE:
        return Evidence.NOTHING
    state = state_in(judgement.data)
    if state == CampaignStatus.DRAFT:
        return Evidence.DRAFT
    if state in STATES_AFTER_DRAFT:
        return Evidence.UNDER_WAY
    is_shown = success_shows_draft and _says_nothing_else(judgement.data, campaign.extra)
    return Evidence.DRAFT if is_shown else Evidence.NOTHING


# What is no JSON object is kept in `raw` under this name.
_ANSWER: Final = "answer"
_OK: Final = 200
_CONFLICT: Final = 409
_STATE_NAMES: Final = frozenset({"status", "statut", "state", "etat", "campaignstatus"})
# A campaign has its text in `message`, and a refusal its reason: these tell them apart.
_OF_CAMPAIGN: Final = frozenset({"campaignname", "creationdate", "typeselect", "listincampaign"})


def _says_nothing_else(answer: Mapping[str, Any], unknown: Mapping[str, Any]) -> bool:
    """Whether an answer holds a campaign, and neither a state nor anything that is unknown."""
    names = {folded(name) for name in answer if answer[name] is not None}
    has_words = "message" in names and not names & _OF_CAMPAIGN
    others = set(map(folded, unknown)).difference(CAMPAIGN_IDS)
    return not (has_words or names & _STATE_NAMES or others)


_NO_ANSWERS: Final = ENDED | {401, 403, 408, 429}
_FIRST_SERVER_ERROR: Final = 500


def _nothing_or_unanswered(error: MediasflowError) -> Evidence | MediasflowError:
    """Return NOTHING for a proper answer, and the error where the question was not taken."""
    if isinstance(error, ResponseInvalid):
        return Evidence.NOTHING
    status = error.status or 0
    is_taken = error.sent is Sent.ANSWERED and status not in _NO_ANSWERS
    return Evidence.NOTHING if is_taken and status < _FIRST_SERVER_ERROR else error
