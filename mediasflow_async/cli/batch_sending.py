"""The campaigns of a file on their way through a sender."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from attrs import field, frozen

from mediasflow_async.cli.batch_tally import Ended, Ending, Tally, ended
from mediasflow_async.cli.campaign_file import CampaignFile, lines_of
from mediasflow_async.cli.stoppable import Stop
from mediasflow_async.delivery import Sender
from mediasflow_async.masking import mask_text
from mediasflow_async.models import CampaignRequest

__all__ = ["BatchSending"]


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
