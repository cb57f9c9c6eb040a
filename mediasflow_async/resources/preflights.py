"""A preflight of a request that may be wrong: the API's rules first, then text and recipients.

`text.preflight` takes a request that keeps the API's rules. Here the rules are checked first, and
a field that breaks one is left out of the request. `campaigns` imports this module when it is
first needed: the preflight takes longer to import than everything that a call needs.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from attrs import evolve, fields_dict

from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import InvalidRequest, Problem
from mediasflow_async.models import CampaignRequest, RecipientList
from mediasflow_async.text import Conditions, Notice, Preflight, ProblemCode, apreflight, preflight
from mediasflow_async.validation import campaign_problems, refuse, request_problems

__all__ = ["Rows", "problems_of", "validated_preflight"]

Rows = Iterable[Mapping[str, Any]] | AsyncIterable[Mapping[str, Any]] | RecipientList
"""Recipients of a list: its rows, read once, or what its upload returned."""

_NAME: Final = re.compile(r"\w+")
# A problem in one of these leaves nothing to measure.
_MEASURED: Final = frozenset({"msg", "recipients", "renderer", "defaults", "tiny_urls"})
# Stands for the list that the rows will be, so that the request is not one without recipients.
_LIST_TO_COME: Final = 1


async def validated_preflight(
    request: CampaignRequest,
    rows: Rows | None,
    dialect: Dialect,
    *,
    credit: float | None = None,
    max_segments: int = 1,
    conditions: Conditions | None = None,
) -> Preflight:
    """Return the preflight of a campaign, with what the API's rules refuse as its first problems.

    Where that is the message or the recipients, nothing else is in the report. Any other field
    that breaks a rule is left out of the rest of the preflight.

    Args:
        request: as in `Campaigns.preflight`, and so are the others but `dialect`.
        rows: the same.
        dialect: the rules of the server, and its time zone where `conditions` are not given.
        credit: the same as in `Campaigns.preflight`.
        max_segments: the same.
        conditions: the same.

    Raises:
        InvalidRequest: `rows` are of another kind.
        ValueError, PreviewNotInstalled: as in `mediasflow_async.text.preflight`.
    """
    refuse(request_problems(request))
    given = _as_rows(rows)
    conditions = conditions or Conditions(schedule_zone=dialect.schedule_tz)
    problems = _problems(request, rows, dialect, conditions.now)
    sound = _without_broken_fields(request, problems)
    if sound is None:
        report = Preflight(recipients=0, histogram={}, credit=credit)
    elif isinstance(given, AsyncIterable):
        report = await apreflight(
            sound, given, credit=credit, max_segments=max_segments, conditions=conditions
        )
    else:
        report = preflight(
            sound, given, credit=credit, max_segments=max_segments, conditions=conditions
        )
    return evolve(report, problems=(*map(_notice, problems), *report.problems))


def _as_rows(rows: object) -> AsyncIterable[Mapping[str, Any]] | RecipientList | None:
    if rows is None or isinstance(rows, RecipientList | AsyncIterable):
        return rows
    if isinstance(rows, str | bytes | Mapping) or not isinstance(rows, Iterable):
        rule = "rows as mappings from column to value, or the answer to an upload"
        raise InvalidRequest(problems=[Problem("rows", rule)])
    return _each(rows)


async def _each(rows: Iterable[Mapping[str, Any]]) -> AsyncIterator[Mapping[str, Any]]:
    for row in rows:
        yield row


def _problems(
    request: CampaignRequest, rows: object, dialect: Dialect, now: datetime | None
) -> tuple[Problem, ...]:
    if rows is not None and request.list_ids == ():
        request = evolve(request, list_ids=(_LIST_TO_COME,))
    return tuple(campaign_problems(request, dialect, now, any_number=True))


def _without_broken_fields(
    request: CampaignRequest, problems: Iterable[Problem]
) -> CampaignRequest | None:
    """Return the request without the fields that break a rule; None if it cannot be measured."""
    # A wrong number concerns one recipient alone: the others are measured.
    fields = [each.field for each in problems if not each.field.endswith(".mobile")]
    names = {found[0] for field in fields if (found := _NAME.match(field))}
    if names & _MEASURED:
        return None
    if "schedule_on" in names:
        names.add("start_now")  # without its date, the campaign would be sent now
    attributes = fields_dict(CampaignRequest)
    defaults: dict[str, Any] = {name: attributes[name].default for name in names}
    return evolve(request, **defaults)


def _notice(problem: Problem) -> Notice:
    return Notice(ProblemCode.INVALID_REQUEST, problem.rule, problem.field)


def problems_of(report: Preflight) -> Iterator[Problem]:
    """Yield the problems of a report as those of the request, whose own recipients they concern."""
    for each in report.problems:
        if each.code is ProblemCode.INVALID_REQUEST:
            yield Problem(each.about or "", each.message)
        else:
            yield Problem("recipients", str(each))
