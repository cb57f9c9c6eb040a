"""What the `mediasflow` command ends with."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["ExitCode"]


class ExitCode(IntEnum):
    """How a command ended, for the shell and for scripts."""

    OK = 0
    """Everything that was asked for is done."""
    FAILED = 1
    """The API refused, something else failed, or what was looked at has problems."""
    USAGE = 2
    """Wrong usage or configuration; nothing was sent."""
    DELIVERY_UNKNOWN = 3
    """SMS may have been sent: check before you run the command again."""
    PARKED = 4
    """A campaign of the batch waits for a person: see `mediasflow batch status`."""
    INTERRUPTED = 130
    """Stopped by Ctrl-C, or a batch by SIGTERM too; a batch goes on when it is run again."""
