"""The rows of reports, as JSON objects and as CSV lines (Guide: 4)."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mediasflow_async.sandbox import records
from mediasflow_async.sandbox.dates import csv_date, from_epoch, gson
from mediasflow_async.sandbox.http import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from mediasflow_async.sandbox.messages import StoredMessage
    from mediasflow_async.sandbox.world import Task

# Labels of the guide's table, for the report's STATUS_TEXT. Guide: 3.
LABELS = {
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


@frozen(kw_only=True)
class _Row:
    """One line of a report; moments are epoch seconds or None."""

    message: StoredMessage
    status: int
    label: str
    delivered_at: float | None
    reply: str
    clicked_at: float | None
    clicks: int
    links: tuple[int, ...]


def _rows(task: Task, found: Iterable[StoredMessage]) -> Iterator[_Row]:
    links: dict[int, tuple[int, ...]] = {}
    for message in found:
        if message.campaign_id not in links:
            links[message.campaign_id] = _link_indexes(task, message.campaign_id)
        yield _row(task, message, links[message.campaign_id])


def _link_indexes(task: Task, campaign_id: int) -> tuple[int, ...]:
    campaign = records.find(task.db, campaign_id)
    return tuple(link["index"] for link in campaign.order.links) if campaign else ()


def _row(task: Task, message: StoredMessage, links: tuple[int, ...]) -> _Row:
    now = task.now.timestamp()
    status = message.status(now)
    delivered_at = message.delivered_at(now)
    clicked_at = message.clicked_at(now) if links else None
    return _Row(
        message=message,
        status=status,
        label=_label(task, status),
        delivered_at=delivered_at,
        reply=message.fate.reply if delivered_at is not None else "",
        clicked_at=clicked_at,
        clicks=message.fate.clicks if clicked_at is not None else 0,
        links=links,
    )


def _label(task: Task, status: int) -> str:
    lost = dict(zip(task.rules.lost_codes, _LOST_LABELS, strict=True))
    return LABELS.get(status) or lost.get(status) or f"Status {status}"


def json_rows(task: Task, found: Iterable[StoredMessage]) -> Any:
    """Return a JSON report in the shape that the rules choose."""
    rows = _rows(task, found)
    if task.rules.report_shape == "columns":
        return [{**row.message.fields, **_columns(task, row)} for row in rows]
    objects = [_object(task, row) for row in rows]
    return {"items": objects} if task.rules.report_shape == "wrapped" else objects


def _object(task: Task, row: _Row) -> dict[str, Any]:
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
        "sendDate": _gson(task, message.sent_at),
        "deliveryDate": _gson(task, row.delivered_at),
        "reply": row.reply,
        "preview": _gson(task, row.clicked_at),
        "previewCounter": row.clicks,
        "tracks": [
            {"index": index, "date": _gson(task, row.clicked_at), "counter": row.clicks}
            for index in row.links
        ],
        "fields": dict(message.fields),
    }


def _gson(task: Task, at: float | None) -> str | None:
    if at is None:
        return None
    return gson(from_epoch(at), task.world.timezone, task.rules.campaign_dates)


def _columns(task: Task, row: _Row) -> dict[str, str]:
    clicked = _csv_date(task, row.clicked_at)
    clicks = str(row.clicks or "")
    columns = {
        "REF_LIST": row.message.ref_list,
        "ID_LINE": str(row.message.line),
        "INT_MOBILE": row.message.mobile,
        "STATUS_CODE": str(row.status),
        "STATUS_TEXT": row.label,
        "DELIVERYDATE": _csv_date(task, row.delivered_at),
        "REPLY": row.reply,
        "PREVIEW": clicked,
        "PREVIEW_COUNTER": clicks,
    }
    for index in row.links:
        columns |= {f"TRACK_{index + 1}": clicked, f"TRACK_{index + 1}_COUNTER": clicks}
    return columns


def _csv_date(task: Task, at: float | None) -> str:
    return "" if at is None else csv_date(from_epoch(at), task.world.timezone)


def csv_answer(
    task: Task, found: Sequence[StoredMessage], wanted: tuple[str, ...] | None
) -> Answer:
    """Return a CSV report: the recipients' own columns, then the documented ones.

    Args:
        task: the request.
        found: what to report.
        wanted: own columns to show; None for all.
    """
    own = list(dict.fromkeys(name for message in found for name in message.fields))
    shown = own if wanted is None else [name for name in wanted if name in own]
    rows = list(_rows(task, found))
    header = _header(rows)
    text = io.StringIO()
    writer = csv.writer(text, delimiter=task.rules.csv_delimiter, lineterminator="\r\n")
    writer.writerow([*shown, *map(_cased(task), header)])
    for row in rows:
        columns = _columns(task, row)
        writer.writerow(
            [*(row.message.fields.get(name, "") for name in shown)]
            + [columns.get(name, "") for name in header]
        )
    return _csv(task, text.getvalue())


def _header(rows: Iterable[_Row]) -> list[str]:
    links = sorted({index + 1 for row in rows for index in row.links})
    tracks = (name for n in links for name in (f"TRACK_{n}", f"TRACK_{n}_COUNTER"))
    return [*_BEFORE_TRACKS, *tracks]


def _cased(task: Task) -> Callable[[str], str]:
    return str.lower if task.rules.csv_header_case == "lower" else str.upper


def _csv(task: Task, text: str) -> Answer:
    mark = "\ufeff" if task.rules.csv_bom else ""
    encoding = task.rules.csv_encoding
    return Answer(
        body=(mark + text).encode(encoding, errors="replace"),
        content_type=f"text/csv; charset={encoding}",
        headers={"Content-Disposition": 'attachment; filename="report.csv"'},
    )
