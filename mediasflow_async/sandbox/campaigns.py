"""Campaigns: prepare, start, schedule, change, test, cancel (Guide: 2.1 to 2.3, 2.8).

A launch stores every message together with its future (see `delivery`), in the transaction of
the request that starts it. Scheduled campaigns start when the store is next looked at after their
time has come, with the moment at which they were due.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from attrs import evolve

from mediasflow_async.sandbox import blacklist, lists, messages, reading, stored_campaigns, texts
from mediasflow_async.sandbox.dates import gson, local_time
from mediasflow_async.sandbox.delivery import NOT_SENT, Timeline, simulate
from mediasflow_async.sandbox.http import conflict, invalid, missing, not_found
from mediasflow_async.sandbox.orders import Order, read_order, read_schedule, read_sender
from mediasflow_async.sandbox.recipients import (
    DESTINATION,
    DUPLICATE,
    MALFORMED,
    NO_CREDIT,
    PERSONALISATION,
    TOO_LONG,
    UCS2,
    PreparedMessage,
    Recipient,
    Totals,
    prepare_message,
    prepare_messages,
    recipients_of,
    totals_of,
)
from mediasflow_async.sandbox.store import read_credit, write_credit
from mediasflow_async.sandbox.stored_campaigns import StoredCampaign
from mediasflow_async.sandbox.users import CUSTOMER_ID

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Generator, Iterator
    from datetime import datetime

    from mediasflow_async.sandbox.context import RequestContext, Server
    from mediasflow_async.sandbox.reading import Object
    from mediasflow_async.sandbox.rules import ServerRules

__all__ = ["cancel", "current_state", "find_campaign", "inject", "send_tests", "set_sender"]

_EARLIEST_START = timedelta(minutes=5)
_LATEST_CANCEL = timedelta(seconds=10)


def inject(context: RequestContext, data: Object) -> dict[str, Any]:
    """Answer POST /campaigns/inject: a new campaign, or one that was prepared before. Guide: 2.1.

    Raises:
        HttpError: 400 about the first field that breaks a rule; 403, the user is another one; 404,
            there is no such campaign, list or user; 409, the campaign is no draft any more.
    """
    campaign_id = reading.integer(data, "campaignId")
    starts_now = reading.boolean(data, "startNow") or False
    if campaign_id is None:
        campaign = _new_draft(context, data)
    else:
        campaign = _draft_again(context, campaign_id, data)
    campaign = _started(context, campaign) if starts_now else _counted(context, campaign)
    return _campaign_object(context, campaign)


def _new_draft(context: RequestContext, data: Object) -> StoredCampaign:
    local = local_time(context.now.timestamp(), context.rules)
    order = read_order(data, context.rules, f"{local:%Y-%m-%d %H:%M} campaign API")
    _check_lists(context, order)
    now = context.now.timestamp()
    draft = StoredCampaign(
        user_id=context.owner(reading.text(data, "userOwnerID")),
        sender=read_sender(data) or "",
        order=order,
        totals=Totals(),
        starts_at=_starts_at(context, data),
        created_at=now,
        updated_at=now,
    )
    return stored_campaigns.insert(context.db, draft)


def _check_lists(context: RequestContext, order: Order) -> None:
    for list_id in order.list_ids:
        found = lists.find(context.db, list_id)
        if found is None or not context.may_see(found.user_id):
            raise not_found("list", "listsId")


def _starts_at(context: RequestContext, data: Object) -> float | None:
    at = read_schedule(data, context.rules)
    if at is None or at >= (context.now + _EARLIEST_START).timestamp():
        return at
    if context.rules.late_schedule == "start":
        return None
    raise invalid("scheduleOn", "scheduleOn is less than 5 minutes ahead", "SCHEDULE_TOO_SOON")


def _draft_again(context: RequestContext, campaign_id: int, data: Object) -> StoredCampaign:
    campaign = find_campaign(context, campaign_id, "campaignId")
    resent = campaign.state == "LAUNCHED" and context.rules.second_launch == "resend"
    if campaign.state != "DRAFT" and not resent:
        raise conflict("NOT_DRAFT", f"campaign {campaign.id} is no DRAFT any more")
    sender = read_sender(data)
    if sender is not None:
        campaign = evolve(campaign, sender=sender)
    if reading.text(data, "scheduleOn"):
        campaign = evolve(campaign, starts_at=_starts_at(context, data))
    return campaign


def _counted(context: RequestContext, draft: StoredCampaign) -> StoredCampaign:
    prepared = prepare_messages(context.db, draft.order, context.rules, _launch_key(draft))
    return _changed(context, draft, totals=totals_of(prepared))


def _started(context: RequestContext, campaign: StoredCampaign) -> StoredCampaign:
    now = context.now.timestamp()
    if campaign.starts_at is not None and campaign.starts_at > now:
        return _changed(context, _counted(context, campaign), state="SCHEDULED")
    return _launch(context.db, context.server, campaign, now)


def _changed(context: RequestContext, campaign: StoredCampaign, **changes: Any) -> StoredCampaign:
    now = context.now.timestamp()
    return stored_campaigns.update(context.db, evolve(campaign, updated_at=now, **changes))


def set_sender(context: RequestContext, data: Object) -> dict[str, Any]:
    """Answer PUT /campaigns/{campaignID}/sender. Guide: 2.2.

    Raises:
        HttpError: 400, no sender, or a wrong one; 404, no such campaign; 409, it is no draft.
    """
    campaign = find_campaign(context, context.path_id)
    sender = read_sender(data)
    if sender is None:
        raise missing("sender")
    if campaign.state != "DRAFT":
        raise conflict("NOT_DRAFT", f"campaign {campaign.id} is no DRAFT any more")
    return _campaign_object(context, _changed(context, campaign, sender=sender))


def cancel(context: RequestContext) -> dict[str, Any]:
    """Answer /campaigns/{campaignid}/cancel: a scheduled campaign is a draft again. Guide: 2.8.

    Raises:
        HttpError: 404, no such campaign; 409, it is not scheduled, or starts in 10 seconds.
    """
    campaign = find_campaign(context, context.path_id)
    if campaign.state != "SCHEDULED" or campaign.starts_at is None:
        raise conflict("NOT_SCHEDULED", f"campaign {campaign.id} is not scheduled")
    if campaign.starts_at < (context.now + _LATEST_CANCEL).timestamp():
        raise conflict("TOO_LATE", "less than 10 seconds remain before the sending time")
    return _campaign_object(context, _changed(context, campaign, state="DRAFT", starts_at=None))


_NOBODY = Recipient(1, "", "", {})


def send_tests(context: RequestContext, data: Object) -> dict[str, Any]:
    """Answer PUT /campaigns/{campaignID}/test: the message of the first recipient, to others.

    Tests are billed as other messages are. Guide: 2.3.

    Raises:
        HttpError: 400, no number, or a wrong number or sender; 404, no such campaign.
    """
    campaign = find_campaign(context, context.path_id)
    written = reading.required(reading.text(data, "phoneNumbers"), "phoneNumbers")
    numbers = [_mobile(number) for number in re.split("[,;]", written) if number.strip()]
    if not numbers:
        raise missing("phoneNumbers")
    if sender := read_sender(data):
        campaign = evolve(campaign, sender=sender)
    now = context.now.timestamp()
    prepared = _test_messages(context, campaign.order, numbers)
    outcomes = _outcomes(context.db, context.server, prepared, f"{campaign.id}/test/{now}")
    messages.insert_all(context.db, campaign, outcomes, now, test=True)
    return {"campaignId": campaign.id, "phoneNumbers": numbers}


def _test_messages(
    context: RequestContext, order: Order, numbers: list[str]
) -> list[PreparedMessage]:
    first = next(recipients_of(context.db, order), _NOBODY)
    testers = [evolve(first, line=line, ref_list="", number=n) for line, n in enumerate(numbers, 1)]
    return [prepare_message(tester, tester.number, order, context.rules, "") for tester in testers]


def _mobile(number: str) -> str:
    mobile = texts.mobile(number)
    if mobile is None:
        raise invalid("phoneNumbers", "phoneNumbers holds something that is no mobile number")
    return mobile


def find_campaign(
    context: RequestContext, campaign_id: int | None, field: str | None = None
) -> StoredCampaign:
    """Return a campaign that the caller may see.

    Args:
        context: the request.
        campaign_id: which one; None for what was no number.
        field: wire name of the field that names it, None for the path.

    Raises:
        HttpError: 404, there is no such campaign, or the caller may not see it.
    """
    campaign = None if campaign_id is None else stored_campaigns.find(context.db, campaign_id)
    if campaign is None or not context.may_see(campaign.user_id):
        raise not_found("campaign", field)
    return campaign


def _campaign_object(context: RequestContext, campaign: StoredCampaign) -> dict[str, Any]:
    """Return the Campaign object. Guide: 2.1.3.1."""
    db, server, now = context.db, context.server, context.now.timestamp()
    order = campaign.order
    return {
        "userOwnerID": campaign.user_id,
        "customerID": CUSTOMER_ID,
        "id": campaign.id,
        "sendToSelect": "SMS",
        "typeSelect": order.type,
        "campaignName": order.name,
        "listInCampaign": _recipients(db, order),
        **_recipient_counts(campaign.totals),
        "renderer": order.renderer,
        "creationDate": gson(campaign.created_at, server.rules),
        "sender": campaign.shown_sender,
        "status": campaign.status(server.plan, now),
        "shortCode": order.short_code,
        "message": order.text,
        "pathToCampaign": _path_to_campaign(campaign.id),
        **_options(order),
        **_credits(db, campaign),
        **_progress(db, campaign, now),
        **_result_counts(campaign.totals),
        "updateDate": gson(campaign.updated_at, server.rules),
        **_schedule(server.rules, campaign),
        "tinyList": [dict(link) for link in order.links],
        **_blacklist_counts(campaign.totals),
        **_when_given(order),
    }


def _path_to_campaign(campaign_id: int) -> str:
    """Return `pathToCampaign`: the id's bytes, lowest first; 943 gives `af/03/`."""
    size = max(2, (campaign_id.bit_length() + 7) // 8)
    return "".join(f"{byte:02x}/" for byte in campaign_id.to_bytes(size, "little"))


def _recipients(db: sqlite3.Connection, order: Order) -> dict[str, Any]:
    return {
        "_id": 0,
        "type": "VIRTUAL",
        "globalInvalidLine": 0,
        "validNumberMOBILE": 0,
        "validNumberEMAIL": 0,
        "invalidNumberEMAIL": 0,
        "invalidNumberMOBILE": 0,
        "size": 0,
        "maxSizeDataLine": 0,
        "recipients": [
            {"mobile": recipient.number, "groupID": recipient.group, "id": 0}
            for recipient in order.inline_recipients
        ],
        "listsItems": [_list_item(db, list_id) for list_id in order.list_ids],
        "lineDuplicateMobile": [],
        "countDuplicateMobile": 0,
        "lineDuplicateEmail": [],
        "countDuplicateEmail": 0,
        "charsetDetected": "",
        "campainId": 0,
    }


def _list_item(db: sqlite3.Connection, list_id: int) -> dict[str, Any]:
    found = lists.find(db, list_id)
    return {"idlistItems": list_id, "listName": found.name if found else ""}


def _recipient_counts(totals: Totals) -> dict[str, Any]:
    return {
        "countRecipient": totals.total,
        "countInvalidRecipient": totals.count(MALFORMED),
        "countInBlackListRecipient": sum(totals.by_scope.values()),
        "countDuplicateRecipient": totals.count(DUPLICATE),
    }


def _options(order: Order) -> dict[str, Any]:
    return {
        "checkDuplicate": order.check_duplicate,
        "allowUCS2": order.allow_ucs2,
        "autoREPLACEEMOJI": order.replace_emoji,
        "autoREPLACETOGSM7": order.replace_to_gsm7,
        "defaultForHeader": dict(order.defaults),
    }


def _credits(db: sqlite3.Connection, campaign: StoredCampaign) -> dict[str, Any]:
    to_come = 0 if campaign.state == "LAUNCHED" else campaign.totals.segments
    return {
        "creditCount": float(campaign.totals.segments),
        "creditAfterInjection": float(read_credit(db) - to_come),
    }


def _progress(db: sqlite3.Connection, campaign: StoredCampaign, now: float) -> dict[str, Any]:
    total, posted = messages.count(db, campaign.id, now)
    return {"globalCounter": total, "countValid": campaign.totals.valid, "countPosted": posted}


def _result_counts(totals: Totals) -> dict[str, Any]:
    return {
        "countDuplicate": totals.count(DUPLICATE),
        "countNotAllow": totals.count(DESTINATION, UCS2),
        "countNotValid": totals.count(MALFORMED),
        "countErrorRendering": totals.count(PERSONALISATION),
        "countMaxCrediteOver": totals.count(TOO_LONG),
        "countMaxCreditFound": totals.most_segments,
    }


def _schedule(rules: ServerRules, campaign: StoredCampaign) -> dict[str, Any]:
    waits = campaign.state == "SCHEDULED"
    data: dict[str, Any] = {"scheduled": waits, "isInScheduler": waits}
    if campaign.starts_at is not None and campaign.state != "LAUNCHED":
        data["scheduleOn"] = gson(campaign.starts_at, rules)
    return data


def _blacklist_counts(totals: Totals) -> dict[str, Any]:
    return {
        "countBlackList": totals.by_scope.get("ACCOUNT", 0),
        "countBlackListMEDIASFLOW": totals.by_scope.get("MEDIASFLOW", 0),
        "countBlackListCUSTOMER": totals.by_scope.get("CUSTOMER", 0),
        "countBlackListBRAND": totals.by_scope.get("BRAND", 0),
    }


def _when_given(order: Order) -> dict[str, Any]:
    given = {"brand": order.brand, "billingCode": order.billing_code}
    return {name: value for name, value in given.items() if value}


@contextmanager
def current_state(
    server: Server, at: datetime | None = None
) -> Generator[tuple[sqlite3.Connection, datetime]]:
    """Give a transaction and the present, after all that is due has happened.

    Nothing happens by itself as time passes, so whoever looks at the store does it by this.

    Args:
        server: whose store it is.
        at: the moment to take for the present; the clock's by default.
    """
    with server.store.transaction() as db:
        now = at or server.clock.now()
        _run_due(db, server, now.timestamp())
        yield db, now


def _run_due(db: sqlite3.Connection, server: Server, now: float) -> None:
    """Start the scheduled campaigns that are due, and blacklist who replied STOP.

    All of it happens in the order of its time, however far the clock has jumped: a campaign
    leaves out who replied STOP before its start, and no one else.
    """
    for campaign in stored_campaigns.due(db, now):
        starts_at = campaign.starts_at or now
        _blacklist_stops(db, starts_at)
        _launch(db, server, campaign, starts_at)
    _blacklist_stops(db, now)


def _blacklist_stops(db: sqlite3.Connection, until: float) -> None:
    for message, at in messages.take_stop_replies(db, until):
        answered = stored_campaigns.find(db, message.campaign_id)
        if answered is not None:
            blacklist.add(db, _stop_entry(answered, message.mobile, at))


def _stop_entry(campaign: StoredCampaign, mobile: str, at: float) -> blacklist.Entry:
    brand = campaign.order.brand
    return blacklist.Entry(
        item=mobile,
        kind="MOBILE",
        scope="BRAND" if brand else "ACCOUNT",
        brand=brand,
        description=f"STOP reply to campaign {campaign.id}",
        user_id=campaign.user_id,
        created_at=at,
    )


def _launch(
    db: sqlite3.Connection, server: Server, campaign: StoredCampaign, at: float
) -> StoredCampaign:
    """Send a campaign at the moment `at`, in epoch seconds, and return it as it is afterwards."""
    key = _launch_key(campaign)
    prepared = list(prepare_messages(db, campaign.order, server.rules, key))
    outcomes = list(_outcomes(db, server, prepared, key))
    messages.insert_all(db, campaign, outcomes, at)
    launched = evolve(
        campaign,
        state="LAUNCHED",
        starts_at=at,
        updated_at=at,
        launches=campaign.launches + 1,
        totals=totals_of(message for message, _ in outcomes),
    )
    return stored_campaigns.update(db, launched)


def _launch_key(campaign: StoredCampaign) -> str:
    """Return what tells this launch of a campaign from its others."""
    return f"{campaign.id}/{campaign.launches}"


def _outcomes(
    db: sqlite3.Connection, server: Server, prepared: list[PreparedMessage], key: str
) -> Iterator[tuple[PreparedMessage, Timeline]]:
    """Yield what becomes of each message, and bill those that leave, while the credit lasts."""
    balance = read_credit(db)
    for place, message in enumerate(prepared):
        billed = message if message.segments <= balance else _unsent(message, NO_CREDIT)
        line_key = f"{key}/{message.recipient.line}"
        timeline = _timeline(server, billed, line_key, place / len(prepared))
        if billed.status is None and timeline.final[1] in NOT_SENT:
            billed = _unsent(billed, timeline.final[1])
        balance -= billed.segments
        yield billed, timeline
    write_credit(db, balance)


def _unsent(message: PreparedMessage, status: int) -> PreparedMessage:
    return PreparedMessage(message.recipient, message.mobile, status)


def _timeline(server: Server, message: PreparedMessage, key: str, progress: float) -> Timeline:
    if message.status is not None:
        return Timeline(((0.0, message.status),))
    return simulate(server.plan, message.mobile, key, progress, server.rules.lost_codes[:2])
