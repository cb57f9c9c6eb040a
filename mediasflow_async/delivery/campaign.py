"""One key from its claim to its receipt: draft, launch, settle."""

from __future__ import annotations

import secrets
from datetime import timedelta
from functools import partial
from typing import Final

from mediasflow_async.delivery.errors import CampaignTaken, KeyBusy, KeyConflict, LeaseLost
from mediasflow_async.delivery.evidence import (
    LaunchOutcome,
    Shown,
    ask,
    is_refused_for_good,
    is_under_way,
    outcome_of_launch,
    verdict_of,
)
from mediasflow_async.delivery.lease import Lease, SendContext, value_or_error
from mediasflow_async.delivery.orders import Order
from mediasflow_async.delivery.records import Entry, Reason, Receipt, State, receipt_of
from mediasflow_async.errors import DeliveryUnknown, InvalidRequest, MediasflowError, Sent, value_of
from mediasflow_async.models import Campaign
from mediasflow_async.secrecy import LOGGER, mask_text

__all__ = ["advance", "draft", "launch", "new_owner", "send_campaign"]


async def draft(
    context: SendContext, lease: Lease, order: Order
) -> Campaign | MediasflowError | None:
    """Make the draft, or take the one that the request names.

    Returns:
        The draft as the server described it, None where it was not asked, or what is wrong:
        then the entry is REJECTED, or free for another attempt.
    """
    number = order.request.campaign_id
    if number is not None:
        return await _prepared(lease, number, order)
    if order.uploads and (lost := await lease.renew(further=context.policy.lease)):
        return lost
    prepare = partial(context.campaigns.prepare, order.request, auto_list=order.auto_list)
    result = await context.result_of(prepare)
    if isinstance(result, MediasflowError):
        return await _failed(lease, result)
    return await _prepared(lease, result.id, order) or result


async def _prepared(lease: Lease, campaign_id: int, order: Order) -> MediasflowError | None:
    try:
        return await lease.move(State.PREPARED, campaign_id=campaign_id, sender=order.launch_sender)
    except CampaignTaken as error:
        taken = error.with_traceback(None)
    return await lease.move(State.REJECTED, reason=Reason.CAMPAIGN_TAKEN) or taken


async def _failed(lease: Lease, error: MediasflowError) -> MediasflowError:
    if not is_refused_for_good(error):
        await lease.release()
        return error
    reason = Reason.INVALID if isinstance(error, InvalidRequest) else Reason.REFUSED
    return await lease.move(State.REJECTED, reason=reason, status=error.status) or error


_Told = Campaign | MediasflowError | None

_IN_DOUBT = (
    "Do not send it again another way. Call again with the same key, or Sender.resume(): the "
    "campaign is asked about, and launched again only when it is shown to be a draft."
)


async def launch(context: SendContext, lease: Lease, draft: Campaign | None = None) -> _Told:
    """Bring an entry that is PREPARED or LAUNCHING to its end.

    Args:
        context: what it needs around it.
        lease: the entry.
        draft: what the server said when it prepared the campaign, if that was just now.

    Returns:
        The launched campaign where the server described it, None where it did not, or an
        error: of a refusal when the entry ended by it, else why it has not ended.
    """
    told: _Told = None
    if lease.entry.state is State.PREPARED:
        told = await _launch(context, lease, draft)
    while lease.entry.state is State.LAUNCHING and not isinstance(told, MediasflowError):
        told = await _settle(context, lease)
    return told


async def _launch(context: SendContext, lease: Lease, draft: Campaign | None = None) -> _Told:
    is_in_doubt = lease.entry.state is State.LAUNCHING
    async with context.pacing.turn() as turn:
        if lost := await lease.move(State.LAUNCHING):
            return lost
        if is_in_doubt and not _may_relaunch(lease.entry, context.policy.relaunch_window):
            # It waited for its turn for too long.
            return await _park(lease, Reason.TOO_LATE)
        if draft is not None and is_under_way(draft):
            # The server did not prepare it: it sent it.
            return await lease.move(State.LAUNCHED, reason=Reason.SHOWN_BY_STATE) or draft
        result = await turn.noted(await value_or_error(_called(context, lease)))
    outcome = outcome_of_launch(result, context.dialect)
    return await (_relaunched if is_in_doubt else _launched)(lease, result, outcome)


