"""Reports of one campaign and of a period, in JSON and CSV (Guide: 2.4 to 2.7, 4).

The guide shows no JSON report at all, and of CSV reports only the names of the columns: what
else there is to choose is in `ServerRules`. Only SMS are simulated, so that EMAIL and VOCAL have
no rows.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mediasflow_async.sandbox import messages, stored_campaigns, texts
from mediasflow_async.sandbox.campaigns import find_campaign
from mediasflow_async.sandbox.dates import csv_date, gson, local_time, period_edge
from mediasflow_async.sandbox.http import invalid, missing, not_found
from mediasflow_async.sandbox.shaping import Table
from mediasflow_async.search import And, Comparison, Expression, Operator, Or, matches, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from mediasflow_async.sandbox.context import RequestContext
    from mediasflow_async.sandbox.messages import StoredMessage
    from mediasflow_async.sandbox.rules import ServerRules

__all__ = ["campaign_csv", "campaign_json", "period_csv", "period_json"]

_LONGEST_PERIOD = timedelta(days=7)
_MEDIA = ("SMS", "EMAIL", "VOCAL")


def campaign_json(context: RequestContext) -> list[dict[str, Any]]:
    """Answer GET /campaigns/reportjson/{campaignid}.

    Raises:
        HttpError: 400, `status` cannot be read; 404, no such campaign, or it has not started.
    """
    return _json_rows(context, _of_campaign(context))


def campaign_csv(context: RequestContext) -> Table:
    """Answer GET /campaigns/report/{campaignid}.

    Raises:
        HttpError: 400, `status` cannot be read; 404, no such campaign, or it has not started.
    """
    found = list(_of_campaign(context))
    return _csv_table(context, found, _names(context.request.query.get("details")))


def period_json(context: RequestContext) -> list[dict[str, Any]]:
    """Answer GET /campaigns/reportjson/.

    Raises:
        HttpError: 400 about the first parameter that breaks a rule; 403 or 404 about `userID`.
    """
    return _json_rows(context, _of_period(context))


def period_csv(context: RequestContext) -> Table:
    """Answer GET /campaigns/report/.

    Raises:
        HttpError: 400 about the first parameter that breaks a rule; 403 or 404 about `userID`.
    """
    found = list(_of_period(context))
    return _csv_table(context, found, _names(context.request.query.get("keyField")))


def _of_campaign(context: RequestContext) -> Iterator[StoredMessage]:
    campaign = find_campaign(context, context.path_id)
    if campaign.state != "LAUNCHED" and context.rules.draft_report == "not_found":
        raise not_found("report: the campaign has not started")
    return _with_status(context, messages.of_campaign(context.db, campaign.id))


def _of_period(context: RequestContext) -> Iterator[StoredMessage]:
    query = context.request.query
    start, end = _period(context)
    user_id = _user(context, query.get("userID"))
    is_found = _search_filter(query.get("search"), context.rules.regex_style)
    if "SMS" not in _media(query.get("types")):
        return iter(())
    where = "NOT test AND sent_at >= ? AND sent_at < ? AND (? IS NULL OR user_id = ?)"
    rows = messages.select(context.db, where, (start, end, user_id, user_id))
    return _with_status(context, filter(is_found, rows))


def _period(context: RequestContext) -> tuple[float, float]:
    """Return where the period starts and where it ends, in epoch seconds; the end is exclusive."""
    if not context.request.query.get("from"):
        raise missing("from")
    rules = context.rules
    start = period_edge(context.request.query["from"], "from", rules)
    written = context.request.query.get("to")
    if not written:
        return start.timestamp(), (start + _LONGEST_PERIOD).timestamp()
    _check_length(start, period_edge(written, "to", rules), rules)
    inclusive = rules.window_end == "inclusive" or rules.period_unit == "day"
    end = period_edge(written, "to", rules, inclusive=inclusive)
    return start.timestamp(), end.timestamp()


def _check_length(start: datetime, end: datetime, rules: ServerRules) -> None:
    if end < start:
        raise invalid("to", "to is before from")
    length = end - start
    if rules.period_limit == "days":
        first, last = (local_time(edge.timestamp(), rules).date() for edge in (start, end))
        length = last - first + timedelta(days=1)
    if length > _LONGEST_PERIOD:
        raise invalid("to", "a period has at most 7 days", "PERIOD_TOO_LONG")


def _user(context: RequestContext, written: str | None) -> str | None:
    if not written and context.caller.admin:
        return None
    return context.owner(written, "userID")


def _media(written: str | None) -> tuple[str, ...]:
    types = tuple(kind.strip() for kind in re.split("[;,]", written or "") if kind.strip())
    if any(kind not in _MEDIA for kind in types):
        raise invalid("types", f"types is a list of {', '.join(_MEDIA)}")
    return types or _MEDIA


def _with_status(context: RequestContext, rows: Iterable[StoredMessage]) -> Iterator[StoredMessage]:
    wanted = _statuses(context.request.query.get("status"))
    now = context.now.timestamp()
    return (row for row in rows if wanted is None or row.status(now) in wanted)


def _statuses(written: str | None) -> frozenset[int] | None:
    if not written:
        return None
    codes = [code.strip() for code in re.split("[,;]", written) if code.strip()]
    if not all(code.isascii() and code.isdigit() for code in codes):
        raise invalid("status", "status is a list of numbers")
    return frozenset(map(int, codes))


def _names(written: str | None) -> tuple[str, ...] | None:
    return tuple(name.strip() for name in written.split(";") if name.strip()) if written else None


def _search_filter(written: str | None, regex_style: str) -> Callable[[StoredMessage], bool]:
    """Return what tells whether the search `written` finds a message; an empty one finds all.

    The guide compares `item` with a national number in one example and with an international one
    without `+` in the next. `=re=` is matched against the second; every other operator takes both.

    Raises:
        HttpError: 400, the search cannot be read.
    """
    if not written or not written.strip():
        return lambda _: True
    try:
        search = _adapted(parse(written), as_glob=regex_style == "glob")
    except ValueError:
        raise invalid("search", "search cannot be read", "MALFORMED_SEARCH") from None
    return lambda message: matches(search, _searched(message))


def _adapted(search: Expression, *, as_glob: bool) -> Expression:
    """Return `search` with its patterns checked and its numbers in the form of `_searched`."""
    match search:
        case And(operands):
            return And([_adapted(operand, as_glob=as_glob) for operand in operands])
        case Or(operands):
            return Or([_adapted(operand, as_glob=as_glob) for operand in operands])
        case Comparison(selector, Operator.REGEX, (pattern, *_)):
            return _checked(selector, _regex_of(pattern) if as_glob else pattern)
        case Comparison("item", operator, values):
            return Comparison("item", operator, tuple(map(_international, values)))
        case _:
            return search


def _checked(selector: str, pattern: str) -> Comparison:
    """Return a comparison with a pattern.

    Raises:
        ValueError: the pattern cannot be read.
    """
    comparison = Comparison(selector, Operator.REGEX, (pattern,))
    matches(comparison, {})
    return comparison


def _regex_of(glob: str) -> str:
    return f"^{'.*'.join(map(re.escape, glob.split('*')))}$"


def _international(number: str) -> str:
    return (texts.e164(number) or number).removeprefix("+")


def _searched(message: StoredMessage) -> dict[str, Any]:
    return {
        "item": message.mobile.removeprefix("+"),
        "type": message.type,
        "msg": message.text,
        "fields": message.fields,
    }


def _json_rows(context: RequestContext, found: Iterable[StoredMessage]) -> list[dict[str, Any]]:
    """Return the rows of a JSON report under the names that the rules choose."""
    write = _WRITERS.get(context.rules.report_shape, _object)
    return [write(context, row) for row in _rows(context, found)]


def _object(context: RequestContext, row: _Row) -> dict[str, Any]:
    message = row.message
    return {
        "campaignId": message.campaign_id,
        "refList": message.ref_list,
        "idLine": message.line,
        "item": message.mobile.removeprefix("+"),
        "type": message.type,
        "msg": message.text,
        "status": row.status,
        "statusText": row.label,
        "sendDate": _gson(context, message.sent_at),
        "deliveryDate": _gson(context, row.delivered_at),
        "reply": row.reply,
        "preview": _gson(context, row.clicked_at),
        "previewCounter": row.clicks,
        "tracks": [
            {"index": index, "date": _gson(context, row.clicked_at), "counter": row.clicks}
            for index in row.links
        ],
        "fields": dict(message.fields),
    }


def _status_object(context: RequestContext, row: _Row) -> dict[str, Any]:
    status = {"code": row.status, "text": row.label}
    plain = _object(context, row)
    return {name: value for name, value in plain.items() if name != "statusText"} | {
        "status": status
    }


def _french(context: RequestContext, row: _Row) -> dict[str, Any]:
    return {
        "campagne": row.message.campaign_id,
        "numero": row.message.mobile,
        "etat": row.label,
        "dateEnvoi": _gson(context, row.message.sent_at),
    }


def _column_object(context: RequestContext, row: _Row) -> dict[str, Any]:
    return {**row.message.fields, **_columns(context, row)}


def _camel_object(context: RequestContext, row: _Row) -> dict[str, Any]:
    columns = {_camel(name): value for name, value in _columns(context, row).items()}
    return {**row.message.fields, **columns}


def _camel(name: str) -> str:
    """Return `statusCode` for `STATUS_CODE`, and `track1` for `TRACK_1`."""
    first, *others = name.split("_")
    return first.lower() + "".join(map(str.capitalize, others))


def _spaced_object(context: RequestContext, row: _Row) -> dict[str, Any]:
    columns = {name.replace("_", " "): value for name, value in _columns(context, row).items()}
    return {**row.message.fields, **columns}


_WRITERS: Mapping[str, Callable[[RequestContext, _Row], dict[str, Any]]] = {
    "columns": _column_object,
    "camel": _camel_object,
    "spaced": _spaced_object,
    "status_object": _status_object,
    "french": _french,
}


def _gson(context: RequestContext, at: float | None) -> str | None:
    return None if at is None else gson(at, context.rules)


_BEFORE_TRACKS = (
    "REF_LIST",
    "ID_LINE",
    "INT_MOBILE",
    "STATUS_CODE",
    "STATUS_TEXT",
    "DELIVERYDATE",
    "REPLY",
    "PREVIEW",
    "PREVIEW_COUNTER",
)


def _csv_table(
    context: RequestContext, found: Sequence[StoredMessage], wanted: tuple[str, ...] | None
) -> Table:
    """Return a CSV report: the recipients' own columns, then the documented ones.

    Args:
        context: the request.
        found: what to report.
        wanted: own columns to show; None for all.
    """
    own = list(dict.fromkeys(name for message in found for name in message.fields))
    shown = own if wanted is None else [name for name in wanted if name in own]
    rows = list(_rows(context, found))
    header = _header(rows)
    lines = []
    for row in rows:
        columns = _columns(context, row)
        own_cells = [row.message.fields.get(name, "") for name in shown]
        lines.append([*own_cells, *(columns.get(name, "") for name in header)])
    names = [*shown, *map(_cased(context), header)]
    return Table(names, lines, len(shown) + header.index("STATUS_TEXT"))


def _header(rows: Iterable[_Row]) -> list[str]:
    links = sorted({index + 1 for row in rows for index in row.links})
    tracks = (name for n in links for name in (f"TRACK_{n}", f"TRACK_{n}_COUNTER"))
    return [*_BEFORE_TRACKS, *tracks]


def _cased(context: RequestContext) -> Callable[[str], str]:
    return str.lower if context.rules.csv_header_case == "lower" else str.upper


def _columns(context: RequestContext, row: _Row) -> dict[str, str]:
    clicked = _csv_date(context, row.clicked_at)
    clicks = str(row.clicks or "")
    columns = {
        "REF_LIST": row.message.ref_list,
        "ID_LINE": str(row.message.line),
        "INT_MOBILE": row.message.mobile,
        "STATUS_CODE": str(row.status),
        "STATUS_TEXT": row.label,
        "DELIVERYDATE": _csv_date(context, row.delivered_at),
        "REPLY": row.reply,
        "PREVIEW": clicked,
        "PREVIEW_COUNTER": clicks,
    }
    for index in row.links:
        columns |= {f"TRACK_{index + 1}": clicked, f"TRACK_{index + 1}_COUNTER": clicks}
    return columns


def _csv_date(context: RequestContext, at: float | None) -> str:
    return "" if at is None else csv_date(at, context.rules)


@frozen(kw_only=True)
class _Row:
    """One line of a report, as it is at the moment of the request.

    Attributes:
        message: which one it is about.
        status: its status code. Guide: 3.
        label: its status text.
        delivered_at: epoch seconds, None when it has not arrived.
        reply: empty for none.
        clicked_at: epoch seconds, None when no link was clicked.
        clicks: how often each link was clicked.
        links: indexes of the campaign's links.
    """

    message: StoredMessage
    status: int
    label: str
    delivered_at: float | None
    reply: str
    clicked_at: float | None
    clicks: int
    links: tuple[int, ...]


def _rows(context: RequestContext, found: Iterable[StoredMessage]) -> Iterator[_Row]:
    links: dict[int, tuple[int, ...]] = {}
    for message in found:
        if message.campaign_id not in links:
            links[message.campaign_id] = _link_indexes(context, message.campaign_id)
        yield _row(context, message, links[message.campaign_id])


def _link_indexes(context: RequestContext, campaign_id: int) -> tuple[int, ...]:
    campaign = stored_campaigns.find(context.db, campaign_id)
    return tuple(link["index"] for link in campaign.order.links) if campaign else ()


def _row(context: RequestContext, message: StoredMessage, links: tuple[int, ...]) -> _Row:
    now = context.now.timestamp()
    status = message.status(now)
    delivered_at = message.delivered_at(now)
    clicked_at = message.clicked_at(now) if links else None
    return _Row(
        message=message,
        status=status,
        label=_label(context, status),
        delivered_at=delivered_at,
        reply=message.timeline.reply if delivered_at is not None else "",
        clicked_at=clicked_at,
        clicks=message.timeline.clicks if clicked_at is not None else 0,
        links=links,
    )


# STATUS_TEXT, as in the guide's table, which lost the codes of three labels. Guide: 3.
_LABELS = {
    2: "Malformed number",
    3: "Destination not authorized",
    4: "Duplicate",
    5: "Personalization error",
    6: "UCS2 character not authorized",
    7: "Message too long",
    8: "Insufficient credit",
    10: "Posted",
    12: "Processing error",
    13: "Operator refused",
    14: "Present in your blacklist",
    15: "Present in our global blacklist",
    16: "Delivered",
    17: "Delivered + STOP requested",
    19: "Missing rate",
    20: "Not delivered",
    21: "Delivered",
    22: "Message expired",
    23: "Message deleted",
    24: "Sent",
    25: "Not delivered",
    26: "Unknown error",
    27: "Operator rejected",
    28: "Posted",
    29: "Unassigned number",
    30: "Unassigned number",
    31: "Mobile unavailable",
    32: "SMS rejected",
}
_LOST_LABELS = ("In process", "Sending in progress", "Present in your client's blacklist")


def _label(context: RequestContext, status: int) -> str:
    lost = dict(zip(context.rules.lost_codes, _LOST_LABELS, strict=True))
    return _LABELS.get(status) or lost.get(status) or f"Status {status}"
