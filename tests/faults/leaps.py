"""Time that passes when a test says so: timeouts and deadlines without waiting or luck."""

from __future__ import annotations

import asyncio

__all__ = ["LeapingClock"]


class LeapingClock:
    """The clock of the running event loop, which can be set forward.

    Whatever waits for a moment in the loop, be it a timeout of a transport or the deadline of a
    call, ends at the next turn of the loop, as if that much time had really passed. Nothing ends
    before that, however slow the machine is.
    """

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        # Another test may have set it forward already: time does not go back.
        self._now = loop.time
        self._ahead_seconds = 0.0
        # A loop has no seam for its clock but this method.
        setattr(loop, "time", self._time)  # noqa: B010 - mypy allows no other way

    def leap(self, seconds: float) -> None:
        """Set the clock forward."""
        self._ahead_seconds += seconds

    def _time(self) -> float:
        return self._now() + self._ahead_seconds
