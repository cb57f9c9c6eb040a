"""What became of the campaigns that others had left behind."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Final

import anyio
from attrs import frozen

from mediasflow_async.concurrency import Outcomes
from mediasflow_async.delivery.clocks import boot_seconds
from mediasflow_async.delivery.desk import value_or_error
from mediasflow_async.delivery.holds import Hold
from mediasflow_async.delivery.journal import Journal
from mediasflow_async.delivery.keyed import new_owner
from mediasflow_async.delivery.places import custody, given_back
from mediasflow_async.delivery.policy import Policy
from mediasflow_async.delivery.receipts import Receipt
from mediasflow_async.delivery.states import State
from mediasflow_async.errors import MediasflowError, value_of

__all__ = ["Resumption", "left_behind", "resumption_of"]

_AT_ONCE: Final = 20


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


async def left_behind(
    journal: Journal, policy: Policy, *, is_wanted: Callable[[], bool]
) -> AsyncGenerator[Hold, None]:
    """Take over what dead or finished owners have left until now, a few at a time.

    Left early, it gives back what it has taken and not given.

    Args:
        journal: where to take it.
        policy: how long it is held.
        is_wanted: asked before any more is taken.
    """
    before = await journal.now()
    while is_wanted():
        holds = await _taken(journal, policy, before)
        if not holds:
            return
        async with custody(partial(_release, holds)):
            while holds:
                yield holds.popleft()


async def _taken(journal: Journal, policy: Policy, before: datetime) -> deque[Hold]:
    owner = new_owner()
    asked = boot_seconds()
    async with custody(partial(journal.disclaim, owner)):
        take = journal.take(owner=owner, lease=policy.lease, limit=_AT_ONCE, before=before)
        taken = await value_or_error(take)
    entries = value_of(taken)
    return deque(Hold(journal, boot_seconds, policy, entry, asked) for entry in entries)


async def _release(holds: Iterable[Hold]) -> None:
    """Give entries back, together, that nothing was begun with."""
    async with anyio.create_task_group() as tasks:
        for hold in holds:
            tasks.start_soon(given_back, hold.release)


async def _release_the_rest(outcomes: Outcomes[Hold, Receipt]) -> None:
    """Give back what was taken over and is still held when the rest was cut short."""
    holds = (outcome.item for outcome in outcomes.unfinished)
    await _release(hold for hold in holds if hold.entry.owner is not None)


async def resumption_of(outcomes: Outcomes[Hold, Receipt]) -> Resumption:
    """Wait for all outcomes and count them; cut short, give back what was not begun."""
    ended: Counter[State] = Counter()
    unfinished, latest = 0, None
    async with custody(partial(_release_the_rest, outcomes)), outcomes:
        async for outcome in outcomes:
            if outcome.value is not None:
                ended[outcome.value.state] += 1
            else:
                unfinished, latest = unfinished + 1, outcome.error
    return Resumption(ended=dict(ended), unfinished=unfinished, error=latest)
