"""What holds the requests of a session back: its rate, and its reserve of retries."""

from __future__ import annotations

import time
from typing import Final

import anyio

__all__ = ["Pacer", "RetryQuota"]


class Pacer:
    """Spaces requests so that no more than `rate` start in any second (GCRA, no burst).

    Args:
        rate: requests per second.
    """

    def __init__(self, rate: float) -> None:
        self._interval_seconds = 1 / rate
        self._next_start = 0.0

    async def wait(self, lock: anyio.Lock) -> None:
        """Wait until the next request may start; a wait that is cancelled takes nothing.

        Args:
            lock: of the running event loop, the same for all that wait in it.
        """
        async with lock:
            await anyio.sleep(max(0.0, self._next_start - time.monotonic()))
            self._next_start = time.monotonic() + self._interval_seconds


_REFUND_PER_SUCCESS: Final = 0.1


class RetryQuota:
    """How many retries a session may still make; successes earn new ones.

    While the server is well, a tenth of the traffic may be retries for ever. In an outage the
    reserve is used up and the load falls to one attempt per call, instead of a multiple.

    Args:
        capacity: the reserve, in retries; None for no limit.
    """

    def __init__(self, capacity: float | None) -> None:
        self._capacity = capacity
        self._left = 0.0 if capacity is None else float(capacity)

    def take(self) -> bool:
        """Take one retry; False when none is left."""
        if self._capacity is None:
            return True
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def earn(self) -> None:
        """Note a call that succeeded."""
        if self._capacity is not None:
            self._left = min(self._capacity, self._left + _REFUND_PER_SUCCESS)
