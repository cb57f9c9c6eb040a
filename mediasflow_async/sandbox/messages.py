"""Messages in the store: what was sent to whom, and what became of it until a moment.

Used as a namespace: `messages.of_campaign(db, 943)`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import attrs
from attrs import frozen

from mediasflow_async.sandbox.delivery import RECEIVED, STOP_REQUESTED, Timeline

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping

    from mediasflow_async.sandbox.recipients import PreparedMessage
    from mediasflow_async.sandbox.stored_campaigns import StoredCampaign

__all__ = [
    "StoredMessage",
    "count",
    "insert_all",
    "of_campaign",
    "select",
    "sent",
    "take_stop_replies",
]


@frozen(kw_only=True)
class StoredMessage:
    """One recipient's row in the report of a launched campaign, whether a message left or not.

    Attributes:
        id: rises in the order of sending.
        campaign_id: of its campaign.
        line: of the recipient in the list `ref_list`, from 1.
        ref_list: empty for inline recipients.
        mobile: E.164; as it was written when it is malformed.
        type: `BCAST_MKG` or `P2P`.
        sender: what the phone shows.
        text: the message, empty when none could be written.
        encoding: `GSM-7` or `UCS-2`.
        segments: SMS billed.
        fields: the recipient's own columns.
        sent_at: epoch seconds.
        timeline: what becomes of it.
        test: whether it is a campaign's test.
    """

    id: int
    campaign_id: int
    line: int
    ref_list: str
    mobile: str
    type: str
    sender: str
    text: str
    encoding: str
    segments: int
    fields: Mapping[str, str]
    sent_at: float
    timeline: Timeline
    test: bool

    def status(self, now: float) -> int:
        """Return the status code at `now`."""
        return self.timeline.status(now - self.sent_at)

    def delivered_at(self, now: float) -> float | None:
        """Return when the phone got the message, None when it did not."""
        elapsed, final = self.timeline.final
        at = self.sent_at + elapsed
        return at if at <= now and final in RECEIVED else None

    def clicked_at(self, now: float) -> float | None:
        """Return when the links were clicked, None while they were not."""
        if self.timeline.clicked_at is None or self.sent_at + self.timeline.clicked_at > now:
            return None
        return self.sent_at + self.timeline.clicked_at


_COLUMNS = (
    "campaign_id, line, ref_list, mobile, type, sender, text, encoding, segments, fields, "
    "sent_at, timeline, test"
)
# What only WHERE clauses ask for: whose message it is, when an operator gets it, when STOP is
# replied, and whether it left.
_SEARCHED_COLUMNS = "user_id, posted_at, stops_at, left"


def insert_all(
    db: sqlite3.Connection,
    campaign: StoredCampaign,
    outcomes: Iterable[tuple[PreparedMessage, Timeline]],
    sent_at: float,
    *,
    test: bool = False,
) -> None:
    """Store the messages of a launch, or of a test.

    Args:
        db: the open transaction.
        campaign: what they belong to.
        outcomes: each message with its timeline.
        sent_at: the moment of the launch, epoch seconds.
        test: whether they are the campaign's test.
    """
    columns = f"{_COLUMNS}, {_SEARCHED_COLUMNS}"
    marks = ", ".join(f":{column}" for column in columns.split(", "))
    db.executemany(
        f"INSERT INTO messages ({columns}) VALUES ({marks})",  # noqa: S608  constants
        (
            _row(campaign, message, timeline, sent_at) | {"test": test}
            for message, timeline in outcomes
        ),
    )


def _row(
    campaign: StoredCampaign, message: PreparedMessage, timeline: Timeline, sent_at: float
) -> dict[str, object]:
    elapsed, final = timeline.final
    return {
        "campaign_id": campaign.id,
        "line": message.recipient.line,
        "ref_list": message.recipient.ref_list,
        "mobile": message.mobile,
        "type": campaign.order.route,
        "sender": campaign.shown_sender,
        "text": message.text,
        "encoding": message.encoding,
        "segments": message.segments,
        "fields": json.dumps(message.recipient.fields, ensure_ascii=False),
        "sent_at": sent_at,
        "timeline": json.dumps(attrs.astuple(timeline)),
        "user_id": campaign.user_id,
        "posted_at": None if timeline.posted_at is None else sent_at + timeline.posted_at,
        "stops_at": sent_at + elapsed if final == STOP_REQUESTED else None,
        "left": message.status is None,
    }


def of_campaign(db: sqlite3.Connection, campaign_id: int) -> Iterator[StoredMessage]:
    """Yield the rows of a campaign's report; its tests are not in it."""
    return select(db, "campaign_id = ? AND NOT test", (campaign_id,))


def count(db: sqlite3.Connection, campaign_id: int, now: float) -> tuple[int, int]:
    """Return how many rows a campaign's report has, and how many went to an operator until now."""
    query = "SELECT count(*), count(CASE WHEN posted_at <= ? THEN 1 END) FROM messages"
    where = "WHERE campaign_id = ? AND NOT test"
    total, posted = db.execute(f"{query} {where}", (now, campaign_id)).fetchone()
    return total, posted


def sent(db: sqlite3.Connection) -> Iterator[StoredMessage]:
    """Yield the messages that left towards a phone, tests included."""
    return select(db, "left", ())


def take_stop_replies(db: sqlite3.Connection, now: float) -> list[tuple[StoredMessage, float]]:
    """Return the messages that were answered with STOP until `now`, each once, with the moment.

    Every request asks for them, so they are read in the order of the index on `stops_at`: with
    `ORDER BY id`, SQLite would walk through all messages instead.
    """
    replies = [
        (message, message.sent_at + message.timeline.final[0])
        for message in select(db, "stops_at <= ?", (now,), order_by="stops_at, id")
    ]
    db.execute("UPDATE messages SET stops_at = NULL WHERE stops_at <= ?", (now,))
    return replies


def select(
    db: sqlite3.Connection, where: str, values: Iterable[object], *, order_by: str = "id"
) -> Iterator[StoredMessage]:
    """Yield the messages that a WHERE clause finds, in the order of sending by default."""
    query = f"SELECT id, {_COLUMNS} FROM messages WHERE {where} ORDER BY {order_by}"  # noqa: S608  no input
    for row in db.execute(query, tuple(values)):
        data = dict(row)
        timeline = Timeline(*json.loads(data.pop("timeline")))
        fields = json.loads(data.pop("fields"))
        test = bool(data.pop("test"))
        yield StoredMessage(timeline=timeline, fields=fields, test=test, **data)
