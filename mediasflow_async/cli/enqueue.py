"""`mediasflow batch enqueue`: queue the campaigns of a file for the workers of any machine."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Final

from attrs import field, frozen
from rich.console import Console
from rich.text import Text

from mediasflow_async.cli.campaign_files import CampaignFile, lines_of
from mediasflow_async.cli.console import ExitCode, console
from mediasflow_async.cli.options import database_url
from mediasflow_async.delivery import Journal
from mediasflow_async.models import CampaignRequest
from mediasflow_async.secrecy import mask_text

__all__ = ["enqueue_file"]

_MOST_SHOWN: Final = 20
_REFUSED: Final = "refused"


def enqueue_file(file: CampaignFile, database: str | None) -> ExitCode:
    """Queue the campaigns of a file and say how many there were of each kind.

    Raises:
        ConfigurationError: the file or the address of the database cannot be used.
        MediasflowError: the database failed; to do it again is harmless.
    """
    run = _Run(file=file, url=database_url(database), screen=console())
    asyncio.run(run.to_the_end())
    return ExitCode.FAILED if run.counts[_REFUSED] else ExitCode.OK


@frozen(kw_only=True)
class _Run:
    """One file on its way into the queue."""

    file: CampaignFile
    url: str = field(repr=False)
    screen: Console
    counts: Counter[str] = field(factory=Counter, init=False)
    places: dict[int, str] = field(factory=dict, init=False)

    async def to_the_end(self) -> None:
        """Read the file, queue what is sound, and tell what is not."""
        from mediasflow_async.workers import Queue, Queued

        async with Journal.open(self.url) as journal, Queue.open(self.url) as queue:
            async for outcome in queue.feed(self._sound(journal.salt), auto_list=True):
                place = self.places.pop(outcome.index)
                if outcome.error is not None:
                    self._refuse(place, outcome.error.message)
                else:
                    is_new = outcome.value is Queued.ADDED
                    self.counts["queued" if is_new else "in the queue before"] += 1
        told = (f"{self.counts[name]} {name}" for name in sorted(self.counts))
        self.screen.print(f"{self.file.path.name}: {', '.join(told) or 'no campaign'}.")

    def _sound(self, salt: bytes) -> Iterator[tuple[str, CampaignRequest]]:
        index = 0
        for line in lines_of(self.file, salt=salt):
            if line.request is None or line.problems:
                self._refuse(line.where, "; ".join(map(str, line.problems)))
                continue
            self.places[index] = line.where
            index += 1
            yield line.key, line.request

    def _refuse(self, where: str, why: str) -> None:
        self.counts[_REFUSED] += 1
        if self.counts[_REFUSED] <= _MOST_SHOWN:
            self.screen.print(Text(mask_text(f"{where}: {why}")), soft_wrap=True)
        elif self.counts[_REFUSED] == _MOST_SHOWN + 1:
            self.screen.print("... and more.")
