"""What happens to one key, from the claim to the receipt.

1. Claim: the journal leases the key's entry to this sender, or another one's lease is waited for.
2. Draft, NEW to PREPARED: the server has the campaign and sends nothing yet. Harmless to repeat.
3. Launch, PREPARED to LAUNCHING: on the disk before the first byte of the launch leaves. An answer
   makes it LAUNCHED or REJECTED, or PREPARED again where the launch is proven not to be executed.
4. Settle, for a launch in doubt: wait until the server cannot process it any more, then ask. What
   is shown to be launched is LAUNCHED; what is shown to be a draft is launched once more, by the
   same number and within the relaunch window; anything else is PARKED for a person.

Each move is a compare-and-set in the journal, and fails when another sender has taken the entry
over. Errors travel as values: an error that ends a campaign is part of its receipt.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from functools import partial
from typing import Final

from mediasflow_async._core.calls import OperationKind
from mediasflow_async._core.retry import are_retries_off
from mediasflow_async.delivery.errors import CampaignTaken, KeyBusy, KeyConflict, LeaseLost
from mediasflow_async.delivery.evidence import (
    Evidence,
    LaunchOutcome,
    ask,
    evidence_in,
    is_refused_for_good,
    outcome_of_launch,
    verdict_of,
)
from mediasflow_async.delivery.lease import (
    Lease,
    SendContext,
    released_on_failure,
    value_or_error,
)
from mediasflow_async.delivery.records import Entry, Order, Reason, Receipt, State, receipt_of
from mediasflow_async.errors import (
    DeliveryUnknown,
    InvalidRequest,
    MediasflowError,
    ResponseInvalid,
    Sent,
    TokenLost,
    value_of,
)
from mediasflow_async.models import Campaign
from mediasflow_async.models.values import readable_id
from mediasflow_async.secrecy import LOGGER, mask_text

__all__ = ["advance", "new_owner", "send_campaign"]

# What the server said last: the campaign, an error, or nothing that could be read.
_Answer = Campaign | MediasflowError | None

_SHORTEST_PAUSE_SECONDS: Final = 0.05
_LONGEST_PAUSE_SECONDS: Final = 2.0
# Attempts of a campaign whose tokens were all refused; each has tried several tokens.
_TRIES_OF_LOST: Final = 2


async def send_campaign(
    context: SendContext, key: str, digest: str, order: Order
) -> Receipt | MediasflowError:
    """Claim a key and bring its campaign to its end, or wait for another sender that does.

    What could not be sent yet is tried again, as the retry policy says; meanwhile any sender may
    claim it.

    Returns:
        The receipt when it has ended, else why it has not.
    """
    attempt = 1
    while True:
        result = await _claim_or_wait(context, key, digest, order)
        if isinstance(result, Receipt):
            context.retry_quota.earn()
            return result
        if not _may_retry(context, result, attempt):
            return result
        wait = context.retry.wait_after(result, attempt)
        if stopped := await context.slot.pause(wait.total_seconds()):
            return stopped
        attempt += 1


def _may_retry(context: SendContext, error: MediasflowError, attempt: int) -> bool:
    # The entry says how far the campaign came: going on from there is as harmless as a draft.
    # A token that was lost to another session executed nothing, and the next one may live.
    tries_of_lost = 1 if are_retries_off() else min(context.retry.attempts, _TRIES_OF_LOST)
    is_lost = isinstance(error, TokenLost) and attempt < tries_of_lost
    is_allowed = is_lost or context.retry.allows(error, attempt, OperationKind.PREPARE)
    return is_allowed and context.retry_quota.take()


async def _claim_or_wait(
    context: SendContext, key: str, digest: str, order: Order
) -> Receipt | MediasflowError:
    slot = context.slot
    give_up_at = slot.seconds() + context.policy.patience.total_seconds()
    pause = _SHORTEST_PAUSE_SECONDS
    while True:
        result = await _claim_and_advance(context, key, digest, order)
        if not isinstance(result, Entry):
            return result
        if slot.seconds() >= give_up_at:
            return KeyBusy(f"another sender works on the key {mask_text(key)!r}")
        lease_left = max(result.lease_left.total_seconds(), _SHORTEST_PAUSE_SECONDS)
        if stopped := await slot.pause(min(pause, lease_left)):
            return stopped
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)


async def _claim_and_advance(
    context: SendContext, key: str, digest: str, order: Order
) -> Receipt | MediasflowError | Entry:
    """Return how the campaign ended, or its entry when that is leased to another sender."""
    owner = new_owner()
    policy, journal = context.policy, context.journal
    asked_at = context.slot.seconds()
    # An error of the journal comes as a value: a journal that fails is not asked to disclaim.
    async with released_on_failure(partial(journal.disclaim, owner, key=key)):
        claim = journal.claim(key, digest, owner=owner, lease=policy.lease)
        claimed = await value_or_error(claim)
    entry = value_of(claimed)
    if entry.digest != digest:
        return KeyConflict(f"the key {mask_text(key)!r} was used for another payload")
    if entry.owner != owner:
        return entry if entry.state.is_open else receipt_of(entry, is_recorded=True)
    lease = Lease(journal, policy, entry, asked_at, context.slot.seconds)
    result = await advance(context, lease, order)
    return lease.entry if isinstance(result, LeaseLost) else result


def new_owner() -> str:
    """Return the token of a claim. No two claims share one, not even of the same process."""
    return secrets.token_hex(12)


async def advance(
    context: SendContext, lease: Lease, order: Order | None = None
) -> Receipt | MediasflowError:
    """Bring a campaign that is leased here to its end.

    Args:
        context: what it is sent with.
        lease: the lease on its entry.
        order: the payload; needed for a NEW entry alone.

    Returns:
        The receipt when it has ended, else why it has not.
    """
    async with released_on_failure(lease.release):
        answer = await _draft_and_launch(context, lease, order)
    if lease.entry.state.is_open and isinstance(answer, MediasflowError):
        return answer
    return receipt_of(lease.entry, answer)


async def _draft_and_launch(context: SendContext, lease: Lease, order: Order | None) -> _Answer:
    draft: _Answer = None
    if lease.entry.state is State.NEW and order is not None:
        draft = await _draft(context, lease, order)
    if isinstance(draft, MediasflowError):
        return draft
    answer: _Answer = None
    if lease.entry.state is State.PREPARED:
        answer = await _launch(context, lease, draft)
    while lease.entry.state is State.LAUNCHING and not isinstance(answer, MediasflowError):
        answer = await _settle(context, lease)
    return answer


async def _draft(context: SendContext, lease: Lease, order: Order) -> _Answer:
    """Make the draft, or take the one that the request names.

    Returns:
        The draft as the server described it, None where it was not asked, or what is wrong:
        then the entry is REJECTED, or free for another attempt.
    """
    campaign_id = order.request.campaign_id
    if campaign_id is not None:
        return await _prepared(lease, campaign_id, order)
    if order.uploads and (lost := await lease.renew(further=context.policy.lease)):
        return lost
    campaigns = context.session.campaigns
    prepare = partial(campaigns.prepare, order.request, auto_list=order.auto_list)
    result = await context.result_of(prepare)
    if isinstance(result, MediasflowError):
        return await _not_prepared(lease, result)
    if readable_id(result.id) is None:
        return await _not_prepared(lease, ResponseInvalid(_NO_NUMBER, sent=Sent.ANSWERED))
    return await _prepared(lease, result.id, order) or result


_NO_NUMBER: Final = "the draft has no number from 1 to 2**63 - 1, by which it could be launched"


async def _prepared(lease: Lease, campaign_id: int, order: Order) -> MediasflowError | None:
    try:
        return await lease.move(State.PREPARED, campaign_id=campaign_id, sender=order.launch_sender)
    except CampaignTaken as error:
        taken = error.with_traceback(None)
    return await lease.move(State.REJECTED, reason=Reason.CAMPAIGN_TAKEN) or taken


async def _not_prepared(lease: Lease, error: MediasflowError) -> MediasflowError:
    if not is_refused_for_good(error):
        await lease.release()
        return error
    reason = Reason.INVALID if isinstance(error, InvalidRequest) else Reason.REFUSED
    return await lease.move(State.REJECTED, reason=reason, status=error.status) or error


async def _launch(context: SendContext, lease: Lease, draft: Campaign | None = None) -> _Answer:
    """Launch a campaign that is PREPARED, or once more one that is LAUNCHING.

    Args:
        context: what it is sent with.
        lease: the lease on its entry.
        draft: what the server said when it prepared the campaign, if that was just now.
    """
    is_in_doubt = lease.entry.state is State.LAUNCHING
    async with context.pacing.turn() as turn:
        if lost := await lease.move(State.LAUNCHING):
            return lost
        if is_in_doubt and not _may_relaunch(context, lease.entry):
            # The relaunch window has passed while it waited for its turn.
            return await _park(lease, Reason.TOO_LATE)
        if draft is not None and evidence_in(draft, draft.id) is Evidence.UNDER_WAY:
            # The server sent the campaign instead of preparing it.
            return await lease.move(State.LAUNCHED, reason=Reason.SHOWN_BY_STATE) or draft
        result = await turn.noted(await value_or_error(_call_launch(context, lease)))
    outcome = outcome_of_launch(result, _number_of(lease.entry), context.session.dialect)
    return await (_relaunched if is_in_doubt else _launched)(lease, result, outcome)


async def _call_launch(context: SendContext, lease: Lease) -> Campaign:
    launch = context.session.campaigns.launch
    return await launch(_number_of(lease.entry), sender=lease.entry.sender, guard=lease.guard)


def _number_of(entry: Entry) -> int:
    if entry.campaign_id is None:
        raise ValueError("a journal keeps the number of a campaign from PREPARED on")
    return entry.campaign_id


async def _launched(
    lease: Lease, result: Campaign | MediasflowError, outcome: LaunchOutcome
) -> _Answer:
    """Record a first launch, before which no other can have been executed."""
    if outcome is LaunchOutcome.DONE:
        return await lease.move(State.LAUNCHED, reason=Reason.ANSWERED) or result
    if outcome is LaunchOutcome.UNKNOWN:
        return None
    if outcome is LaunchOutcome.NOT_EXECUTED:
        return await lease.move(State.PREPARED, release=True) or result
    status = result.status if isinstance(result, MediasflowError) else None
    return await lease.move(State.REJECTED, reason=Reason.REFUSED, status=status) or result


async def _relaunched(
    lease: Lease, result: Campaign | MediasflowError, outcome: LaunchOutcome
) -> _Answer:
    """Record a launch after one in doubt: a refusal may mean that the first was executed."""
    if outcome is LaunchOutcome.DONE:
        return await lease.move(State.LAUNCHED, reason=Reason.ANSWERED) or result
    if outcome is LaunchOutcome.NOT_EXECUTED:
        await lease.release()
        return result
    return None


async def _settle(context: SendContext, lease: Lease) -> _Answer:
    """Wait until nothing can be processed any more, then ask, and act on the evidence."""
    settle = context.policy.settle
    if lost := await lease.renew(further=settle):
        return lost
    if stopped := await context.slot.pause(_time_to_settle(lease.entry, settle).total_seconds()):
        await lease.release()
        return stopped
    verdict = await _verdict(context, lease)
    if isinstance(verdict, MediasflowError):
        return verdict
    return await _act_on(context, lease, verdict)


def _time_to_settle(entry: Entry, settle: timedelta) -> timedelta:
    quiet_since = entry.quiet_since or entry.read_at
    return max(quiet_since + settle - entry.read_at, timedelta(0))


async def _verdict(context: SendContext, lease: Lease) -> Evidence | MediasflowError:
    answers: list[Evidence] = []
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
    stopped = await context.slot.pause(context.policy.confirm_every.total_seconds())
    if stopped:
        await lease.release()
    return stopped


_IN_DOUBT: Final = (
    "Do not send it again another way. Call again with the same key, or Sender.resume(): the "
    "campaign is asked about, and launched again only when it is shown to be a draft."
)


async def _unanswered(
    context: SendContext, lease: Lease, error: MediasflowError
) -> MediasflowError:
    """Release the entry, or park it when the server has failed to answer for too long."""
    if error.sent is Sent.ANSWERED and not _may_relaunch(context, lease.entry):
        return await _park(lease, Reason.NO_EVIDENCE) or error
    await lease.release()
    unknown = DeliveryUnknown(
        f"whether the campaign was launched could not be asked: {error.message}",
        campaign_id=lease.entry.campaign_id,
        status=error.status,
        sent=Sent.UNKNOWN,
        next_step=_IN_DOUBT,
    )
    if error.login_refused:
        # It says what would cure the login, and ends what else needs it.
        unknown.login_refused = True
        unknown.next_step = f"{_IN_DOUBT} {error.next_step}"
    return unknown


async def _act_on(context: SendContext, lease: Lease, verdict: Evidence) -> _Answer:
    if verdict is Evidence.ROWS:
        return await lease.move(State.LAUNCHED, reason=Reason.SHOWN_BY_REPORT)
    if verdict in (Evidence.UNDER_WAY, Evidence.NO_DRAFT):
        return await lease.move(State.LAUNCHED, reason=Reason.SHOWN_BY_STATE)
    if verdict is Evidence.NOTHING:
        return await _park(lease, Reason.NO_EVIDENCE)
    if _may_relaunch(context, lease.entry):
        return await _launch(context, lease)
    return await _park(lease, Reason.TOO_LATE)


async def _park(lease: Lease, reason: Reason) -> MediasflowError | None:
    lost = await lease.move(State.PARKED, reason=reason)
    if lost is None:
        LOGGER.warning("campaign %s is parked for a person: %s", lease.entry.campaign_id, reason)
    return lost


def _may_relaunch(context: SendContext, entry: Entry) -> bool:
    first_launch = entry.launching_since or entry.read_at
    return entry.read_at - first_launch <= context.policy.relaunch_window
