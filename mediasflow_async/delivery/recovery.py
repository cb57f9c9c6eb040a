"""What other senders left behind is brought to an end, and what only a person can decide.

`Sender.resume` takes over the entries that no sender has a lease on. `parked`, `resolve` and
`cancel` serve the person: they change the journal and send nothing.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import aclosing
from datetime import datetime
from functools import partial
from typing import Final

import anyio
from attrs import frozen

from mediasflow_async.concurrency import Outcomes
from mediasflow_async.delivery.campaign import new_owner
from mediasflow_async.delivery.errors import KeyBusy, KeyUnknown, NotParked
from mediasflow_async.delivery.journal import Journal
from mediasflow_async.delivery.lease import (
    Lease,
    Policy,
    release_or_log,
    released_on_failure,
    value_or_error,
)
from mediasflow_async.delivery.records import Entry, Reason, Receipt, State, receipt_of
from mediasflow_async.delivery.slots import boot_seconds
from mediasflow_async.errors import MediasflowError, value_of
from mediasflow_async.secrecy import mask_text

__all__ = [
    "Parked",
    "Resumption",
    "cancel",
    "parked",
    "resolve",
    "resumption_of",
    "take_over",
]

_MOST_TAKEN_AT_ONCE: Final = 20


@frozen(kw_only=True)
class Resumption:
    """What `Sender.resume` did.

    Attributes:
        ended: how many campaigns came to an end, by the state that they ended in.
        unfinished: how many could not be brought to an end, and are free again.
        error: why, of the latest of those; None without any.
    """

    ended: Mapping[State, int]
    unfinished: int = 0
    error: MediasflowError | None = None


async def take_over(
    journal: Journal, policy: Policy, *, is_wanted: Callable[[], bool]
) -> AsyncGenerator[Lease, None]:
    """Take over what dead or finished owners have left until now, a few entries at a time.

    Closed early, it releases what it has taken and not yielded.

    Args:
        journal: where to take it.
        policy: how long a lease holds.
        is_wanted: asked before any more is taken.
    """
    before = await journal.now()
    while is_wanted():
        leases = await _taken(journal, policy, before)
        if not leases:
            return
        async with released_on_failure(partial(_release, leases)):
            while leases:
                yield leases.popleft()


async def _taken(journal: Journal, policy: Policy, before: datetime) -> deque[Lease]:
    owner = new_owner()
    asked_at = boot_seconds()
    async with released_on_failure(partial(journal.disclaim, owner)):
        take = journal.take(
            owner=owner, lease=policy.lease, limit=_MOST_TAKEN_AT_ONCE, before=before
        )
        taken = await value_or_error(take)
    entries = value_of(taken)
    return deque(Lease(journal, policy, entry, asked_at, boot_seconds) for entry in entries)


async def resumption_of(outcomes: Outcomes[Lease, Receipt]) -> Resumption:
    """Wait for all outcomes and count them; cut short, release what was not begun."""
    ended: Counter[State] = Counter()
    unfinished, latest = 0, None
    async with released_on_failure(partial(_release_unfinished, outcomes)), outcomes:
        async for outcome in outcomes:
            if outcome.value is not None:
                ended[outcome.value.state] += 1
            else:
                unfinished, latest = unfinished + 1, outcome.error
    return Resumption(ended=dict(ended), unfinished=unfinished, error=latest)


async def _release_unfinished(outcomes: Outcomes[Lease, Receipt]) -> None:
    """Release what was taken over and is still leased when the rest was cut short."""
    leases = (outcome.item for outcome in outcomes.unfinished)
    await _release(lease for lease in leases if lease.entry.owner is not None)


async def _release(leases: Iterable[Lease]) -> None:
    """Release, all at once, the entries that nothing was begun with."""
    async with anyio.create_task_group() as tasks:
        for lease in leases:
            tasks.start_soon(release_or_log, lease.release)


@frozen(kw_only=True)
class Parked:
    """A campaign that waits for a person.

    Attributes:
        key: the caller's key.
        campaign_id: the server's number.
        reason: why it was parked.
        since: when it was parked.
        launched_at: when a launch was first about to leave.
        advice: what to look at, and what to do then.
    """

    key: str
    campaign_id: int | None
    reason: Reason | None
    since: datetime
    launched_at: datetime | None
    advice: str


async def parked(journal: Journal) -> AsyncGenerator[Parked, None]:
    """Yield the parked campaigns of a journal, the oldest key first."""
    async with aclosing(journal.entries(State.PARKED)) as entries:
        async for entry in entries:
            yield _parked(entry)


_LOOK: Final = {
    Reason.NO_EVIDENCE: (
        "Look campaign {id} up in the Mediasflow console: the server did not tell whether it "
        "was launched. Where it is always like that, conflict_shows_launch=True or "
        "set_sender_shows_draft=True of the Dialect may take its answers for evidence."
    ),
    Reason.TOO_LATE: (
        "Look campaign {id} up in the Mediasflow console: it seems to be a draft still, and too "
        "much time has passed to launch it unasked."
    ),
}
_THEN: Final = (
    " If it was sent or is scheduled, resolve the key with launched=True. If it is a draft, "
    "delete it there and resolve the key with launched=False; to send it after all, use a new key."
)


def _parked(entry: Entry) -> Parked:
    look = _LOOK.get(entry.reason or Reason.NO_EVIDENCE, _LOOK[Reason.NO_EVIDENCE])
    return Parked(
        key=entry.key,
        campaign_id=entry.campaign_id,
        reason=entry.reason,
        since=entry.updated_at,
        launched_at=entry.launching_since,
        advice=look.format(id=entry.campaign_id) + _THEN,
    )


async def resolve(journal: Journal, key: str, *, launched: bool) -> Receipt | MediasflowError:
    """Record what a person found out about a parked campaign."""
    to = State.LAUNCHED if launched else State.CANCELLED
    entry = await journal.get(key)
    if entry is None:
        return _unknown(key)
    if entry.state is State.PARKED:
        entry = await journal.move(entry, to, reason=Reason.BY_PERSON) or entry
    if entry.state is to:
        return receipt_of(entry)
    return NotParked(f"the key {mask_text(key)!r} is {entry.state}", campaign_id=entry.campaign_id)


async def cancel(journal: Journal, key: str) -> Receipt | MediasflowError:
    """Cancel a campaign that was not launched, unless a sender has a lease on it.

    An owner whose lease has run out may still be alive: its next move fails, since that compares
    the state.
    """
    entry = await journal.get(key)
    if entry is None:
        return _unknown(key)
    if entry.state in (State.NEW, State.PREPARED) and not entry.lease_left:
        moved = await journal.move(entry, State.CANCELLED, reason=Reason.BY_CALLER)
        entry = moved or await journal.get(key) or entry
    if entry.state.is_open:
        return KeyBusy(
            f"the key {mask_text(key)!r} is {entry.state}", campaign_id=entry.campaign_id
        )
    return receipt_of(entry)


def _unknown(key: str) -> KeyUnknown:
    return KeyUnknown(f"the journal has no key {mask_text(key)!r}")
