"""One key from its claim to its receipt: draft, launch, settle."""

from __future__ import annotations

import secrets
from datetime import timedelta
from functools import partial
from typing import Final

from mediasflow_async.delivery.errors import CampaignTaken, KeyBusy, KeyConflict, LeaseLost
from mediasflow_async.delivery.evidence import (
    Fate,
    Shown,
    ask,
    fate_of_launch,
    is_refused_for_good,
    is_under_way,
    verdict_of,
)
from mediasflow_async.delivery.hold import Desk, Hold, value_or_error
from mediasflow_async.delivery.orders import Order
from mediasflow_async.delivery.records import Entry, Reason, Receipt, State, receipt_of
from mediasflow_async.errors import DeliveryUnknown, InvalidRequest, MediasflowError, Sent, value_of
from mediasflow_async.models import Campaign
from mediasflow_async.secrecy import LOGGER, mask_text

__all__ = ["draft", "launch", "new_owner", "send_keyed", "take_further"]


async def draft(desk: Desk, hold: Hold, order: Order) -> Campaign | MediasflowError | None:
    """Make the draft, or take the one that the request names.

    Returns:
        The draft as the server described it, None where it was not asked, or what is wrong:
        then the entry is REJECTED, or free for another attempt.
    """
    number = order.request.campaign_id
    if number is not None:
        return await _prepared(hold, number, order)
    if order.uploads and (lost := await hold.renew(further=desk.policy.lease)):
        return lost
    prepare = partial(desk.campaigns.prepare, order.request, auto_list=order.auto_list)
    result = await desk.result_of(prepare)
    if isinstance(result, MediasflowError):
        return await _failed(hold, result)
    return await _prepared(hold, result.id, order) or result


async def _prepared(hold: Hold, campaign_id: int, order: Order) -> MediasflowError | None:
    try:
        return await hold.move(State.PREPARED, campaign_id=campaign_id, sender=order.launch_sender)
    except CampaignTaken as error:
        taken = error.with_traceback(None)
    return await hold.move(State.REJECTED, reason=Reason.CAMPAIGN_TAKEN) or taken


async def _failed(hold: Hold, error: MediasflowError) -> MediasflowError:
    if not is_refused_for_good(error):
        await hold.release()
        return error
    reason = Reason.INVALID if isinstance(error, InvalidRequest) else Reason.REFUSED
    return await hold.move(State.REJECTED, reason=reason, status=error.status) or error


_Told = Campaign | MediasflowError | None

_IN_DOUBT = (
    "Do not send it again another way. Call again with the same key, or Sender.resume(): the "
    "campaign is asked about, and launched again only when it is shown to be a draft."
)


async def launch(desk: Desk, hold: Hold, draft: Campaign | None = None) -> _Told:
    """Bring an entry that is PREPARED or LAUNCHING to its end.

    Args:
        desk: what it needs around it.
        hold: the entry.
        draft: what the server said when it prepared the campaign, if that was just now.

    Returns:
        The launched campaign where the server described it, None where it did not, or an
        error: of a refusal when the entry ended by it, else why it has not ended.
    """
    told: _Told = None
    if hold.entry.state is State.PREPARED:
        told = await _launch(desk, hold, draft)
    while hold.entry.state is State.LAUNCHING and not isinstance(told, MediasflowError):
        told = await _settle(desk, hold)
    return told


async def _launch(desk: Desk, hold: Hold, draft: Campaign | None = None) -> _Told:
    is_in_doubt = hold.entry.state is State.LAUNCHING
    async with desk.pacing.turn() as turn:
        if lost := await hold.move(State.LAUNCHING):
            return lost
        if is_in_doubt and not _may_relaunch(hold.entry, desk.policy.relaunch_window):
            # It waited for its turn for too long.
            return await _park(hold, Reason.TOO_LATE)
        if draft is not None and is_under_way(draft):
            # The server did not prepare it: it sent it.
            return await hold.move(State.LAUNCHED, reason=Reason.SHOWN_BY_STATE) or draft
        result = await turn.noted(await value_or_error(_called(desk, hold)))
    fate = fate_of_launch(result, desk.dialect)
    return await (_relaunched if is_in_doubt else _launched)(hold, result, fate)


