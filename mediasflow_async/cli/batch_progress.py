"""How far a batch has come: a bar in a terminal, lines elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from mediasflow_async.cli.batch_tally import Ended, Ending, Tally

__all__ = ["BatchProgress"]

_MARKS: Final = {
    Ending.PARKED: ("? ", "bold yellow"),
    Ending.CANCELLED: ("- ", "dim"),
}
_TENTH: Final = 10
_LINE_EVERY: Final = 1_000
_MOST_SHOWN: Final = 100


class BatchProgress:
    """Shows a run while it goes on; use it in a `with` block.

    Args:
        screen: where it is shown.
        total: how many campaigns there are, None where they were not counted.
    """

    def __init__(self, screen: Console, total: int | None) -> None:
        self._screen = screen
        self._total = total
        self._every = _LINE_EVERY if total is None else max(1, total // _TENTH)
        self._shown = 0
        self._bar = Progress(
            TextColumn("   {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=screen,
            transient=True,
            disable=not screen.is_terminal,
        )
        self._task = self._bar.add_task("Sending", total=total)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def show(self, line: Ended, tally: Tally) -> None:
        """Show what became of a line, where it needs a look, and where the run stands."""
        if line.is_news:
            self._tell(line)
        self._bar.update(self._task, completed=tally.done, description=counts_text(tally))
        if not self._screen.is_terminal and tally.done % self._every == 0:
            of = "" if self._total is None else f" of {self._total:,}"
            self._screen.print(f"{tally.done:,}{of}: {counts_text(tally)}", soft_wrap=True)

    def say(self, text: str) -> None:
        """Print a sentence, above the bar."""
        self._bar.console.print(Text(text), soft_wrap=True)

    def _tell(self, line: Ended) -> None:
        self._shown += 1
        if self._shown > _MOST_SHOWN:
            return
        mark, style = _MARKS.get(line.ending, ("✗ ", "red"))
        key = f", key {line.key}" if line.key else ""
        where = Text.assemble((mark, style), (f"{line.where}{key}", "bold"))
        text = Text.assemble(where, f": {line.ending}: {line.reason}")
        self._bar.console.print(text, soft_wrap=True)
        if self._shown == _MOST_SHOWN:
            self.say("… what follows of these is counted only")


def counts_text(tally: Tally) -> str:
    """Return the counts in words."""
    counted = (f"{tally.counts[each]:,} {each}" for each in Ending if tally.counts[each])
    return ", ".join(counted) or "nothing yet"
