"""The verbs of `mediasflow batch` that work on a journal alone, without a file of campaigns.

`status` shows what the journal says, `resolve` records what a person found out about a campaign
that is in doubt, `resume` brings to an end what a process that died had begun, and `export`,
`check` and `purge` maintain the journal. None of them makes a journal where there is none.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import timedelta
from typing import Annotated, Any, Final

import anyio
from cyclopts import Parameter
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from mediasflow_async.cli.console import ExitCode, console, failure_panel, print_json
from mediasflow_async.cli.options import (
    JournalOption,
    JsonOption,
    SenderOptions,
    Target,
    YesOption,
    open_existing,
    server_target,
)
from mediasflow_async.cli.safety import confirm_batch, refuse_unattended, stoppable
from mediasflow_async.cli.views import Fact, facts_table
from mediasflow_async.delivery import Parked, Resumption, Sender, State
from mediasflow_async.delivery.recovery import parked
from mediasflow_async.delivery.recovery import resolve as record
from mediasflow_async.errors import ConfigurationError, value_of

__all__ = ["check", "export", "purge", "resolve", "resume", "show_parked", "status"]

_MEANINGS: Final = {
    State.NEW: "the key is known, and nothing was sent",
    State.PREPARED: "a draft is ready, and nothing was sent",
    State.LAUNCHING: "a launch may have left, and is found out about",
    State.LAUNCHED: "the server has it",
    State.REJECTED: "refused, and nothing was sent",
    State.PARKED: "waits for a person",
    State.CANCELLED: "is not sent",
}


def status(*, journal: JournalOption = None, as_json: JsonOption = False) -> ExitCode:
    """Show how far campaigns have come, and which wait for a person; they end with 4.

    Parameters
    ----------
    journal
        The journal, as in `batch run`.
    as_json
        Print lines of JSON for programs: one for each that waits, then a summary.
    """
    return anyio.run(_status, journal, as_json)


async def _status(given: str | None, as_json: bool) -> ExitCode:  # noqa: FBT001 - for anyio.run
    screen = console(stderr=as_json)
    async with open_existing(given) as journal:
        counts = await journal.counts()
        screen.print(facts_table(_facts(counts)))
        if counts[State.PARKED]:
            screen.print()
        waiting = await show_parked(screen, parked(journal), as_json=as_json)
    if as_json:
        print_json({"kind": "summary", "states": {state.value: counts[state] for state in State}})
    return ExitCode.PARKED if waiting else ExitCode.OK


def _facts(counts: Mapping[State, int]) -> list[Fact]:
    return [(state.value, f"{counts[state]:,}", _MEANINGS[state]) for state in State]


async def show_parked(
    screen: Console, campaigns: AsyncGenerator[Parked, None], *, as_json: bool
) -> int:
    """Show the campaigns that wait for a person, and return how many there are.

    Args:
        screen: where people read about them.
        campaigns: them; closed in the end.
        as_json: print each as a line of JSON on the standard output instead.
    """
    count = 0
    async with aclosing(campaigns):
        async for campaign in campaigns:
            count += 1
            if as_json:
                print_json(_parked_data(campaign))
            else:
                _show_one(screen, campaign)
    return count


def _parked_data(campaign: Parked) -> dict[str, Any]:
    launched_at = campaign.launched_at
    return {
        "kind": "parked",
        "key": campaign.key,
        "campaign_id": campaign.campaign_id,
        "reason": campaign.reason,
        "since": campaign.since.isoformat(),
        "launched_at": None if launched_at is None else launched_at.isoformat(),
        "advice": campaign.advice,
    }


def _show_one(screen: Console, campaign: Parked) -> None:
    since = f"{campaign.since:%Y-%m-%d %H:%M} UTC"
    screen.print(
        Text.assemble(
            ("? ", "bold yellow"),
            (campaign.key, "bold"),
            f"  campaign {campaign.campaign_id}, {campaign.reason}, since {since}",
        ),
        soft_wrap=True,
    )
    screen.print(Padding(Text(_advice_with_options(campaign), style="dim"), (0, 2)))


def _advice_with_options(campaign: Parked) -> str:
    """Return the advice with the options of `batch resolve` for the arguments of `resolve`."""
    yes, no = "resolve it with --launched", "resolve it with --not-launched"
    advice = campaign.advice.replace("resolve the key with launched=True", yes)
    return advice.replace("resolve the key with launched=False", no)


def resolve(
    key: str,
    *,
    launched: Annotated[bool, Parameter(negative="--not-launched")],
    journal: JournalOption = None,
) -> None:
    """Record what you found out about a campaign that waits for a person; nothing is sent.

    Parameters
    ----------
    key
        Its key, as `batch status` shows it.
    launched
        Whether it was sent or is scheduled. If it was not, it is never sent under this key.
    journal
        The journal, as in `batch run`.
    """
    anyio.run(_resolve, key, launched, journal)


async def _resolve(key: str, launched: bool, given: str | None) -> None:  # noqa: FBT001 - for anyio.run
    async with open_existing(given) as journal:
        receipt = value_of(await record(journal, key, launched=launched))
    console().print(Text(f"{key}: campaign {receipt.campaign_id} is {receipt.state}."))


def resume(
    *,
    journal: JournalOption = None,
    sending: SenderOptions | None = None,
    base_url: str | None = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
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
    begun = anyio.run(_count_begun, journal)
    # Typed between two event loops, since Ctrl-C cannot reach a prompt inside of one.
    if begun and not yes:
        what = "1 campaign that was begun" if begun == 1 else f"{begun:,} campaigns that were begun"
        confirm_batch(screen, what, begun, target.base_url)
    arguments = (sending or SenderOptions()).arguments()
    resumption, is_signalled = anyio.run(_resume, screen, target, journal, arguments)
    return _show_resumption(screen, resumption, is_signalled=is_signalled, as_json=as_json)


async def _count_begun(given: str | None) -> int:
    """Return how many campaigns have a draft and no end, those of live processes too."""
    async with open_existing(given) as journal:
        counts = await journal.counts()
    return counts[State.PREPARED] + counts[State.LAUNCHING]


async def _resume(
    screen: Console, target: Target, given: str | None, arguments: dict[str, Any]
) -> tuple[Resumption, bool]:
    """Return what became of the campaigns, and whether a signal stopped the sender."""
    resumption = Resumption(ended={})

    def say(text: str) -> None:
        screen.print(text, soft_wrap=True)

    async with (
        target.open_session() as session,
        open_existing(given) as journal,
        Sender(session, journal, **arguments) as sender,
        stoppable(sender, say) as stop,
    ):
        resumption = await sender.resume()
    return resumption, stop.is_signalled


def _show_resumption(
    screen: Console, resumption: Resumption, *, is_signalled: bool, as_json: bool
) -> ExitCode:
    code = _exit_code(resumption, is_signalled=is_signalled)
    if resumption.error is not None and not is_signalled:
        screen.print(failure_panel(resumption.error))
    ended = {state.lower(): resumption.ended.get(state, 0) for state in State if not state.is_open}
    counts = ", ".join(f"{count:,} {state}" for state, count in ended.items() if count)
    left = f", {resumption.unfinished:,} not ended yet" if resumption.unfinished else ""
    screen.print(Text(f"Brought to their end: {counts or 'none'}{left}."), soft_wrap=True)
    if as_json:
        summary = {"kind": "summary", "exit_code": code, "unfinished": resumption.unfinished}
        print_json(summary | ended)
    return code


def _exit_code(resumption: Resumption, *, is_signalled: bool) -> ExitCode:
    if is_signalled:
        return ExitCode.INTERRUPTED
    if resumption.ended.get(State.PARKED):
        return ExitCode.PARKED
    return ExitCode.FAILED if resumption.unfinished else ExitCode.OK


def export(*, journal: JournalOption = None) -> None:
    """Print the journal as lines of JSON: keys, digests, campaign numbers, states and times.

    Parameters
    ----------
    journal
        The journal, as in `batch run`.
    """
    anyio.run(_export, journal)


async def _export(given: str | None) -> None:
    async with open_existing(given) as journal, aclosing(journal.export()) as lines:
        async for line in lines:
            sys.stdout.write(f"{line}\n")


def check(*, journal: JournalOption = None) -> ExitCode:
    """Check that the journal is sound; it ends with 1 when it is not.

    Parameters
    ----------
    journal
        The journal, as in `batch run`.
    """
    return anyio.run(_check, journal)


async def _check(given: str | None) -> ExitCode:
    screen = console()
    async with open_existing(given) as journal:
        problems = await journal.check()
        count = sum((await journal.counts()).values())
    for problem in problems:
        screen.print(Text.assemble(("✗ ", "red"), problem), soft_wrap=True)
    if not problems:
        screen.print(Text.assemble(("✓ ", "bold green"), f"The journal is sound: {count:,} keys."))
    return ExitCode.FAILED if problems else ExitCode.OK


def purge(*, older_than: timedelta, journal: JournalOption = None) -> None:
    """Forget campaigns that ended long ago; what is open or waits for a person stays.

    A key that is forgotten is no longer protected: sent again, it is a new campaign.

    Parameters
    ----------
    older_than
        How long they have not changed: 90d, 12h.
    journal
        The journal, as in `batch run`.
    """
    if older_than <= timedelta(0):
        raise ConfigurationError("--older-than is a time such as 90d or 12h, and more than none")
    anyio.run(_purge, older_than, journal)


async def _purge(older_than: timedelta, given: str | None) -> None:
    async with open_existing(given) as journal:
        count = await journal.purge(older_than)
    console().print(f"{count:,} {'key is' if count == 1 else 'keys are'} forgotten.")