async def _called(desk: Desk, hold: Hold) -> Campaign:
    campaign_id, sender = hold.entry.campaign_id, hold.entry.sender
    if campaign_id is None:
        raise ValueError("a journal keeps the number of a campaign from PREPARED on")
    return await desk.campaigns.launch(campaign_id, sender=sender, guard=hold.guard)


async def _launched(hold: Hold, result: Campaign | MediasflowError, fate: Fate) -> _Told:
    """Record a first launch, of which no earlier one can have been executed."""
    if fate is Fate.DONE:
        return await hold.move(State.LAUNCHED, reason=Reason.ANSWERED) or result
    if fate is Fate.UNKNOWN:
        return None
    if fate is Fate.NOT_EXECUTED:
        return await hold.move(State.PREPARED, is_freed=True) or result
    status = result.status if isinstance(result, MediasflowError) else None
    return await hold.move(State.REJECTED, reason=Reason.REFUSED, status=status) or result


async def _relaunched(hold: Hold, result: Campaign | MediasflowError, fate: Fate) -> _Told:
    """Record a launch after one in doubt: a refusal may mean that the first was executed."""
    if fate is Fate.DONE:
        return await hold.move(State.LAUNCHED, reason=Reason.ANSWERED) or result
    if fate is Fate.NOT_EXECUTED:
        await hold.release()
        return result
    return None


async def _settle(desk: Desk, hold: Hold) -> _Told:
    """Wait until nothing can be processed any more, then ask, and act on the answers."""
    if lost := await hold.renew(further=desk.policy.settle):
        return lost
    wait = _time_to_settle(hold.entry, desk.policy.settle)
    if stopped := await desk.clock.pause(wait.total_seconds()):
        await hold.release()
        return stopped
    verdict = await _verdict(desk, hold)
    if isinstance(verdict, MediasflowError):
        return verdict
    return await _concluded(desk, hold, verdict)


def _time_to_settle(entry: Entry, settle: timedelta) -> timedelta:
    quiet_since = entry.quiet_since or entry.read_at
    return max(quiet_since + settle - entry.read_at, timedelta(0))


async def _verdict(desk: Desk, hold: Hold) -> Shown | MediasflowError:
    answers: list[Shown] = []
    while (verdict := verdict_of(answers, desk.policy.confirmations)) is None:
        if answers and (stopped := await _pause_between(desk, hold)):
            return stopped
        if lost := await hold.renew():
            return lost
        answer = await ask(desk, hold.entry)
        if isinstance(answer, MediasflowError):
            return await _unanswered(desk, hold, answer)
        answers.append(answer)
    return verdict


async def _pause_between(desk: Desk, hold: Hold) -> MediasflowError | None:
    stopped = await desk.clock.pause(desk.policy.confirm_every.total_seconds())
    if stopped:
        await hold.release()
    return stopped


async def _unanswered(desk: Desk, hold: Hold, error: MediasflowError) -> MediasflowError:
    """Give the entry back, or leave it to a person when the server has failed for too long."""
    if error.sent is Sent.ANSWERED and not _may_relaunch(hold.entry, desk.policy.relaunch_window):
        return await _park(hold, Reason.NO_EVIDENCE) or error
    await hold.release()
    return DeliveryUnknown(
        f"whether the campaign was launched could not be asked: {error.message}",
        campaign_id=hold.entry.campaign_id,
        status=error.status,
        sent=Sent.UNKNOWN,
        next_step=_IN_DOUBT,
    )


async def _concluded(desk: Desk, hold: Hold, verdict: Shown) -> _Told:
    if verdict is Shown.ROWS:
        return await hold.move(State.LAUNCHED, reason=Reason.SHOWN_BY_REPORT)
    if verdict in (Shown.UNDER_WAY, Shown.NO_DRAFT):
        return await hold.move(State.LAUNCHED, reason=Reason.SHOWN_BY_STATE)
    if verdict is Shown.NOTHING:
        return await _park(hold, Reason.NO_EVIDENCE)
    if _may_relaunch(hold.entry, desk.policy.relaunch_window):
        return await _launch(desk, hold)
    return await _park(hold, Reason.TOO_LATE)


