"""`mediasflow sandbox`: run a local Mediasflow until it is stopped.

It prints the environment variables of a client as lines for a shell, and which phone numbers end
in which status, so that any program can be tried on it.
"""

from __future__ import annotations

import os
import shlex
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mediasflow_async.cli.console import console, title
from mediasflow_async.cli.options import Seconds, local_server
from mediasflow_async.cli.views import CATEGORY_COLOURS, CATEGORY_NAMES
from mediasflow_async.models import DeliveryStatus

if TYPE_CHECKING:
    from mediasflow_async.sandbox import Sandbox

__all__ = ["sandbox"]

_PASSWORD: Final = "MEDIASFLOW_SANDBOX_PASSWORD"  # noqa: S105  the name of a variable
# On Windows, a wait without a timeout is not interrupted by Ctrl-C.
_WAIT_SECONDS: Final = 1.0
_STATUS_CODES: Final = range(100)


def sandbox(
    *,
    port: Annotated[int, Parameter(validator=Number(gte=0, lte=65_535))] = 8025,
    database: Path | None = None,
    username: str = "demo",
    delivery_seconds: Seconds = 8.0,
) -> None:
    """Run a local Mediasflow until Ctrl-C; no SMS leaves this machine.

    The password is that of MEDIASFLOW_SANDBOX_PASSWORD, or a new one that is printed once.

    Parameters
    ----------
    port
        Where it listens, on this machine only; 0 for any free port.
    database
        File that keeps its state; in memory by default.
    username
        What to log in with.
    delivery_seconds
        How long it takes to deliver a campaign.
    """
    screen = console()
    stopping = _stop_signal()
    server = local_server(
        delivery_seconds=delivery_seconds,
        port=port,
        username=username,
        password=os.environ.get(_PASSWORD),
        database=database,
    )
    with server as running:
        _introduce(screen, running)
        while not stopping.wait(_WAIT_SECONDS):
            pass
    screen.print("\nThe sandbox has stopped.")


def _stop_signal() -> threading.Event:
    """Return an event that SIGINT and SIGTERM set."""
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    return stopping


def _introduce(screen: Console, running: Sandbox) -> None:
    title(screen, "The Mediasflow sandbox runs", "No SMS leaves this machine. Ctrl-C stops it.")
    screen.print("\n[bold]For your program, or another terminal:[/]\n")
    for name, value in _variables(running).items():
        screen.print(Text(f"export {name}={value}"), soft_wrap=True)
    screen.print(f"\n[dim]The password is new at every start, unless {_PASSWORD} holds one.[/]")
    screen.print("\n[bold]Numbers that end in a status:[/] +3360000SSxx ends in status SS\n")
    screen.print(_statuses_table())


def _variables(running: Sandbox) -> dict[str, str]:
    """Return the environment variables of a client, their values quoted for a shell."""
    is_known = bool(os.environ.get(_PASSWORD))
    return {
        "MEDIASFLOW_BASE_URL": shlex.quote(running.base_url),
        "MEDIASFLOW_USERNAME": shlex.quote(running.username),
        "MEDIASFLOW_PASSWORD": f'"${_PASSWORD}"' if is_known else shlex.quote(running.password),
    }


def _statuses_table() -> Table:
    """Return the codes of all known statuses with their labels, a row for each category."""
    table = Table.grid(padding=(0, 2))
    statuses = [status for status in map(DeliveryStatus, _STATUS_CODES) if status.is_known]
    for category, colour in CATEGORY_COLOURS.items():
        of_category = [status for status in statuses if status.category is category]
        if of_category:
            name = Text(f"● {CATEGORY_NAMES[category]}", style=colour, no_wrap=True)
            table.add_row(name, Text(", ").join(map(_coded, of_category)))
    return table


def _coded(status: DeliveryStatus) -> Text:
    return Text.assemble((f"{status.code:02}", "bold"), f" {status.label}")
