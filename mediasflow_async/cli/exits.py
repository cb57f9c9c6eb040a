"""What the `mediasflow` command ends with."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["ExitCode"]


class ExitCode(IntEnum):
    """How a command ended, for the shell and for scripts."""

    OK = 0
    """Everything that was asked for is done."""
    FAILED = 1
    """The API refused, something else failed, or a preflight found problems."""
    USAGE = 2
    """Wrong usage or configuration; nothing was sent."""
    DELIVERY_UNKNOWN = 3
    """SMS may have been sent: check before you run the command again."""
    INTERRUPTED = 130
    """Stopped by Ctrl-C."""
