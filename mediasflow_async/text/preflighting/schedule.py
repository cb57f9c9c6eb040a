"""Traps of a campaign's date (Guide: 2.1, `scheduleOn`)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from mediasflow_async.dates import to_whole_second
from mediasflow_async.models import CampaignRequest
from mediasflow_async.text.preflighting.codes import ProblemCode, WarningCode
from mediasflow_async.text.preflighting.conditions import Conditions
from mediasflow_async.text.preflighting.notices import Notice, notice
from mediasflow_async.text.preflighting.stop import is_marketing

__all__ = ["schedule_notices"]

_EARLIEST: Final = timedelta(minutes=5)
_NOON: Final = 12


def schedule_notices(request: CampaignRequest, conditions: Conditions) -> Iterator[Notice]:
    """Yield what is wrong or doubtful about when a campaign is sent.

    A draft without a date is sent when it is launched, which nobody knows yet.
    """
    now = conditions.now or datetime.now(UTC)
    moment = request.schedule_on
    if moment is None:
        sent_at = now if request.start_now else None
    elif moment.utcoffset() is None:
        yield notice(ProblemCode.SCHEDULE_WITHOUT_ZONE)
        return
    else:
        yield from _too_early(moment, now)
        yield from _clock_traps(moment, conditions.schedule_zone)
        sent_at = moment
    if sent_at and is_marketing(request):
        yield from conditions.legal_hours.objections(sent_at)


def _too_early(moment: datetime, now: datetime) -> Iterator[Notice]:
    if moment <= now:
        yield notice(ProblemCode.SCHEDULE_IN_PAST)
    elif moment - now < _EARLIEST:
        yield notice(ProblemCode.SCHEDULE_TOO_SOON)


def _clock_traps(moment: datetime, written_in: tzinfo) -> Iterator[Notice]:
    written = to_whole_second(moment).astimezone(written_in)
    if _is_nonexistent(moment):
        yield notice(WarningCode.NONEXISTENT_TIME)
    elif _is_ambiguous(moment) or _is_ambiguous(written):
        yield notice(WarningCode.AMBIGUOUS_TIME)
    if written.hour == _NOON:
        yield notice(WarningCode.TWELVE_OCLOCK)


def _is_nonexistent(moment: datetime) -> bool:
    there_and_back = moment.astimezone(UTC).astimezone(moment.tzinfo)
    return there_and_back.replace(tzinfo=None) != moment.replace(tzinfo=None)


def _is_ambiguous(moment: datetime) -> bool:
    return moment.replace(fold=0).utcoffset() != moment.replace(fold=1).utcoffset()
