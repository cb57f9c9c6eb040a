"""Local time as leases count it, and the waits of a campaign on its way."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from mediasflow_async.errors import MediasflowError

__all__ = ["Clock", "boot_seconds", "clock_of"]


class Clock(Protocol):
    """What a campaign's way needs of time. The simulation has one of its own."""

    def seconds(self) -> float:
        """Return the seconds since some moment; they go on while the machine sleeps."""
        ...

    async def pause(self, seconds: float) -> MediasflowError | None:
        """Wait, and let another campaign have the place meanwhile.

        Returns:
            None, or at once why there is no more time to wait.
        """
        ...


def clock_of(clocks: Any) -> Callable[[], float]:
    """Return the clock among those of the `time` module that goes on while the machine sleeps.

    `time.monotonic` stands still on a machine that sleeps, and a lease that is counted by it
    would still look good when everybody else has seen it end.
    """
    for name in ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC"):
        number = getattr(clocks, name, None)
        if number is not None:
            return partial(clocks.clock_gettime, number)
    monotonic: Callable[[], float] = clocks.monotonic
    return monotonic


boot_seconds: Final = clock_of(time)
"""Returns the seconds since this machine started, those that it slept included."""
