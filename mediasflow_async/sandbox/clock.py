"""The sandbox's time, which tests can move forward."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class Clock:
    """The machine's clock plus an offset that only `advance` changes."""

    def __init__(self) -> None:
        self._offset = timedelta()

    def now(self) -> datetime:
        """Return the sandbox's present as an aware UTC datetime."""
        return datetime.now(UTC) + self._offset

    def advance(self, by: timedelta) -> None:
        """Move the sandbox's present forward.

        Raises:
            ValueError: `by` is negative; messages that have arrived cannot be taken back.
        """
        if by < timedelta():
            raise ValueError("the sandbox's clock only goes forward; use reset() to start again")
        self._offset += by

    def reset(self) -> None:
        """Return to the machine's clock."""
        self._offset = timedelta()

    def __repr__(self) -> str:
        return f"Clock(now={self.now().isoformat()})"
