"""Requests that are processed later than anybody waits for them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from mediasflow_async.sandbox.http import Call


class LateCalls:
    """Requests that wait for their time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[tuple[datetime, Call]] = []

    def add(self, call: Call, due: datetime) -> None:
        """Let a request wait until `due`."""
        with self._lock:
            self._waiting.append((due, call))

    def take(self, now: datetime) -> tuple[Call, ...]:
        """Return those whose time has come, each once, in the order of their times."""
        with self._lock:
            due = sorted((pair for pair in self._waiting if pair[0] <= now), key=lambda at: at[0])
            self._waiting = [pair for pair in self._waiting if pair[0] > now]
        return tuple(call for _, call in due)

    def clear(self) -> None:
        """Forget them all."""
        with self._lock:
            self._waiting.clear()
