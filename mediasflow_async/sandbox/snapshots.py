"""What a sandbox shows of itself: messages and campaigns as they were at one moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen

from mediasflow_async.sandbox import messages, stored_campaigns
from mediasflow_async.sandbox.dates import from_epoch

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping
    from datetime import datetime

    from mediasflow_async.sandbox.delivery import DeliveryPlan
    from mediasflow_async.sandbox.messages import StoredMessage
    from mediasflow_async.sandbox.stored_campaigns import StoredCampaign

__all__ = ["Campaign", "Message", "all_campaigns", "sent_messages"]


@frozen(kw_only=True)
class Message:
    """An SMS that left towards a phone.

    Attributes:
        mobile: the phone's number, E.164.
        text: as the phone shows it.
        sender: as the phone shows it.
        campaign_id: of its campaign.
        type: `BCAST_MKG` or `P2P`.
        encoding: `GSM-7` or `UCS-2`.
        segments: SMS billed.
        status_code: at present. Guide: 3.
        sent_at: when it left.
        delivered_at: when the phone got it, None when it has not.
        reply: what the person answered, empty for nothing yet.
        line: of the recipient in its list, from 1.
        ref_list: name of that list, empty for inline recipients.
        fields: the recipient's own columns.
        is_test: whether it is a campaign's test.
    """

    mobile: str = field(repr=False)
    text: str = field(repr=False)
    sender: str
    campaign_id: int
    type: str
    encoding: str
    segments: int
    status_code: int
    sent_at: datetime
    delivered_at: datetime | None
    reply: str = field(repr=False)
    line: int
    ref_list: str
    fields: Mapping[str, str] = field(repr=False)
    is_test: bool


@frozen(kw_only=True)
class Campaign:
    """A campaign.

    Attributes:
        id: the `campaignId`.
        name: the `campaignName`.
        status: `DRAFT`, `SCHEDULED`, `INPROGRESS`, `INJECTING` or `INJECTED`.
        type: `MKG` or `NOTIFICATION`.
        text: the message before personalisation.
        sender: what phones show.
        user_id: whose it is.
        recipients: how many were given.
        valid: how many of them get a message.
        credit_count: SMS billed, or to be billed.
        starts_at: scheduled or real start, None for a draft without one.
        created_at: when it was created.
        launches: how often it was launched; more than once means messages sent twice.
    """

    id: int
    name: str
    status: str
    type: str
    text: str = field(repr=False)
    sender: str
    user_id: str
    recipients: int
    valid: int
    credit_count: int
    starts_at: datetime | None
    created_at: datetime
    launches: int


def sent_messages(db: sqlite3.Connection, now: datetime) -> tuple[Message, ...]:
    """Return every message that left towards a phone, oldest first."""
    return tuple(_message(found, now.timestamp()) for found in messages.sent(db))


def _message(found: StoredMessage, now: float) -> Message:
    delivered_at = found.delivered_at(now)
    return Message(
        mobile=found.mobile,
        text=found.text,
        sender=found.sender,
        campaign_id=found.campaign_id,
        type=found.type,
        encoding=found.encoding,
        segments=found.segments,
        status_code=found.status(now),
        sent_at=from_epoch(found.sent_at),
        delivered_at=None if delivered_at is None else from_epoch(delivered_at),
        reply=found.timeline.reply if delivered_at is not None else "",
        line=found.line,
        ref_list=found.ref_list,
        fields=found.fields,
        is_test=found.test,
    )


def all_campaigns(
    db: sqlite3.Connection, plan: DeliveryPlan, now: datetime
) -> tuple[Campaign, ...]:
    """Return every campaign, oldest first."""
    return tuple(_campaign(found, plan, now.timestamp()) for found in stored_campaigns.find_all(db))


def _campaign(found: StoredCampaign, plan: DeliveryPlan, now: float) -> Campaign:
    return Campaign(
        id=found.id,
        name=found.order.name,
        status=found.status(plan, now),
        type=found.order.type,
        text=found.order.text,
        sender=found.shown_sender,
        user_id=found.user_id,
        recipients=found.totals.total,
        valid=found.totals.valid,
        credit_count=found.totals.segments,
        starts_at=None if found.starts_at is None else from_epoch(found.starts_at),
        created_at=from_epoch(found.created_at),
        launches=found.launches,
    )
