"""What became of the campaigns that others had left behind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from attrs import frozen

from mediasflow_async.concurrency import Outcomes
from mediasflow_async.delivery.holds import Hold
from mediasflow_async.delivery.receipts import Receipt
from mediasflow_async.delivery.states import State
from mediasflow_async.errors import MediasflowError

__all__ = ["Resumption", "resumption_of"]


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


async def resumption_of(outcomes: Outcomes[Hold, Receipt]) -> Resumption:
    """Wait for all outcomes and count them."""
    ended: Counter[State] = Counter()
    unfinished, latest = 0, None
    async with outcomes:
        async for outcome in outcomes:
            if outcome.value is not None:
                ended[outcome.value.state] += 1
            else:
                unfinished, latest = unfinished + 1, outcome.error
    return Resumption(ended=dict(ended), unfinished=unfinished, error=latest)