async def _called(context: SendContext, lease: Lease) -> Campaign:
    campaign_id, sender = lease.entry.campaign_id, lease.entry.sender
    if campaign_id is None:
        raise ValueError("a journal keeps the number of a campaign from PREPARED on")
    return await context.campaigns.launch(campaign_id, sender=sender, guard=lease.guard)


async def _launched(
    lease: Lease, result: Campaign | MediasflowError, outcome: LaunchOutcome
) -> _Told:
    """Record a first launch, of which no earlier one can have been executed."""
    if outcome is LaunchOutcome.DONE:
        return await lease.move(State.LAUNCHED, reason=Reason.ANSWERED) or result
    if outcome is LaunchOutcome.UNKNOWN:
        return None
    if outcome is LaunchOutcome.NOT_EXECUTED:
        return await lease.move(State.PREPARED, is_freed=True) or result
    status = result.status if isinstance(result, MediasflowError) else None
    return await lease.move(State.REJECTED, reason=Reason.REFUSED, status=status) or result


async def _relaunched(
    lease: Lease, result: Campaign | MediasflowError, outcome: LaunchOutcome
) -> _Told:
    """Record a launch after one in doubt: a refusal may mean that the first was executed."""
    if outcome is LaunchOutcome.DONE:
        return await lease.move(State.LAUNCHED, reason=Reason.ANSWERED) or result
    if outcome is LaunchOutcome.NOT_EXECUTED:
        await lease.release()
        return result
    return None


async def _settle(context: SendContext, lease: Lease) -> _Told:
    """Wait until nothing can be processed any more, then ask, and act on the answers."""
    if lost := await lease.renew(further=context.policy.settle):
        return lost
    wait = _time_to_settle(lease.entry, context.policy.settle)
    if stopped := await context.clock.pause(wait.total_seconds()):
        await lease.release()
        return stopped
    verdict = await _verdict(context, lease)
    if isinstance(verdict, MediasflowError):
        return verdict
    return await _concluded(context, lease, verdict)


def _time_to_settle(entry: Entry, settle: timedelta) -> timedelta:
    quiet_since = entry.quiet_since or entry.read_at
    return max(quiet_since + settle - entry.read_at, timedelta(0))


async def _verdict(context: SendContext, lease: Lease) -> Shown | MediasflowError:
    answers: list[Shown] = []
    while (verdict := verdict_of(answers, context.policy.confirmations)) is None:
        if answers and (stopped := await _pause_between(context, lease)):
            return stopped
        if lost := await lease.renew():
            return lost
        answer = await ask(context, lease.entry)
        if isinstance(answer, MediasflowError):
            return await _unanswered(context, lease, answer)
        answers.append(answer)
    return verdict


async def _pause_between(context: SendContext, lease: Lease) -> MediasflowError | None:
    stopped = await context.clock.pause(context.policy.confirm_every.total_seconds())
    if stopped:
        await lease.release()
    return stopped


async def _unanswered(
    context: SendContext, lease: Lease, error: MediasflowError
) -> MediasflowError:
    """Give the entry back, or leave it to a person when the server has failed for too long."""
    if error.sent is Sent.ANSWERED and not _may_relaunch(
        lease.entry, context.policy.relaunch_window
    ):
        return await _park(lease, Reason.NO_EVIDENCE) or error
    await lease.release()
    return DeliveryUnknown(
        f"whether the campaign was launched could not be asked: {error.message}",
        campaign_id=lease.entry.campaign_id,
        status=error.status,
        sent=Sent.UNKNOWN,
        next_step=_IN_DOUBT,
    )


