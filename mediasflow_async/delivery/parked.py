"""What a person has to decide, and what the caller may still call off."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime

from attrs import frozen

from mediasflow_async.delivery.entries import Entry
from mediasflow_async.delivery.errors import KeyBusy, KeyUnknown, NotParked
from mediasflow_async.delivery.journal import Journal
from mediasflow_async.delivery.receipts import Receipt, receipt_of
from mediasflow_async.delivery.states import Reason, State
from mediasflow_async.errors import MediasflowError
from mediasflow_async.masking import mask_text

__all__ = ["Parked", "call_off", "parked", "resolve"]

_ADVICE = {
    Reason.NO_EVIDENCE: (
        "Look campaign {id} up in the Mediasflow console: the server did not tell whether it "
        "was launched."
    ),
    Reason.TOO_LATE: (
        "Look campaign {id} up in the Mediasflow console: it seems to be a draft still, and too "
        "much time has passed to launch it unasked."
    ),
}
_THEN = (
    " If it was sent or is scheduled, resolve the key with launched=True. If it is a draft, "
    "delete it there and resolve the key with launched=False; to send it after all, use a new key."
)


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
            yield _described(entry)


def _described(entry: Entry) -> Parked:
    look = _ADVICE.get(entry.reason or Reason.NO_EVIDENCE, _ADVICE[Reason.NO_EVIDENCE])
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


async def call_off(journal: Journal, key: str) -> Receipt | MediasflowError:
    """Cancel a campaign that was not launched, unless somebody works on it right now.

    The compare on the owner keeps a dead one out: should it wake up, its next move fails.
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
