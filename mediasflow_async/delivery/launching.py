"""From PREPARED to the end: the launch, the wait when it is in doubt, and the questions then.

Each step returns what it has to tell, with the entry where it belongs: ended, given back for
another attempt, or LAUNCHING and held, so that the next step asks about it.
"""

from __future__ import annotations

from datetime import timedelta

from mediasflow_async.delivery.desk import Desk, value_or_error
from mediasflow_async.delivery.entries import Entry
from mediasflow_async.delivery.evidence import Shown, ask, verdict_of
from mediasflow_async.delivery.fates import Fate, fate_of_launch, is_under_way
from mediasflow_async.delivery.holds import Hold
from mediasflow_async.delivery.states import Reason, State
from mediasflow_async.errors import DeliveryUnknown, MediasflowError, Sent
from mediasflow_async.models import Campaign
from mediasflow_async.telemetry import LOGGER

__all__ = ["launch"]

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
