"""The output of every command: consoles, headings, JSON for programs, failures, exit codes.

A command that fails raises. `mediasflow_async.cli.app` shows the error as the `failure_panel` and
ends the process with its `exit_code_of`, so that all commands fail alike.
"""

from __future__ import annotations

import io
import json
import sys
from enum import IntEnum
from typing import Any, Final

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.text import Text

from mediasflow_async.errors import (
    ConfigurationError,
    InvalidRequest,
    MediasflowError,
    may_have_sent,
)

__all__ = [
    "CommandStopped",
    "ExitCode",
    "console",
    "done",
    "exit_code_of",
    "failure_panel",
    "hint",
    "indented",
    "never_fail_on_characters",
    "print_json",
    "step",
    "title",
]


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


class CommandStopped(Exception):
    """Ends a command early, without a fault in the program.

    Args:
        message: why, and what was done before.
        exit_code: what the command ends with.
    """

    def __init__(self, message: str, exit_code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def exit_code_of(error: BaseException) -> ExitCode:
    """Return the exit code of a command that raised `error`."""
    if isinstance(error, CommandStopped):
        return error.exit_code
    if isinstance(error, MediasflowError) and may_have_sent(error):
        return ExitCode.DELIVERY_UNKNOWN
    if isinstance(error, ConfigurationError | InvalidRequest):
        return ExitCode.USAGE
    return ExitCode.INTERRUPTED if isinstance(error, KeyboardInterrupt) else ExitCode.FAILED


_TITLES: Final = {
    ExitCode.FAILED: "Failed",
    ExitCode.USAGE: "Not possible like this",
    ExitCode.DELIVERY_UNKNOWN: "SMS may have been sent",
    ExitCode.PARKED: "Waiting for a person",
    ExitCode.INTERRUPTED: "Interrupted",
}


def failure_panel(error: BaseException) -> Panel:
    """Return the panel that says what went wrong: the message of an error and its notes."""
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
    if isinstance(error, InvalidRequest) and len(error.problems) > 1:
        return "\n".join((*map(str, error.problems), error.next_step))
    return str(error) or "Stopped."


_MAX_WIDTH: Final = 100
_INDENT: Final = 3


def console(*, stderr: bool = False) -> Console:
    """Return a console as wide as its terminal, but at most 100 columns, which read well."""
    made = Console(stderr=stderr, highlight=False)
    made.width = min(made.width, _MAX_WIDTH)
    return made


def never_fail_on_characters() -> None:
    """Let standard output and error write `?` for a character that their encoding lacks."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def print_json(data: Any, *, indent: int | None = None) -> None:
    """Print JSON for programs on the standard output, at once, also where that is a pipe.

    Args:
        data: the JSON data.
        indent: spaces for each level; on a single line by default.
    """
    sys.stdout.write(json.dumps(data, ensure_ascii=False, indent=indent) + "\n")
    sys.stdout.flush()


def title(screen: Console, text: str, subtitle: str) -> None:
    """Print what a command is about to do, and where."""
    lines = Text.assemble((text, "bold"), "\n", (subtitle, "dim"))
    screen.print(Panel(lines, border_style="cyan", padding=(0, 2)))


def step(screen: Console, number: int, text: str) -> None:
    """Print the heading of a step."""
    screen.print()
    screen.rule(f"[bold cyan]{number}[/] [bold]{text}[/]", align="left", style="bright_black")
    screen.print()


def indented(screen: Console, content: RenderableType) -> None:
    """Print what belongs to a step, indented under its heading."""
    screen.print(Padding(content, (0, _INDENT), expand=False))


def hint(screen: Console, text: str) -> None:
    """Print a suggestion, dimmed."""
    indented(screen, Text(text, style="dim"))


def done(screen: Console, text: str) -> None:
    """Print that something is done, with a check mark."""
    indented(screen, Text.assemble(("✓ ", "bold green"), text))
