"""The clock of a SQLite journal, which no step of the machine's wall clock moves."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Final

from attrs import frozen

from mediasflow_async.delivery.clocks import boot_seconds

__all__ = ["Clock", "boot_id", "shared_clock"]

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS mediasflow_clock ("
    "id integer PRIMARY KEY CHECK (id = 1), boot text NOT NULL, offset_us bigint NOT NULL)"
)
_KNOWN: Final = "SELECT offset_us FROM mediasflow_clock WHERE boot = ?"
_LAST: Final = "SELECT coalesce(max(updated_at), 0) FROM mediasflow_entries"
_KEEP: Final = "INSERT OR REPLACE INTO mediasflow_clock (id, boot, offset_us) VALUES (1, ?, ?)"


def boot_id() -> str | None:
    """Return what the system calls its last start, or None where it does not say."""
    return _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else None


@frozen
class Clock:
    """Counts on from a moment of the wall clock, in microseconds since 1970.

    Attributes:
        offset_us: that moment, less the time that the machine had been up by then.
    """

    offset_us: int

    def now_us(self) -> int:
        """Return the present moment."""
        return self.offset_us + _up_us()


def shared_clock(connection: sqlite3.Connection, boot: str | None) -> Clock:
    """Return the clock that all who share the journal go by, until the machine is restarted.

    A wait is as long as it says, and a lease ends for everybody at once, whatever is done to
    the wall clock. After a restart the clock is set by the wall clock again, and never to a
    moment before what the journal holds. Where the system does not name its starts, each
    process sets one for itself.

    Args:
        connection: the journal's, in a transaction that writes.
        boot: the system's name of its last start.
    """
    connection.execute(_TABLE)
    known = connection.execute(_KNOWN, [boot]).fetchone()
    if known:
        return Clock(known[0])
    last_us = connection.execute(_LAST).fetchone()[0]
    clock = Clock(max(time.time_ns() // 1000, last_us) - _up_us())
    if boot:
        connection.execute(_KEEP, [boot, clock.offset_us])
    return clock


def _up_us() -> int:
    return round(boot_seconds() * 1e6)
