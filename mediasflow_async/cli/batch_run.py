"""`mediasflow batch run`: the campaigns of a file, each launched at most once."""

from __future__ import annotations

import secrets
from typing import Annotated, Any, Final

import anyio
from attrs import frozen
from cyclopts import Parameter
from cyclopts.types import ExistingFile
from rich.console import Console

from mediasflow_async.cli.batch_check import Check, checked, stop_at_bad_lines
from mediasflow_async.cli.batch_confirmation import confirm_batch, refuse_unattended
from mediasflow_async.cli.batch_held import held_by_others
from mediasflow_async.cli.batch_progress import BatchProgress
from mediasflow_async.cli.batch_result import finish
from mediasflow_async.cli.batch_sending import BatchSending
from mediasflow_async.cli.batch_tally import Ended, Tally
from mediasflow_async.cli.campaign_file import CampaignFile
from mediasflow_async.cli.campaign_options import CampaignOptions
from mediasflow_async.cli.consoles import console
from mediasflow_async.cli.exits import ExitCode
from mediasflow_async.cli.file_options import FileOptions
from mediasflow_async.cli.journal_option import JournalOption, open_or_make
from mediasflow_async.cli.parked_view import print_json
from mediasflow_async.cli.sender_options import SenderOptions
from mediasflow_async.cli.stoppable import stoppable
from mediasflow_async.cli.target import Target, server_target
from mediasflow_async.delivery import Sender

__all__ = ["run"]

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
