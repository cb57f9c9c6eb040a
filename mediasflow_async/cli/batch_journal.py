"""What is done with the journal of a batch: look at it, decide, keep it sound."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import aclosing
from datetime import timedelta
from typing import Annotated, Final

import anyio
from cyclopts import Parameter
from rich.text import Text

from mediasflow_async.cli.console import ExitCode, console
from mediasflow_async.cli.options import JournalOption, open_existing
from mediasflow_async.cli.views import facts_table, print_json, show_parked
from mediasflow_async.delivery import State
from mediasflow_async.delivery.recovery import parked
from mediasflow_async.delivery.recovery import resolve as record
from mediasflow_async.errors import ConfigurationError, value_of

__all__ = ["check", "export", "purge", "resolve", "status"]

_MEANINGS: Final = {
    State.NEW: "the key is known, and nothing was sent",
    State.PREPARED: "a draft is ready, and nothing was sent",
    State.LAUNCHING: "a launch may have left, and is found out about",
    State.LAUNCHED: "the server has it",
    State.REJECTED: "refused, and nothing was sent",
    State.PARKED: "waits for a person",
    State.CANCELLED: "is not sent",
}


def status(
    *,
    journal: JournalOption = None,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> ExitCode:
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


def _facts(counts: Mapping[State, int]) -> list[tuple[str, str, str]]:
    return [(state.value, f"{counts[state]:,}", _MEANINGS[state]) for state in State]


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
