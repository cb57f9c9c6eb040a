"""`mediasflow batch`: send the campaigns of a file, each at most once, whatever happens.

`batch run` checks the whole file, asks for the number of campaigns, and sends each campaign under
its key, at constant memory. What was sent is in the journal, so that a run that was killed or
stopped goes on when the same command is run again. The verbs that need no file are in
`batch_journal`; `batch enqueue` leaves the sending to `mediasflow worker`.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from contextlib import aclosing
from typing import Annotated, Any, Final

import anyio
from attrs import field, frozen
from cyclopts import App, Parameter
from cyclopts.types import ExistingFile
from rich.console import Console
from rich.text import Text

from mediasflow_async.cli import batch_journal
from mediasflow_async.cli.batch_check import (
    Examiner,
    FileCheck,
    check_file,
    stop_at_bad_lines,
)
from mediasflow_async.cli.batch_progress import (
    BatchProgress,
    Ending,
    LineResult,
    Tally,
    counts_text,
    line_result,
)
from mediasflow_async.cli.campaign_files import (
    CampaignFile,
    Line,
    problems_text,
    sendable_campaigns,
)
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
    JsonOption,
    SenderOptions,
    Target,
    YesOption,
    database_url,
    open_or_make,
    server_target,
)
from mediasflow_async.cli.safety import Stop, confirm_batch, refuse_unattended, stoppable
from mediasflow_async.delivery import Journal, Sender, State
from mediasflow_async.secrecy import mask_text

__all__ = ["batch", "enqueue", "run"]

batch: Final = App(
    name="batch", help="Send the campaigns of a file; killed at any moment, go on where it stood."
)
for _verb in (
    batch_journal.status,
    batch_journal.resolve,
    batch_journal.resume,
    batch_journal.export,
    batch_journal.check,
    batch_journal.purge,
):
    batch.command(_verb)


@Parameter(name="*")
@frozen(kw_only=True)
class _RunOptions:
    """What comes before the sending, and who reads the output.

    Attributes:
        base_url: The server, instead of MEDIASFLOW_BASE_URL.
        check: Read the whole file first, and send nothing when a line of it is wrong. Without,
            such lines are left out and told.
        dry_run: Check and count; nothing is sent, and no journal is needed.
        yes: Send without asking.
        as_json: Print lines of JSON for programs: one for each campaign that needs a look, then a
            summary; what people read goes to the standard error.
    """

    base_url: str | None = None
    check: bool = True
    dry_run: Annotated[bool, Parameter(negative=())] = False
    yes: YesOption = False
    as_json: JsonOption = False


@batch.command
def run(
    campaigns: ExistingFile,
    *,
    journal: JournalOption = None,
    campaign: CampaignOptions | None = None,
    reading: FileOptions | None = None,
    sending: SenderOptions | None = None,
    running: _RunOptions | None = None,
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
        a CSV file or a workbook (.xlsx, .ods) of recipients, with --message.
    journal
        What remembers what was sent: a file, or postgresql://user@host/database with its
        password in PGPASSWORD or PGPASSFILE. MEDIASFLOW_JOURNAL by default.
    campaign
        What is sent to recipients.
    reading, sending, running
        How the file is read, how it is sent, and what comes before.
    """
    file = (reading or FileOptions()).file(campaigns, campaign)
    options = running or _RunOptions()
    if options.dry_run:
        return _dry_run(file, as_json=options.as_json)
    this_run = _Run(
        file=file,
        journal=journal,
        target=server_target(options.base_url),
        arguments=(sending or SenderOptions()).arguments(),
        screen=console(stderr=options.as_json),
        as_json=options.as_json,
    )
    refuse_unattended(yes=options.yes)
    return this_run.to_the_end(is_checked=options.check, is_confirmed=options.yes)


@batch.command
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
    return _enqueued((reading or FileOptions()).file(campaigns, campaign), database)


_SALT_BYTES: Final = 32


def _dry_run(file: CampaignFile, *, as_json: bool) -> ExitCode:
    screen = console(stderr=as_json)
    found = anyio.run(check_file, file, secrets.token_bytes(_SALT_BYTES))
    stop_at_bad_lines(screen, found, file.path.name)
    screen.print(f"{found}. Nothing was sent.", soft_wrap=True)
    found.show(screen)
    if as_json:
        print_json({"kind": "check", **found.as_json()})
    return ExitCode.OK


