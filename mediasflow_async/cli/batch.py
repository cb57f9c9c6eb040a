"""`mediasflow batch`: campaigns of a file; killed at any moment, it goes on where it stood."""

from __future__ import annotations

from typing import Final

from cyclopts import App
from cyclopts.types import ExistingFile

from mediasflow_async.cli.batch_journal import check, export, purge, resolve, status
from mediasflow_async.cli.batch_resume import resume
from mediasflow_async.cli.batch_run import run
from mediasflow_async.cli.campaign_options import CampaignOptions
from mediasflow_async.cli.exits import ExitCode
from mediasflow_async.cli.file_options import FileOptions

__all__ = ["batch"]


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
