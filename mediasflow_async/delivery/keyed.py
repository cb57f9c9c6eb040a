"""One key from its claim to its receipt."""

from __future__ import annotations

import secrets
from functools import partial
from typing import Final

from mediasflow_async.delivery.desk import Desk, value_or_error
from mediasflow_async.delivery.drafting import draft
from mediasflow_async.delivery.entries import Entry
from mediasflow_async.delivery.errors import KeyBusy, KeyConflict, LeaseLost
from mediasflow_async.delivery.holds import Hold
from mediasflow_async.delivery.launching import launch
from mediasflow_async.delivery.orders import Order
from mediasflow_async.delivery.receipts import Receipt, receipt_of
from mediasflow_async.delivery.states import State
from mediasflow_async.errors import MediasflowError, value_of
from mediasflow_async.masking import mask_text
from mediasflow_async.models import Campaign

__all__ = ["new_owner", "send_keyed", "take_further"]

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