_GO_ON: Final = "Nothing is lost: run the same command again, and it goes on where it stood."
_LOOK: Final = "mediasflow batch status shows what waits for a person, and what to look at."


@frozen(kw_only=True)
class _Run:
    """One run: its file, its journal and its server.

    The journal is opened twice, since the prompt comes between two event loops: Ctrl-C cannot
    reach a prompt inside of one.
    """

    file: CampaignFile
    journal: str | None
    target: Target
    arguments: dict[str, Any]
    screen: Console
    as_json: bool

    def to_the_end(self, *, is_checked: bool, is_confirmed: bool) -> ExitCode:
        """Check, ask, send, and print what became of it."""
        found, known = anyio.run(self._look, is_checked)
        if not is_confirmed:
            what = f"what {self.file.path.name} holds" if found is None else str(found)
            count = None if found is None else found.campaigns
            if found is not None:
                found.show(self.screen)
            confirm_batch(self.screen, what, count, self.target.base_url, known=known)
        return anyio.run(self._send, found)

    async def _look(self, is_checked: bool) -> tuple[FileCheck | None, int]:  # noqa: FBT001 - anyio.run
        """Return what the file holds, and how many campaigns the journal knows."""
        found = None
        async with open_or_make(self.journal) as journal:
            if is_checked:
                found = await check_file(self.file, journal.salt, journal)
                stop_at_bad_lines(self.screen, found, self.file.path.name)
            return found, sum((await journal.counts()).values())

    async def _send(self, found: FileCheck | None) -> ExitCode:
        name = self.file.path.name
        if found is not None and found.stamp != self.file.stamp():
            raise CommandStopped(
                f"{name} has changed since it was checked, and nothing was sent: run it again.",
                ExitCode.USAGE,
            )
        total = None if found is None else found.campaigns + found.repeated
        examiner = Examiner(self.file) if found is None else None
        async with (
            self.target.open_session() as session,
            open_or_make(self.journal) as journal,
            Sender(session, journal, **self.arguments) as sender,
        ):
            with BatchProgress(self.screen, total) as bar:
                sending = _Sending(self.file, examiner, sender, journal.salt, bar, self.as_json)
                if held := await _held_by_others(journal):
                    bar.say(held)
                async with stoppable(sender, bar.say) as stop:
                    await sending.to_the_end(stop)
            return await self._finish(sender, sending.tally, is_signalled=stop.is_signalled)

    async def _finish(self, sender: Sender, tally: Tally, *, is_signalled: bool) -> ExitCode:
        """Print how the run ended and return its exit code."""
        code = tally.exit_code(is_signalled=is_signalled)
        if tally.fatal_error is not None:
            self.screen.print(failure_panel(tally.fatal_error))
        counts = Text.assemble(("Campaigns: ", "bold"), counts_text(tally))
        self.screen.print(counts, soft_wrap=True)
        if tally.counts[Ending.PARKED]:
            self.screen.print(_LOOK, soft_wrap=True)
        if code is ExitCode.INTERRUPTED or tally.can_go_on:
            self.screen.print(_GO_ON, soft_wrap=True)
        if self.as_json:
            await batch_journal.show_parked(self.screen, sender.parked(), as_json=True)
            print_json({"kind": "summary", "exit_code": code, **tally.as_json()})
        return code


async def _held_by_others(journal: Journal) -> str | None:
    """Return a sentence on the campaigns that other processes hold now, None if there are none.

    It is called before our own sender begins. A process that lives renews its leases, so that the
    time in the sentence is right only where it has died.
    """
    now = until = await journal.now()
    count = 0
    open_states = (state for state in State if state.is_open)
    async with aclosing(journal.entries(*open_states)) as entries:
        async for entry in entries:
            if entry.lease_until is not None and entry.lease_until > now:
                count += 1
                until = max(until, entry.lease_until)
    are = "1 campaign is" if count == 1 else f"{count:,} campaigns are"
    sentence = (
        f"{are} held by another process. If that has died, what it held is free at "
        f"{until.astimezone():%H:%M:%S}, and waited for until then; Ctrl-C loses nothing."
    )
    return sentence if count else None


