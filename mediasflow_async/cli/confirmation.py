"""What stands between the demo and real SMS."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from mediasflow_async.cli.failures import CommandStopped
from mediasflow_async.cli.target import is_on_this_machine
from mediasflow_async.errors import ConfigurationError
from mediasflow_async.models import Campaign

__all__ = ["confirm", "refuse_unsafe", "typed"]


def refuse_unsafe(base_url: str, csv: Path | None, *, yes: bool) -> None:
    """Refuse what could send SMS by accident, before anything leaves.

    Raises:
        ConfigurationError: says what to do instead.
    """
    is_local = is_on_this_machine(base_url)
    if not is_local:
        if csv is None:
            raise ConfigurationError(
                "the recipients of the demo are fictitious: give your own list with --csv"
            )
        if yes:
            raise ConfigurationError(
                "--yes works for a server on this machine only: before real SMS are sent, "
                "their number has to be typed"
            )
    if not yes and not sys.stdin.isatty():
        raise ConfigurationError(
            "the launch has to be confirmed in a terminal, and the standard input is none"
            + (": add --yes" if is_local else "")
        )


def confirm(console: Console, draft: Campaign, base_url: str) -> None:
    """Return when the number of recipients was typed.

    Raises:
        CommandStopped: something else was typed, or the number is not known.
    """
    people = draft.count_valid
    stays = f"Nothing was sent; campaign {draft.id} stays a draft."
    if people is None:
        raise CommandStopped(f"The platform does not say how many SMS it would send. {stays}")
    console.print()
    console.print(_warning(people, draft.credit_count, base_url))
    if typed(console, "Number of recipients") != str(people):
        raise CommandStopped(f"Not confirmed. {stays}")


def typed(console: Console, name: str) -> str:
    """Return what is typed when it is asked for, without spaces and commas."""
    try:
        answer = console.input(Text(f"{name}: ", style="bold"))
    except EOFError:
        return ""
    return "".join(answer.split()).replace(",", "")


def _warning(people: int, credit_count: float | None, base_url: str) -> Panel:
    cost = "an unknown number of" if credit_count is None else f"{credit_count:,.0f}"
    text = Text.assemble(
        ("Real SMS will be sent ", "bold"),
        (f"to {people:,} people, for {cost} credits", "bold red"),
        (f", through {base_url}\n", "bold"),
        "Type the number of recipients to launch, or anything else to stop.",
    )
    return Panel(text, border_style="red", padding=(0, 1))
