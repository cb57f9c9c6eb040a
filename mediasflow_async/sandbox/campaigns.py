"""Campaigns: prepare, start, schedule, change, test, cancel (Guide: 2.1 to 2.3, 2.8)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from attrs import evolve

from mediasflow_async.sandbox import blacklist, messages, reading, records, texts
from mediasflow_async.sandbox.dates import from_epoch, gson
from mediasflow_async.sandbox.delivery import NOT_SENT, Fate, decide
from mediasflow_async.sandbox.http import (
    answer,
    conflict,
    invalid,
    missing,
    not_found,
    path_to_campaign,
)
from mediasflow_async.sandbox.judging import (
    DESTINATION,
    DUPLICATE,
    MALFORMED,
    NO_CREDIT,
    PERSONALISATION,
    TOO_LONG,
    UCS2,
    Candidate,
    Tally,
    Verdict,
    candidates,
    compose,
    judge,
    tally_of,
)
from mediasflow_async.sandbox.orders import Order, read_order, read_schedule, read_sender
from mediasflow_async.sandbox.records import StoredCampaign
from mediasflow_async.sandbox.users import CUSTOMER_ID

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

    from mediasflow_async.sandbox.http import Answer
    from mediasflow_async.sandbox.reading import Object
    from mediasflow_async.sandbox.world import Task, World


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


def settle(db: sqlite3.Connection, world: World, now: float) -> None:
    """Let happen what was due until now: scheduled campaigns start, STOP replies take effect."""
    for campaign in records.due(db, now):
        launch(db, world, campaign, campaign.starts_at or now)
    for message, at in messages.take_stops(db, now):
        answered = records.find(db, message.campaign_id)
        if answered is not None:
            blacklist.add(db, _stop(answered, message.mobile, at))


def _stop(campaign: StoredCampaign, mobile: str, at: float) -> blacklist.Entry:
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


def launch(
    db: sqlite3.Connection, world: World, campaign: StoredCampaign, at: float
) -> StoredCampaign:
    """Send a campaign at the moment `at` and return it as it is afterwards."""
    key = f"{campaign.id}/{campaign.launches}"
    verdicts = list(judge(db, campaign.order, world.rules, key))
    outcomes = list(_outcomes(db, world, verdicts, key))
    messages.insert_all(db, campaign, outcomes, at)
    launched = evolve(
        campaign,
        state="LAUNCHED",
        starts_at=at,
        updated_at=at,
        launches=campaign.launches + 1,
        tally=tally_of(verdict for verdict, _ in outcomes),
    )
    return records.update(db, launched)


def send_test(
    db: sqlite3.Connection,
    world: World,
    campaign: StoredCampaign,
    verdicts: Iterable[Verdict],
    now: float,
) -> None:
    """Send the test messages `verdicts` of a campaign; they are billed like others. Guide: 2.3."""
    key = f"{campaign.id}/test/{now}"
    messages.insert_all(db, campaign, _outcomes(db, world, list(verdicts), key), now, test=True)


def _outcomes(
    db: sqlite3.Connection, world: World, verdicts: list[Verdict], key: str
) -> Iterator[tuple[Verdict, Fate]]:
    """Yield what becomes of each recipient, as long as the credit lasts."""
    balance = records.credit(db)
    for place, verdict in enumerate(verdicts):
        settled = verdict
        if verdict.segments > balance:
            settled = _unsent(verdict, NO_CREDIT)
        fate = _fate(world, settled, f"{key}/{verdict.candidate.line}", place / len(verdicts))
        if settled.status is None and fate.final[1] in NOT_SENT:
            settled = _unsent(settled, fate.final[1])
        balance -= settled.segments
        yield settled, fate
    records.set_credit(db, balance)


def _unsent(verdict: Verdict, status: int) -> Verdict:
    return Verdict(verdict.candidate, verdict.mobile, status)


def _fate(world: World, verdict: Verdict, key: str, progress: float) -> Fate:
    if verdict.status is not None:
        return Fate(((0.0, verdict.status),))
    return decide(world.plan, verdict.mobile, key, progress, world.rules.lost_codes[:2])


EARLIEST_START = timedelta(minutes=5)
LATEST_CANCEL = timedelta(seconds=10)
_NOBODY = Candidate(1, "", "", {})


def inject(task: Task, data: Object) -> Answer:
    """Answer POST /campaigns/inject: a new campaign, or one that was prepared before."""
    campaign_id = reading.integer(data, "campaignId")
    starts_now = reading.boolean(data, "startNow") or False
    campaign = _new(task, data) if campaign_id is None else _again(task, campaign_id, data)
    return _shown(task, _started(task, campaign) if starts_now else _counted(task, campaign))


def _shown(task: Task, campaign: StoredCampaign) -> Answer:
    data = campaign_data(task.db, task.world, campaign, task.now.timestamp())
    return answer(task.rules, data)


def _new(task: Task, data: Object) -> StoredCampaign:
    local = task.now.astimezone(task.world.timezone)
    order = read_order(data, task.rules, f"{local:%Y-%m-%d %H:%M} campaign API")
    _check_lists(task, order)
    now = task.now.timestamp()
    draft = StoredCampaign(
        user_id=task.owner(reading.text(data, "userOwnerID")),
        sender=read_sender(data) or "",
        order=order,
        tally=Tally(),
        starts_at=_starts_at(task, data),
        created_at=now,
        updated_at=now,
    )
    return records.insert(task.db, draft)


def _counted(task: Task, draft: StoredCampaign) -> StoredCampaign:
    key = f"{draft.id}/{draft.launches}"
    return _changed(task, draft, tally=tally_of(judge(task.db, draft.order, task.rules, key)))


def _check_lists(task: Task, order: Order) -> None:
    for list_id in order.list_ids:
        row = task.db.execute("SELECT user_id FROM lists WHERE id = ?", (list_id,)).fetchone()
        if row is None or not _may_see(task, row["user_id"]):
            raise not_found("list", "listsId")


def _may_see(task: Task, user_id: str) -> bool:
    return task.caller.admin or user_id == task.caller.id


def _starts_at(task: Task, data: Object) -> float | None:
    at = read_schedule(data, task.rules)
    if at is None or at >= (task.now + EARLIEST_START).timestamp():
        return at
    if task.rules.late_schedule == "start":
        return None
    raise invalid("scheduleOn", "scheduleOn is less than 5 minutes ahead", "SCHEDULE_TOO_SOON")


def _again(task: Task, campaign_id: int, data: Object) -> StoredCampaign:
    campaign = find_campaign(task, str(campaign_id), "campaignId")
    again = campaign.state == "LAUNCHED" and task.rules.second_launch == "resend"
    if campaign.state != "DRAFT" and not again:
        raise conflict("NOT_DRAFT", f"campaign {campaign.id} is no DRAFT any more")
    sender = read_sender(data)
    if sender is not None:
        campaign = evolve(campaign, sender=sender)
    if reading.text(data, "scheduleOn"):
        campaign = evolve(campaign, starts_at=_starts_at(task, data))
    return campaign


def _changed(task: Task, campaign: StoredCampaign, **changes: Any) -> StoredCampaign:
    now = task.now.timestamp()
    return records.update(task.db, evolve(campaign, updated_at=now, **changes))


def _started(task: Task, campaign: StoredCampaign) -> StoredCampaign:
    now = task.now.timestamp()
    if campaign.starts_at is not None and campaign.starts_at > now:
        return _changed(task, _counted(task, campaign), state="SCHEDULED")
    return launch(task.db, task.world, campaign, now)


def find_campaign(task: Task, campaign_id: str, field: str | None = None) -> StoredCampaign:
    """Return a campaign that the caller may see.

    Raises:
        Refusal: 404, for anything else, an id that is no number included.
    """
    is_number = campaign_id.isascii() and campaign_id.isdigit() and len(campaign_id) < 19  # noqa: PLR2004  digits of 2**63
    campaign = records.find(task.db, int(campaign_id)) if is_number else None
    if campaign is None or not _may_see(task, campaign.user_id):
        raise not_found("campaign", field)
    return campaign


def set_sender(task: Task, campaign_id: str, data: Object) -> Answer:
    """Answer PUT /campaigns/{campaignID}/sender."""
    campaign = find_campaign(task, campaign_id)
    sender = read_sender(data)
    if sender is None:
        raise missing("sender")
    if campaign.state != "DRAFT":
        raise conflict("NOT_DRAFT", f"campaign {campaign.id} is no DRAFT any more")
    return _shown(task, _changed(task, campaign, sender=sender))


def cancel(task: Task, campaign_id: str, _: Object) -> Answer:
    """Answer /campaigns/{campaignid}/cancel."""
    campaign = find_campaign(task, campaign_id)
    if campaign.state != "SCHEDULED" or campaign.starts_at is None:
        raise conflict("NOT_SCHEDULED", f"campaign {campaign.id} is not scheduled")
    if campaign.starts_at < (task.now + LATEST_CANCEL).timestamp():
        raise conflict("TOO_LATE", "less than 10 seconds remain before the sending time")
    return _shown(task, _changed(task, campaign, state="DRAFT", starts_at=None))


def send_tests(task: Task, campaign_id: str, data: Object) -> Answer:
    """Answer PUT /campaigns/{campaignID}/test."""
    campaign = find_campaign(task, campaign_id)
    written = reading.required(reading.text(data, "phoneNumbers"), "phoneNumbers")
    numbers = [_mobile(number) for number in re.split("[,;]", written) if number.strip()]
    if not numbers:
        raise missing("phoneNumbers")
    if sender := read_sender(data):
        campaign = evolve(campaign, sender=sender)
    model = next(candidates(task.db, campaign.order), _NOBODY)
    verdicts = (
        compose(Candidate(line, "", number, model.fields), number, campaign.order, task.rules, "")
        for line, number in enumerate(numbers, 1)
    )
    send_test(task.db, task.world, campaign, verdicts, task.now.timestamp())
    return answer(task.rules, {"campaignId": campaign.id, "phoneNumbers": numbers})


def _mobile(number: str) -> str:
    mobile = texts.mobile(number)
    if mobile is None:
        raise invalid("phoneNumbers", "phoneNumbers holds something that is no mobile number")
    return mobile