@frozen
class _Sending:
    """Sends the campaigns of a file, and shows what becomes of each.

    Attributes:
        file: the file.
        examiner: examines each line, where the file was not checked before.
        sender: what sends.
        salt: the journal's.
        bar: shows each line that has ended.
        as_json: print lines that need a look as JSON, too.
        tally: the counts.
    """

    file: CampaignFile
    examiner: Examiner | None
    sender: Sender
    salt: bytes = field(repr=False)
    bar: BatchProgress
    as_json: bool
    tally: Tally = field(factory=Tally, init=False)

    async def to_the_end(self, stop: Stop) -> None:
        """Send until the file ends or the sender is stopped; stop it at an error that concerns all.

        Raises:
            ConfigurationError: the file as a whole is not what its name or its options say.
            OSError: it cannot be read.
        """
        places: dict[int, str] = {}
        campaigns = sendable_campaigns(
            self.file,
            salt=self.salt,
            places=places,
            refuse=self._refuse,
            examine=None if self.examiner is None else self.examiner.unchecked_problems,
        )
        async with self.sender.send_many(campaigns, auto_list=True) as outcomes:
            async for outcome in outcomes:
                key, _ = outcome.item
                result = outcome.error or outcome.unwrap()
                self._count(line_result(places.pop(outcome.index), key, result))
                if self.tally.fatal_error is not None:
                    stop.ask()

    def _refuse(self, line: Line) -> None:
        reason = problems_text(line.problems)
        self._count(LineResult(where=line.where, ending=Ending.NOT_SENDABLE, reason=reason))

    def _count(self, line: LineResult) -> None:
        self.tally.count(line)
        self.bar.show(line, self.tally)
        if self.as_json and line.is_for_programs:
            print_json(line.as_json())


_MAX_SHOWN: Final = 20
_REFUSED: Final = "refused"


def _enqueued(file: CampaignFile, database: str | None) -> ExitCode:
    """Queue the campaigns of a file and print how many there were of each kind.

    Raises:
        ConfigurationError: the file or the address of the database cannot be used.
        MediasflowError: the database failed; to do it again is harmless.
    """
    run = _Queueing(file=file, url=database_url(database), screen=console())
    asyncio.run(run.to_the_end())
    return ExitCode.FAILED if run.counts[_REFUSED] else ExitCode.OK


@frozen(kw_only=True)
class _Queueing:
    """Queues one file."""

    file: CampaignFile
    url: str = field(repr=False)
    screen: Console
    counts: Counter[str] = field(factory=Counter, init=False)

    async def to_the_end(self) -> None:
        """Queue what can be sent, and print what cannot."""
        from mediasflow_async.workers import Queue, Queued

        places: dict[int, str] = {}
        async with Journal.open(self.url) as journal, Queue.open(self.url) as queue:
            campaigns = sendable_campaigns(
                self.file,
                salt=journal.salt,
                places=places,
                refuse=self._refuse_line,
                examine=Examiner(self.file).unchecked_problems,
            )
            async for outcome in queue.feed(campaigns, auto_list=True):
                place = places.pop(outcome.index)
                if outcome.error is not None:
                    self._refuse(place, mask_text(outcome.error.message))
                else:
                    is_new = outcome.value is Queued.ADDED
                    self.counts["queued" if is_new else "in the queue before"] += 1
        counts = (f"{self.counts[name]} {name}" for name in sorted(self.counts))
        self.screen.print(f"{self.file.path.name}: {', '.join(counts) or 'no campaign'}.")

    def _refuse_line(self, line: Line) -> None:
        self._refuse(line.where, problems_text(line.problems))

    def _refuse(self, where: str, why: str) -> None:
        self.counts[_REFUSED] += 1
        if self.counts[_REFUSED] <= _MAX_SHOWN:
            self.screen.print(Text(f"{where}: {why}"), soft_wrap=True)
        elif self.counts[_REFUSED] == _MAX_SHOWN + 1:
            self.screen.print("... and more.")
