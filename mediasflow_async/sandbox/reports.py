"""Reports of one campaign and of a period, in JSON and CSV (Guide: 2.4 to 2.7, 4)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from attrs import frozen

from mediasflow_async.sandbox import messages
from mediasflow_async.sandbox.campaigns import find_campaign
from mediasflow_async.sandbox.dates import period_edge
from mediasflow_async.sandbox.errors import invalid, missing, not_found
from mediasflow_async.sandbox.report_rows import csv_answer, json_rows
from mediasflow_async.sandbox.searching import condition
from mediasflow_async.sandbox.wire import answer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mediasflow_async.sandbox.http import Answer
    from mediasflow_async.sandbox.messages import StoredMessage
    from mediasflow_async.sandbox.world import Task

LONGEST_PERIOD = timedelta(days=7)
_MEDIA = ("SMS", "EMAIL", "VOCAL")


def campaign_json(task: Task, campaign_id: str) -> Answer:
    """Answer GET /campaigns/reportjson/{campaignid}."""
    return answer(task.rules, json_rows(task, _of_campaign(task, campaign_id)))


def campaign_csv(task: Task, campaign_id: str) -> Answer:
    """Answer GET /campaigns/report/{campaignid}."""
    found = list(_of_campaign(task, campaign_id))
    return csv_answer(task, found, _names(task.call.query.get("details")))


def period_json(task: Task) -> Answer:
    """Answer GET /campaigns/reportjson/."""
    return answer(task.rules, json_rows(task, _of_period(task)))


def period_csv(task: Task) -> Answer:
    """Answer GET /campaigns/report/."""
    found = list(_of_period(task))
    return csv_answer(task, found, _names(task.call.query.get("keyField")))


def _names(written: str | None) -> tuple[str, ...] | None:
    return tuple(name.strip() for name in written.split(";") if name.strip()) if written else None


def _of_campaign(task: Task, campaign_id: str) -> Iterator[StoredMessage]:
    campaign = find_campaign(task, campaign_id)
    if campaign.state != "LAUNCHED" and task.rules.draft_report == "not_found":
        raise not_found("report: the campaign has not started")
    return _with_status(task, messages.of_campaign(task.db, campaign.id))


def _with_status(task: Task, rows: Iterable[StoredMessage]) -> Iterator[StoredMessage]:
    wanted = _statuses(task.call.query.get("status"))
    now = task.now.timestamp()
    return (row for row in rows if wanted is None or row.status(now) in wanted)


def _statuses(written: str | None) -> frozenset[int] | None:
    if not written:
        return None
    codes = [code.strip() for code in re.split("[,;]", written) if code.strip()]
    if not all(code.isascii() and code.isdigit() for code in codes):
        raise invalid("status", "status is a list of numbers")
    return frozenset(map(int, codes))


@frozen
class _Period:
    start: float
    end: float


def _of_period(task: Task) -> Iterator[StoredMessage]:
    query = task.call.query
    period = _period(task)
    user_id = _user(task, query.get("userID"))
    holds = condition(query.get("search"), task.rules.regex_style)
    if "SMS" not in _media(query.get("types")):
        return iter(())
    where = "NOT test AND sent_at >= ? AND sent_at < ? AND (? IS NULL OR user_id = ?)"
    rows = messages.select(task.db, where, (period.start, period.end, user_id, user_id))
    return _with_status(task, filter(holds, rows))


def _period(task: Task) -> _Period:
    if not task.call.query.get("from"):
        raise missing("from")
    zone = task.world.timezone
    start = period_edge(task.call.query["from"], "from", zone)
    written = task.call.query.get("to")
    if not written:
        return _Period(start.timestamp(), (start + LONGEST_PERIOD).timestamp())
    inclusive = task.rules.window_end == "inclusive"
    _check_order(start.timestamp(), period_edge(written, "to", zone).timestamp())
    return _Period(
        start.timestamp(), period_edge(written, "to", zone, inclusive=inclusive).timestamp()
    )


def _check_order(start: float, end: float) -> None:
    if end < start:
        raise invalid("to", "to is before from")
    if end - start > LONGEST_PERIOD.total_seconds():
        raise invalid("to", "a period has at most 7 days", "PERIOD_TOO_LONG")


def _user(task: Task, written: str | None) -> str | None:
    if not written and task.caller.admin:
        return None
    return task.owner(written, "userID")


def _media(written: str | None) -> tuple[str, ...]:
    types = tuple(kind.strip() for kind in re.split("[;,]", written or "") if kind.strip())
    if any(kind not in _MEDIA for kind in types):
        raise invalid("types", f"types is a list of {', '.join(_MEDIA)}")
    return types or _MEDIA
