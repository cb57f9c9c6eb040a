"""Where commands write, and what they end with."""

from __future__ import annotations

import io
import sys
from enum import IntEnum
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.text import Text

from mediasflow_async.errors import ConfigurationError, DeliveryUnknown, InvalidRequest
from mediasflow_async.models import DeliveryCategory

__all__ = [
    "COLOURS",
    "NAMES",
    "CommandStopped",
    "ExitCode",
    "console",
    "done",
    "exit_code_of",
    "failure_panel",
    "hint",
    "indented",
    "never_fail_on_characters",
    "step",
    "title",
]


_WIDEST: Final = 100


def console(*, stderr: bool = False) -> Console:
    """Return a console, as wide as its terminal but no wider than is good to read."""
    made = Console(stderr=stderr, highlight=False)
    made.width = min(made.width, _WIDEST)
    return made


def never_fail_on_characters() -> None:
    """Write `?` for what the terminal's encoding does not have."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


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


_INDENT = 3


def title(console: Console, text: str, subtitle: str) -> None:
    """Print what a command is about to do, and where."""
    lines = Text.assemble((text, "bold"), "\n", (subtitle, "dim"))
    console.print(Panel(lines, border_style="cyan", padding=(0, 2)))


def step(console: Console, number: int, text: str) -> None:
    """Print the heading of a step."""
    console.print()
    console.rule(f"[bold cyan]{number}[/] [bold]{text}[/]", align="left", style="bright_black")
    console.print()


def indented(console: Console, content: RenderableType) -> None:
    """Print what belongs to a step."""
    console.print(Padding(content, (0, _INDENT), expand=False))


def hint(console: Console, text: str) -> None:
    """Print what could be done next."""
    indented(console, Text(text, style="dim"))


def done(console: Console, text: str) -> None:
    """Print that something is done."""
    indented(console, Text.assemble(("✓ ", "bold green"), text))


COLOURS: Final = {
    DeliveryCategory.DELIVERED: "green",
    DeliveryCategory.PENDING: "yellow",
    DeliveryCategory.FAILED: "red",
    DeliveryCategory.NOT_SENT: "magenta",
    DeliveryCategory.BLOCKED: "bright_black",
    DeliveryCategory.UNKNOWN: "cyan",
}
"""Terminal colour by category, in the order in which categories are shown."""

NAMES: Final = {
    DeliveryCategory.DELIVERED: "delivered",
    DeliveryCategory.PENDING: "on the way",
    DeliveryCategory.FAILED: "failed",
    DeliveryCategory.NOT_SENT: "not sent",
    DeliveryCategory.BLOCKED: "blocked",
    DeliveryCategory.UNKNOWN: "unknown",
}
"""What a category is called in a legend."""