async def _park(hold: Hold, reason: Reason) -> MediasflowError | None:
    lost = await hold.move(State.PARKED, reason=reason)
    if lost is None:
        LOGGER.warning("campaign %s is parked for a person: %s", hold.entry.campaign_id, reason)
    return lost


def _may_relaunch(entry: Entry, window: timedelta) -> bool:
    first = entry.launching_since or entry.read_at
    return entry.read_at - first <= window


_FIRST_LOOK: Final = 0.05
_LONGEST_LOOK: Final = 2.0


def new_owner() -> str:
    """Return the token of a claim. No two claims share one, not even of the same process."""
    return secrets.token_hex(12)


async def send_keyed(desk: Desk, key: str, digest: str, order: Order) -> Receipt | MediasflowError:
    """Claim a key and bring its campaign to its end, or wait for another that does.

    What could not be sent yet is tried again, as the policy of retries says; meanwhile anybody
    may have it.

    Returns:
        The receipt when it has ended, else why it has not.
    """
    attempt = 1
    while True:
        result = await _taken_or_waited_for(desk, key, digest, order)
        if isinstance(result, Receipt):
            desk.retries.quota.earn()
            return result
        wait = desk.retries.wait_after(result, attempt)
        if wait is None:
            return result
        if stopped := await desk.clock.pause(wait):
            return stopped
        attempt += 1


async def _taken_or_waited_for(
    desk: Desk, key: str, digest: str, order: Order
) -> Receipt | MediasflowError:
    clock = desk.clock
    give_up_at = clock.seconds() + desk.policy.patience.total_seconds()
    look = _FIRST_LOOK
    while True:
        result = await _claimed(desk, key, digest, order)
        if not isinstance(result, Entry):
            return result
        if clock.seconds() >= give_up_at:
            return KeyBusy(f"another sender works on the key {mask_text(key)!r}")
        if stopped := await clock.pause(min(look, max(_left(result), _FIRST_LOOK))):
            return stopped
        look = min(look * 2, _LONGEST_LOOK)


def _left(entry: Entry) -> float:
    return entry.lease_left.total_seconds()


async def _claimed(
    desk: Desk, key: str, digest: str, order: Order
) -> Receipt | MediasflowError | Entry:
    """Return how it ended, or the entry when it is in another's hands."""
    owner = new_owner()
    policy, journal = desk.policy, desk.journal
    asked = desk.clock.seconds()
    # An error is no reason to ask a journal that fails for one thing more.
    async with desk.custody(partial(journal.disclaim, owner, key=key)):
        claim = journal.claim(key, digest, owner=owner, lease=policy.lease)
        claimed = await value_or_error(claim)
    entry = value_of(claimed)
    if entry.digest != digest:
        return KeyConflict(f"the key {mask_text(key)!r} was used for another payload")
    if entry.owner != owner:
        return entry if entry.state.is_open else receipt_of(entry, is_recorded=True)
    hold = Hold(journal, desk.clock.seconds, policy, entry, asked)
    result = await take_further(desk, hold, order)
    return hold.entry if isinstance(result, LeaseLost) else result


async def take_further(
    desk: Desk, hold: Hold, order: Order | None = None
) -> Receipt | MediasflowError:
    """Bring a campaign that was claimed here to its end.

    Args:
        desk: what it needs around it.
        hold: the entry.
        order: the payload; needed for a NEW one alone.
    """
    async with desk.custody(hold.release):
        told = await _told(desk, hold, order)
    if hold.entry.state.is_open and isinstance(told, MediasflowError):
        return told
    return receipt_of(hold.entry, told)


async def _told(desk: Desk, hold: Hold, order: Order | None) -> Campaign | MediasflowError | None:
    told = None
    if hold.entry.state is State.NEW and order is not None:
        told = await draft(desk, hold, order)
    if isinstance(told, MediasflowError):
        return told
    return await launch(desk, hold, told)