async def _concluded(context: SendContext, lease: Lease, verdict: Shown) -> _Told:
    if verdict is Shown.ROWS:
        return await lease.move(State.LAUNCHED, reason=Reason.SHOWN_BY_REPORT)
    if verdict in (Shown.UNDER_WAY, Shown.NO_DRAFT):
        return await lease.move(State.LAUNCHED, reason=Reason.SHOWN_BY_STATE)
    if verdict is Shown.NOTHING:
        return await _park(lease, Reason.NO_EVIDENCE)
    if _may_relaunch(lease.entry, context.policy.relaunch_window):
        return await _launch(context, lease)
    return await _park(lease, Reason.TOO_LATE)


async def _park(lease: Lease, reason: Reason) -> MediasflowError | None:
    lost = await lease.move(State.PARKED, reason=reason)
    if lost is None:
        LOGGER.warning("campaign %s is parked for a person: %s", lease.entry.campaign_id, reason)
    return lost


def _may_relaunch(entry: Entry, window: timedelta) -> bool:
    first = entry.launching_since or entry.read_at
    return entry.read_at - first <= window


_FIRST_LOOK: Final = 0.05
_LONGEST_LOOK: Final = 2.0


def new_owner() -> str:
    """Return the token of a claim. No two claims share one, not even of the same process."""
    return secrets.token_hex(12)


async def send_campaign(
    context: SendContext, key: str, digest: str, order: Order
) -> Receipt | MediasflowError:
    """Claim a key and bring its campaign to its end, or wait for another that does.

    What could not be sent yet is tried again, as the policy of retries says; meanwhile anybody
    may have it.

    Returns:
        The receipt when it has ended, else why it has not.
    """
    attempt = 1
    while True:
        result = await _taken_or_waited_for(context, key, digest, order)
        if isinstance(result, Receipt):
            context.retries.quota.earn()
            return result
        wait = context.retries.wait_after(result, attempt)
        if wait is None:
            return result
        if stopped := await context.clock.pause(wait):
            return stopped
        attempt += 1


async def _taken_or_waited_for(
    context: SendContext, key: str, digest: str, order: Order
) -> Receipt | MediasflowError:
    clock = context.clock
    give_up_at = clock.seconds() + context.policy.patience.total_seconds()
    look = _FIRST_LOOK
    while True:
        result = await _claimed(context, key, digest, order)
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
    context: SendContext, key: str, digest: str, order: Order
) -> Receipt | MediasflowError | Entry:
    """Return how it ended, or the entry when it is in another's hands."""
    owner = new_owner()
    policy, journal = context.policy, context.journal
    asked = context.clock.seconds()
    # An error is no reason to ask a journal that fails for one thing more.
    async with context.released_on_failure(partial(journal.disclaim, owner, key=key)):
        claim = journal.claim(key, digest, owner=owner, lease=policy.lease)
        claimed = await value_or_error(claim)
    entry = value_of(claimed)
    if entry.digest != digest:
        return KeyConflict(f"the key {mask_text(key)!r} was used for another payload")
    if entry.owner != owner:
        return entry if entry.state.is_open else receipt_of(entry, is_recorded=True)
    lease = Lease(journal, context.clock.seconds, policy, entry, asked)
    result = await advance(context, lease, order)
    return lease.entry if isinstance(result, LeaseLost) else result


async def advance(
    context: SendContext, lease: Lease, order: Order | None = None
) -> Receipt | MediasflowError:
    """Bring a campaign that was claimed here to its end.

    Args:
        context: what it needs around it.
        lease: the entry.
        order: the payload; needed for a NEW one alone.
    """
    async with context.released_on_failure(lease.release):
        told = await _told(context, lease, order)
    if lease.entry.state.is_open and isinstance(told, MediasflowError):
        return told
    return receipt_of(lease.entry, told)


async def _told(
    context: SendContext, lease: Lease, order: Order | None
) -> Campaign | MediasflowError | None:
    told = None
    if lease.entry.state is State.NEW and order is not None:
        told = await draft(context, lease, order)
    if isinstance(told, MediasflowError):
        return told
    return await launch(context, lease, told)
