"""The command line: its commands, and how each run of it ends.

A new command is a function in a file of its own, named in `_COMMANDS`; cyclopts makes its options
from the signature and its help from the docstring. What costs time or needs an extra is imported
inside the command, so that the help of the others stays fast and complete.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from cyclopts import App, CycloptsError
from rich.console import Console

import mediasflow_async
from mediasflow_async.cli.batch import batch
from mediasflow_async.cli.console import (
    CommandStopped,
    ExitCode,
    console,
    exit_code_of,
    failure_panel,
    never_fail_on_characters,
)
from mediasflow_async.cli.demo import demo
from mediasflow_async.cli.preflight import preflight
from mediasflow_async.cli.sandbox import sandbox
from mediasflow_async.cli.worker import worker
from mediasflow_async.errors import MediasflowError

__all__ = ["run"]

_COMMANDS: Final = (demo, preflight, sandbox, batch, worker)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; errors are shown on the standard error."""
    never_fail_on_characters()
    errors = console(stderr=True)
    try:
        found = _app(errors)(arguments)
    except CycloptsError:
        return ExitCode.USAGE
    except (MediasflowError, CommandStopped, OSError, sqlite3.Error, KeyboardInterrupt) as error:
        errors.print(failure_panel(error))
        return exit_code_of(error)
    return found if isinstance(found, ExitCode) else ExitCode.OK


def _app(errors: Console) -> App:
    app = App(
        name="mediasflow",
        help="SMS campaigns with Mediasflow.",
        version=lambda: mediasflow_async.__version__,
        console=console(),
        error_console=errors,
        exit_on_error=False,
        suppress_keyboard_interrupt=False,
        result_action="return_value",
    )
    for command in _COMMANDS:
        app.command(command)
    return app
