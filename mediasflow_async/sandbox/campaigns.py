"""Campaigns: prepare, start, schedule, change, test, cancel (Guide: 2.1 to 2.3, 2.8)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from attrs import evolve

from mediasflow_async.sandbox import reading, records, texts
from mediasflow_async.sandbox.campaign_answer import campaign_data
from mediasflow_async.sandbox.errors import conflict, invalid, missing, not_found
from mediasflow_async.sandbox.judging import Candidate, Tally, candidates, compose, judge, tally_of
from mediasflow_async.sandbox.launching import launch, send_test
from mediasflow_async.sandbox.orders import Order, read_order, read_schedule, read_sender
from mediasflow_async.sandbox.records import StoredCampaign
from mediasflow_async.sandbox.wire import answer

if TYPE_CHECKING:
    from mediasflow_async.sandbox.http import Answer
    from mediasflow_async.sandbox.reading import Object
    from mediasflow_async.sandbox.world import Task

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
