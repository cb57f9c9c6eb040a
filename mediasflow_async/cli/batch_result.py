"""How a batch ended: what people read, what programs read, and the exit code."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from mediasflow_async.cli.batch_progress import counts_text
from mediasflow_async.cli.batch_tally import Ending, Tally
from mediasflow_async.cli.exits import ExitCode
from mediasflow_async.cli.failures import failure_panel
from mediasflow_async.cli.parked_view import print_json, show_parked
from mediasflow_async.delivery import Sender

__all__ = ["finish"]

_GO_ON = "Nothing is lost: run the same command again, and it goes on where it stood."
_LOOK = "mediasflow batch status shows what waits for a person, and what to look at."


async def finish(
    screen: Console, sender: Sender, tally: Tally, *, is_signalled: bool, as_json: bool
) -> ExitCode:
    """Tell how a run ended and return its exit code.

    Args:
        screen: where people read it.
        sender: knows what waits for a person.
        tally: what became of the lines.
        is_signalled: whether a signal stopped it.
        as_json: print what programs read, too.
    """
    code = tally.exit_code(is_signalled=is_signalled)
    if tally.give_up is not None:
        screen.print(failure_panel(tally.give_up))
    screen.print(Text.assemble(("Campaigns: ", "bold"), counts_text(tally)), soft_wrap=True)
    if tally.counts[Ending.PARKED]:
        screen.print(_LOOK, soft_wrap=True)
    if code is ExitCode.INTERRUPTED or tally.can_go_on:
        screen.print(_GO_ON, soft_wrap=True)
    if as_json:
        await show_parked(screen, sender.parked(), as_json=True)
        print_json({"kind": "summary", "exit_code": code, **tally.as_json()})
    return code
