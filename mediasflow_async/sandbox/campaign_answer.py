"""A campaign as the API shows it (Guide: 2.1.3.1, with the guide's own spellings)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mediasflow_async.sandbox import messages, records
from mediasflow_async.sandbox.dates import from_epoch, gson
from mediasflow_async.sandbox.judging import (
    DESTINATION,
    DUPLICATE,
    MALFORMED,
    PERSONALISATION,
    TOO_LONG,
    UCS2,
    Tally,
)
from mediasflow_async.sandbox.users import CUSTOMER_ID
from mediasflow_async.sandbox.wire import path_to_campaign

if TYPE_CHECKING:
    import sqlite3

    from mediasflow_async.sandbox.orders import Order
    from mediasflow_async.sandbox.records import StoredCampaign
    from mediasflow_async.sandbox.world import World

Data = dict[str, Any]


def campaign_data(
    db: sqlite3.Connection, world: World, campaign: StoredCampaign, now: float
) -> Data:
    """Return the Campaign object."""
    order = campaign.order
    return {
        "userOwnerID": campaign.user_id,
        "customerID": CUSTOMER_ID,
        "id": campaign.id,
        "sendToSelect": "SMS",
        "typeSelect": order.type,
        "campaignName": order.name,
        "listInCampaign": _recipients(db, order),
        **_recipient_counts(campaign.tally),
        "renderer": order.renderer,
        "creationDate": _date(world, campaign.created_at),
        "sender": campaign.shown_sender,
        "status": campaign.status(world.plan, now),
        "shortCode": order.short_code,
        "message": order.text,
        "pathToCampaign": path_to_campaign(campaign.id),
        **_options(order),
        **_credits(db, campaign),
        **_progress(db, campaign, now),
        **_result_counts(campaign.tally),
        "updateDate": _date(world, campaign.updated_at),
        **_schedule(world, campaign),
        "tinyList": [dict(link) for link in order.links],
        **_blacklist_counts(campaign.tally),
        **_when_given(order),
    }


def _date(world: World, at: float) -> str:
    return gson(from_epoch(at), world.timezone, world.rules.campaign_dates)


def _recipients(db: sqlite3.Connection, order: Order) -> Data:
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
            {"mobile": guest.number, "groupID": guest.group, "id": 0} for guest in order.guests
        ],
        "listsItems": [_list_item(db, list_id) for list_id in order.list_ids],
        "lineDuplicateMobile": [],
        "countDuplicateMobile": 0,
        "lineDuplicateEmail": [],
        "countDuplicateEmail": 0,
        "charsetDetected": "",
        "campainId": 0,
    }


def _list_item(db: sqlite3.Connection, list_id: int) -> Data:
    row = db.execute("SELECT name FROM lists WHERE id = ?", (list_id,)).fetchone()
    return {"idlistItems": list_id, "listName": row["name"] if row else ""}


def _recipient_counts(tally: Tally) -> Data:
    return {
        "countRecipient": tally.total,
        "countInvalidRecipient": tally.count(MALFORMED),
        "countInBlackListRecipient": sum(tally.by_scope.values()),
        "countDuplicateRecipient": tally.count(DUPLICATE),
    }


def _options(order: Order) -> Data:
    return {
        "checkDuplicate": order.check_duplicate,
        "allowUCS2": order.allow_ucs2,
        "autoREPLACEEMOJI": order.replace_emoji,
        "autoREPLACETOGSM7": order.replace_to_gsm7,
        "defaultForHeader": dict(order.defaults),
    }


def _credits(db: sqlite3.Connection, campaign: StoredCampaign) -> Data:
    to_come = 0 if campaign.state == "LAUNCHED" else campaign.tally.segments
    return {
        "creditCount": float(campaign.tally.segments),
        "creditAfterInjection": float(records.credit(db) - to_come),
    }


def _progress(db: sqlite3.Connection, campaign: StoredCampaign, now: float) -> Data:
    total, posted = messages.count(db, campaign.id, now)
    return {"globalCounter": total, "countValid": campaign.tally.valid, "countPosted": posted}


def _result_counts(tally: Tally) -> Data:
    return {
        "countDuplicate": tally.count(DUPLICATE),
        "countNotAllow": tally.count(DESTINATION, UCS2),
        "countNotValid": tally.count(MALFORMED),
        "countErrorRendering": tally.count(PERSONALISATION),
        "countMaxCrediteOver": tally.count(TOO_LONG),
        "countMaxCreditFound": tally.most_segments,
    }


def _schedule(world: World, campaign: StoredCampaign) -> Data:
    waits = campaign.state == "SCHEDULED"
    data: Data = {"scheduled": waits, "isInScheduler": waits}
    if campaign.starts_at is not None and campaign.state != "LAUNCHED":
        data["scheduleOn"] = _date(world, campaign.starts_at)
    return data


def _blacklist_counts(tally: Tally) -> Data:
    return {
        "countBlackList": tally.by_scope.get("ACCOUNT", 0),
        "countBlackListMEDIASFLOW": tally.by_scope.get("MEDIASFLOW", 0),
        "countBlackListCUSTOMER": tally.by_scope.get("CUSTOMER", 0),
        "countBlackListBRAND": tally.by_scope.get("BRAND", 0),
    }


def _when_given(order: Order) -> Data:
    given = {"brand": order.brand, "billingCode": order.billing_code}
    return {name: value for name, value in given.items() if value}
