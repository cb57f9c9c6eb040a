"""`mediasflow batch run`: send the campaigns of a file."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import anyio
from attrs import define, field, frozen
from cyclopts import App, Parameter
from cyclopts.types import ExistingFile
from rich.console import Console
from rich.text import Text

from mediasflow_async.cli.batch_journal import (
    check,
    export,
    purge,
    resolve,
    resume,
    show_parked,
    status,
)
from mediasflow_async.cli.campaign_files import CampaignFile, Line, lines_of
from mediasflow_async.cli.console import (
    CommandStopped,
    ExitCode,
    console,
    failure_panel,
    print_json,
)
from mediasflow_async.cli.options import (
    CampaignOptions,
    FileOptions,
    JournalOption,
    SenderOptions,
    Target,
    open_or_make,
    server_target,
)
from mediasflow_async.cli.safety import Stop, confirm_batch, refuse_unattended, stoppable
from mediasflow_async.cli.tally import BatchProgress, Ended, Ending, Tally, counts_text, ended
from mediasflow_async.delivery import Journal, Sender, State
from mediasflow_async.delivery.orders import Order, digest_of, key_problems, order_problems
from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import Problem
from mediasflow_async.models import CampaignRequest
from mediasflow_async.secrecy import mask_text

__all__ = [
    "BatchSending",
    "Check",
    "Held",
    "batch",
    "checked",
    "finish",
    "held_by_others",
    "run",
    "stop_at_bad_lines",
]


_MOST_SHOWN: Final = 20


@define
class Check:
    """What a file of campaigns holds.

    Attributes:
        campaigns: how many campaigns.
        recipients: how many recipients they have, those of uploaded lists apart.
        lists: how many lists that were uploaded before they go to, too.
        bad: how many lines cannot be sent.
        shown: the first of these, and what is wrong with each.
    """

    campaigns: int = 0
    recipients: int = 0
    lists: int = 0
    bad: int = 0
    shown: list[tuple[str, str]] = field(factory=list, repr=False)

    def __str__(self) -> str:
        names = ("campaign", "recipient", "uploaded list")
        counts = (self.campaigns, self.recipients, self.lists)
        campaigns, recipients, lists = (
            f"{count:,} {name}{'' if count == 1 else 's'}"
            for count, name in zip(counts, names, strict=True)
        )
        return f"{campaigns} to {recipients}" + (f" and {lists}" if self.lists else "")

    def as_json(self) -> dict[str, int]:
        """Return the counts as JSON data."""
        return {
            "campaigns": self.campaigns,
            "recipients": self.recipients,
            "lists": self.lists,
            "bad": self.bad,
        }

    def count(self, request: CampaignRequest) -> None:
        """Count a campaign that can be sent."""
        self.campaigns += 1
        self.recipients += len(request.recipients)
        self.lists += len(request.list_ids)

    def refuse(self, line: Line, problems: list[Problem]) -> None:
        """Count a line that cannot."""
        self.bad += 1
        if self.bad <= _MOST_SHOWN:
            self.shown.append((line.where, mask_text("; ".join(map(str, problems)))))


async def checked(file: CampaignFile, *, salt: bytes, journal: Journal | None = None) -> Check:
    """Read a whole file and return what it holds; nothing leaves, nothing is kept.

    Args:
        file: the file, of any length.
        salt: the journal's.
        journal: where campaigns that began before are known: what was sound once may be so no
            more, as its date has passed, and goes on all the same.

    Raises:
        ConfigurationError: the file as a whole cannot be read as what it says it is.
        OSError: it cannot be read.
    """
    check = Check()
    for line in lines_of(file, salt=salt):
        problems = [*_problems(line)]
        if line.request is None or (problems and not await _began_before(line, journal)):
            check.refuse(line, problems)
        else:
            check.count(line.request)
    return check


def _problems(line: Line) -> Iterator[Problem]:
    yield from line.problems
    if line.request is not None:
        yield from key_problems(line.key)
        order = Order(request=line.request, auto_list=True)
        yield from order_problems(order, Dialect(), datetime.now(UTC))


async def _began_before(line: Line, journal: Journal | None) -> bool:
    """Tell whether the journal has this very campaign."""
    if journal is None or line.request is None or line.problems or [*key_problems(line.key)]:
        return False
    entry = await journal.get(line.key)
    order = Order(request=line.request, auto_list=True)
    return entry is not None and entry.digest == digest_of(order, journal.salt)


def stop_at_bad_lines(screen: Console, check: Check, name: str) -> None:
    """Print the lines that cannot be sent, the first of them with what is wrong, and stop.

    Raises:
        CommandStopped: there are any.
    """
    if not check.bad:
        return
    for where, wrong in check.shown:
        place = f"{name}, {where}"
        screen.print(Text.assemble(("✗ ", "red"), (place, "bold"), f": {wrong}"), soft_wrap=True)
    if more := check.bad - len(check.shown):
        screen.print(f"… and {more:,} more")
    lines = "line" if check.bad == 1 else "lines"
    raise CommandStopped(
        f"{check.bad:,} {lines} of {name} cannot be sent, and nothing was. Correct what is "
        "wrong, or leave it out with --no-check.",
        ExitCode.USAGE,
    )


@frozen
class Held:
    """Campaigns that others hold.

    Attributes:
        count: how many there are.
        until: when the last of their leases ends, aware; a living process renews its own.
    """

    count: int
    until: datetime

    def __str__(self) -> str:
        are = "1 campaign is" if self.count == 1 else f"{self.count:,} campaigns are"
        return (
            f"{are} held by another process. If that has died, what it held is free at "
            f"{self.until.astimezone():%H:%M:%S}, and waited for until then; Ctrl-C loses nothing."
        )


async def held_by_others(journal: Journal) -> Held | None:
    """Return what others hold now, None if that is nothing. The sender has not begun yet."""
    now = until = await journal.now()
    count = 0
    open_states = (state for state in State if state.is_open)
    async with aclosing(journal.entries(*open_states)) as entries:
        async for entry in entries:
            if entry.lease_until is not None and entry.lease_until > now:
                count += 1
                until = max(until, entry.lease_until)
    return Held(count, until) if count else None


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


@frozen(kw_only=True)
class BatchSending:
    """Sends what a file holds, at constant memory.

    Attributes:
        sender: what sends.
        file: the file.
        salt: the journal's.
        tally: counts what became of the lines.
        tell: called with each line that has ended, once it is counted.
    """

    sender: Sender
    file: CampaignFile
    salt: bytes = field(repr=False)
    tally: Tally
    tell: Callable[[Ended], object]
    # Of the campaigns that are under way, by their position in the sender's input.
    _places: dict[int, str] = field(factory=dict, init=False, repr=False)

    async def to_the_end(self, stop: Stop) -> None:
        """Send until the file ends or the sender is stopped; when it is hopeless, stop it.

        Raises:
            ConfigurationError: the file as a whole cannot be read as what it says it is.
            OSError: it cannot be read.
        """
        async with self.sender.send_many(self._pairs(), auto_list=True) as outcomes:
            async for outcome in outcomes:
                where = self._places.pop(outcome.index)
                key, _ = outcome.item
                self._note(ended(where, key, outcome.error or outcome.unwrap()))
                if self.tally.give_up is not None:
                    stop.ask()

    def _pairs(self) -> Iterator[tuple[str, CampaignRequest]]:
        index = 0
        for line in lines_of(self.file, salt=self.salt):
            if line.request is None or line.problems:
                wrong = mask_text("; ".join(map(str, line.problems)))
                self._note(Ended(where=line.where, ending=Ending.NOT_SENDABLE, reason=wrong))
                continue
            self._places[index] = line.where
            index += 1
            yield line.key, line.request

    def _note(self, line: Ended) -> None:
        self.tally.count(line)
        self.tell(line)


_SALT_BYTES: Final = 32


def run(
    campaigns: ExistingFile,
    *,
    journal: JournalOption = None,
    campaign: CampaignOptions | None = None,
    reading: FileOptions | None = None,
    sending: SenderOptions | None = None,
    base_url: str | None = None,
    check: bool = True,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    yes: Annotated[bool, Parameter(negative=())] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> ExitCode:
    """Send the campaigns of a file; killed and run again, it goes on where it stood.

    Credentials and the server are the environment's: MEDIASFLOW_USERNAME, MEDIASFLOW_PASSWORD
    or MEDIASFLOW_TOKEN, MEDIASFLOW_BASE_URL. It ends with 0 when all are launched, 1 when some
    could not be, 2 when nothing was begun, 4 when some wait for a person, and 130 when a signal
    stopped it.

    Parameters
    ----------
    campaigns
        JSON Lines (.jsonl), a campaign a line with the fields of CampaignRequest and a key; or
        a CSV file of recipients, with --message.
    journal
        What remembers what was sent: a file, or postgresql://user@host/database with its
        password in PGPASSWORD or PGPASSFILE. MEDIASFLOW_JOURNAL by default.
    campaign
        What is sent to recipients.
    reading
        How the file is read.
    sending
        How it is sent.
    base_url
        The server, instead of MEDIASFLOW_BASE_URL.
    check
        Read the whole file first, and send nothing when a line of it is wrong. Without, such
        lines are left out and told.
    dry_run
        Check and count; nothing is sent, and no journal is needed.
    yes
        Send without asking.
    as_json
        Print lines of JSON for programs: one for each campaign that needs a look, then a
        summary; what people read goes to the standard error.
    """
    screen = console(stderr=as_json)
    file = (reading or FileOptions()).file(campaigns, campaign)
    if dry_run:
        return _dry_run(screen, file, as_json=as_json)
    batch = _Batch(
        file=file,
        journal=journal,
        target=server_target(base_url),
        arguments=(sending or SenderOptions()).arguments(),
        screen=screen,
        as_json=as_json,
    )
    refuse_unattended(yes=yes)
    found, known = anyio.run(batch.looked_at, check)
    # Typed between two event loops, since Ctrl-C cannot reach a prompt inside of one.
    if not yes:
        what = f"what {campaigns.name} holds" if found is None else str(found)
        count = None if found is None else found.campaigns
        confirm_batch(screen, what, count, batch.target.base_url, known=known)
    return anyio.run(batch.sent, found)


def _dry_run(screen: Console, file: CampaignFile, *, as_json: bool) -> ExitCode:
    async def look() -> Check:
        return await checked(file, salt=secrets.token_bytes(_SALT_BYTES))

    found = anyio.run(look)
    stop_at_bad_lines(screen, found, file.path.name)
    screen.print(f"{found}. Nothing was sent.", soft_wrap=True)
    if as_json:
        print_json({"kind": "check", **found.as_json()})
    return ExitCode.OK


@frozen(kw_only=True)
class _Batch:
    """A file, its journal and its server."""

    file: CampaignFile
    journal: str | None
    target: Target
    arguments: dict[str, Any]
    screen: Console
    as_json: bool

    async def looked_at(self, check: bool) -> tuple[Check | None, int]:  # noqa: FBT001 - anyio.run
        """Return what the file holds, and how many campaigns the journal knows."""
        found = None
        async with open_or_make(self.journal) as journal:
            if check:
                found = await checked(self.file, salt=journal.salt, journal=journal)
                stop_at_bad_lines(self.screen, found, self.file.path.name)
            return found, sum((await journal.counts()).values())

    async def sent(self, found: Check | None) -> ExitCode:
        """Send what has not been sent, and tell what became of it."""
        tally = Tally()
        async with (
            self.target.open_session() as session,
            open_or_make(self.journal) as journal,
            Sender(session, journal, **self.arguments) as sender,
        ):
            with BatchProgress(self.screen, None if found is None else found.campaigns) as bar:

                def tell(line: Ended) -> None:
                    bar.show(line, tally)
                    if self.as_json and line.is_for_programs:
                        print_json(line.as_json())

                sending = BatchSending(
                    sender=sender, file=self.file, salt=journal.salt, tally=tally, tell=tell
                )
                if held := await held_by_others(journal):
                    bar.say(str(held))
                async with stoppable(sender, bar.say) as stop:
                    await sending.to_the_end(stop)
            return await finish(
                self.screen, sender, tally, is_signalled=stop.is_signalled, as_json=self.as_json
            )


def enqueue(
    campaigns: ExistingFile,
    *,
    database: str | None = None,
    campaign: CampaignOptions | None = None,
    reading: FileOptions | None = None,
) -> ExitCode:
    """Queue the campaigns of a file for `mediasflow worker`, on this machine and others.

    Parameters
    ----------
    campaigns
        The file, as in `batch run`.
    database
        The workers' database, postgresql://user@host/database with its password in PGPASSWORD
        or PGPASSFILE. MEDIASFLOW_DATABASE by default.
    campaign
        What is sent to recipients.
    reading
        How the file is read.
    """
    # Queueing needs an extra of its own, which the other commands can do without.
    from mediasflow_async.cli.enqueue import enqueue_file

    return enqueue_file((reading or FileOptions()).file(campaigns, campaign), database)


batch: Final = App(
    name="batch", help="Send the campaigns of a file; killed at any moment, go on where it stood."
)
for command in (run, status, resolve, resume, export, check, purge, enqueue):
    batch.command(command)
