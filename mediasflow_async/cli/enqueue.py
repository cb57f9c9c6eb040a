"""`mediasflow batch enqueue`: queue the campaigns of a file for the workers of any machine.

The queue is idempotent: a key that is in it already is not queued again, so that the command may
be repeated after any failure.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final

from attrs import field, frozen
from rich.console import Console
from rich.text import Text

from mediasflow_async.cli.batch_check import Examiner
from mediasflow_async.cli.campaign_files import (
    CampaignFile,
    Line,
    problems_text,
    sendable_campaigns,
)
from mediasflow_async.cli.console import ExitCode, console
from mediasflow_async.cli.options import database_url
from mediasflow_async.delivery import Journal
from mediasflow_async.secrecy import mask_text

__all__ = ["enqueue_file"]

_MAX_SHOWN: Final = 20
_REFUSED: Final = "refused"


def enqueue_file(file: CampaignFile, database: str | None) -> ExitCode:
    """Queue the campaigns of a file and print how many there were of each kind.

    Raises:
        ConfigurationError: the file or the address of the database cannot be used.
        MediasflowError: the database failed; to do it again is harmless.
    """
    run = _Run(file=file, url=database_url(database), screen=console())
    asyncio.run(run.to_the_end())
    return ExitCode.FAILED if run.counts[_REFUSED] else ExitCode.OK


@frozen(kw_only=True)
class _Run:
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
