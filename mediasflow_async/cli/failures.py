"""Errors as the command line shows them: one panel, one exit code, no traceback."""

from __future__ import annotations

from typing import Final

from rich.console import Group
from rich.panel import Panel
from rich.text import Text

from mediasflow_async.cli.exits import ExitCode
from mediasflow_async.errors import (
    ConfigurationError,
    DeliveryUnknown,
    InvalidRequest,
)

__all__ = ["CommandStopped", "exit_code_of", "failure_panel"]

_TITLES: Final = {
    ExitCode.FAILED: "Failed",
    ExitCode.USAGE: "Not possible like this",
    ExitCode.DELIVERY_UNKNOWN: "SMS may have been sent",
    ExitCode.PARKED: "Waiting for a person",
    ExitCode.INTERRUPTED: "Interrupted",
}


class CommandStopped(Exception):
    """A command ends before its end.

    Args:
        message: why, and what was done until then.
        exit_code: what the command ends with.
    """

    def __init__(self, message: str, exit_code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def exit_code_of(error: BaseException) -> ExitCode:
    """Return what a command that ends with `error` ends with."""
    if isinstance(error, CommandStopped):
        return error.exit_code
    if isinstance(error, DeliveryUnknown):
        return ExitCode.DELIVERY_UNKNOWN
    if isinstance(error, ConfigurationError | InvalidRequest):
        return ExitCode.USAGE
    return ExitCode.INTERRUPTED if isinstance(error, KeyboardInterrupt) else ExitCode.FAILED


def failure_panel(error: BaseException) -> Panel:
    """Return the panel that says what went wrong, with what was noted on the way."""
    code = exit_code_of(error)
    style = "yellow" if code is ExitCode.INTERRUPTED else "red"
    lines = [_message(error), *getattr(error, "__notes__", ())]
    return Panel(
        Group(*map(Text, lines)),
        title=Text(_TITLES[code], style=f"bold {style}"),
        title_align="left",
        border_style=style,
        padding=(0, 1),
    )


def _message(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return str(error) or "Stopped."
