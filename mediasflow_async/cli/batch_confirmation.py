"""What stands between a batch and real SMS."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from mediasflow_async.cli.confirmation import typed
from mediasflow_async.cli.failures import CommandStopped
from mediasflow_async.errors import ConfigurationError

__all__ = ["confirm_batch", "refuse_unattended"]

_UNCOUNTED = "send"


def refuse_unattended(*, yes: bool) -> None:
    """Refuse to send what nobody can be asked about.

    Raises:
        ConfigurationError: says what to do instead.
    """
    if not yes and not sys.stdin.isatty():
        raise ConfigurationError(
            "the sending has to be confirmed in a terminal, and the standard input is none: "
            "add --yes"
        )


def confirm_batch(
    console: Console, what: str, campaigns: int | None, base_url: str, *, known: int = 0
) -> None:
    """Return when the number of campaigns was typed, or `send` where they were not counted.

    Args:
        console: where it is asked.
        what: what would be sent, in words.
        campaigns: how many campaigns, None where they were not counted.
        base_url: the server.
        known: how many campaigns the journal knows already.

    Raises:
        CommandStopped: something else was typed.
    """
    expected = _UNCOUNTED if campaigns is None else str(campaigns)
    name = f"The word {_UNCOUNTED}" if campaigns is None else "Number of campaigns"
    console.print()
    console.print(_warning(what, name.lower(), base_url, known))
    if typed(console, name) != expected:
        raise CommandStopped("Not confirmed. Nothing was sent.")


def _warning(what: str, name: str, base_url: str, known: int) -> Panel:
    known_already = (
        f"The journal knows {known:,} campaigns already: what of these was launched is not "
        "launched again.\n"
    )
    text = Text.assemble(
        ("Real SMS will be sent: ", "bold"),
        (what, "bold red"),
        (f", through {base_url}\n", "bold"),
        known_already if known else "",
        f"Type the {name.removeprefix('the ')} to send, or anything else to stop.",
    )
    return Panel(text, border_style="red", padding=(0, 1))
