"""`mediasflow batch resume`: what a batch left behind is brought to its end."""

from __future__ import annotations

from typing import Annotated, Any

import anyio
from cyclopts import Parameter
from rich.console import Console
from rich.text import Text

from mediasflow_async.cli.batch_confirmation import confirm_batch, refuse_unattended
from mediasflow_async.cli.consoles import console
from mediasflow_async.cli.exits import ExitCode
from mediasflow_async.cli.failures import failure_panel
from mediasflow_async.cli.journal_option import JournalOption, open_existing
from mediasflow_async.cli.parked_view import print_json
from mediasflow_async.cli.sender_options import SenderOptions
from mediasflow_async.cli.stoppable import stoppable
from mediasflow_async.cli.target import Target, server_target
from mediasflow_async.delivery import Resumption, Sender, State

__all__ = ["resume"]


def resume(
    *,
    journal: JournalOption = None,
    sending: SenderOptions | None = None,
    base_url: str | None = None,
    yes: Annotated[bool, Parameter(negative=())] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> ExitCode:
    """Bring to their end the campaigns that a dead process had prepared or launched.

    It needs no file, and takes up nothing of a process that still works. It ends with 0, or
    with 1 when some could not be brought to their end, 4 when some now wait for a person, and
    130 when a signal stopped it.

    Parameters
    ----------
    journal
        The journal, as in `batch run`.
    sending
        How it is sent.
    base_url
        The server, instead of MEDIASFLOW_BASE_URL.
    yes
        Send without asking.
    as_json
        Print a summary for programs; what people read goes to the standard error.
    """
    refuse_unattended(yes=yes)
    screen = console(stderr=as_json)
    target = server_target(base_url)
    left = anyio.run(_left_behind, journal)
    if left and not yes:
        what = "1 campaign that was begun" if left == 1 else f"{left:,} campaigns that were begun"
        confirm_batch(screen, what, left, target.base_url)
    arguments = (sending or SenderOptions()).arguments()

    async def resumed() -> ExitCode:
        done, is_signalled = await _resumed(screen, target, journal, arguments)
        return _told(screen, done, is_signalled=is_signalled, as_json=as_json)

    return anyio.run(resumed)


async def _left_behind(given: str | None) -> int:
    """Return how many campaigns have a draft and no end, those of live processes too."""
    async with open_existing(given) as journal:
        counts = await journal.counts()
    return counts[State.PREPARED] + counts[State.LAUNCHING]


async def _resumed(
    screen: Console, target: Target, given: str | None, arguments: dict[str, Any]
) -> tuple[Resumption, bool]:
    """Return what was done, and whether a signal stopped it."""
    done = Resumption(ended={})

    def say(text: str) -> None:
        screen.print(text, soft_wrap=True)

    async with (
        target.open_session() as session,
        open_existing(given) as journal,
        Sender(session, journal, **arguments) as sender,
        stoppable(sender, say) as stop,
    ):
        done = await sender.resume()
    return done, stop.is_signalled


def _told(screen: Console, done: Resumption, *, is_signalled: bool, as_json: bool) -> ExitCode:
    code = _exit_code(done, is_signalled=is_signalled)
    if done.error is not None and not is_signalled:
        screen.print(failure_panel(done.error))
    ended = {state.lower(): done.ended.get(state, 0) for state in State if not state.is_open}
    counts = ", ".join(f"{count:,} {state}" for state, count in ended.items() if count)
    left = f", {done.unfinished:,} not ended yet" if done.unfinished else ""
    screen.print(Text(f"Brought to their end: {counts or 'none'}{left}."), soft_wrap=True)
    if as_json:
        print_json({"kind": "summary", "exit_code": code, "unfinished": done.unfinished} | ended)
    return code


def _exit_code(done: Resumption, *, is_signalled: bool) -> ExitCode:
    if is_signalled:
        return ExitCode.INTERRUPTED
    if done.ended.get(State.PARKED):
        return ExitCode.PARKED
    return ExitCode.FAILED if done.unfinished else ExitCode.OK
