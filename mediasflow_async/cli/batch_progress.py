"""What becomes of the lines of a batch, and how that is shown while the batch runs.

Each line ends as a `LineResult`. The `Tally` counts them, decides the exit code, and works as a
circuit breaker: it ends the run at an error that every further campaign would meet too. The
`BatchProgress` prints the lines that need a look and draws the progress bar.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from types import TracebackType
from typing import Any, Final, Self

from attrs import field, frozen
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

from mediasflow_async.cli.console import ExitCode
from mediasflow_async.delivery import (
    CampaignTaken,
    JournalError,
    KeyBusy,
    KeyConflict,
    Receipt,
    SenderStopped,
    State,
)
from mediasflow_async.errors import (
    ConfigurationError,
    InvalidRequest,
    MediasflowError,
    PermissionDenied,
    SessionClosed,
    is_login_refused,
)

__all__ = ["BatchProgress", "Ending", "LineResult", "Tally", "counts_text", "line_result"]


class Ending(StrEnum):
    """What became of a campaign in this run."""

    LAUNCHED = "launched"
    """It was launched, and the server has it."""
    LAUNCHED_BEFORE = "launched before"
    """An earlier run had launched it."""
    PARKED = "parked"
    """It waits for a person."""
    REFUSED = "refused"
    """The server or the rules of the API refused it for good; nothing was sent."""
    CANCELLED = "cancelled"
    """Somebody had decided that it is not sent."""
    FAILED = "failed"
    """It could not be sent, or not be decided: running the batch again goes on with it."""
    NOT_SENDABLE = "not sendable"
    """Its line cannot be read."""
    STOPPED = "stopped"
    """The run was stopped before it had ended; the next one goes on with it."""


_GOOD: Final = frozenset({Ending.LAUNCHED, Ending.LAUNCHED_BEFORE})
_BAD: Final = (Ending.FAILED, Ending.REFUSED, Ending.NOT_SENDABLE, Ending.STOPPED)
_ENDING_OF_STATE: Final = {
    State.PARKED: Ending.PARKED,
    State.REJECTED: Ending.REFUSED,
    State.CANCELLED: Ending.CANCELLED,
}


@frozen(kw_only=True)
class LineResult:
    """What became of one line.

    Attributes:
        where: its place in the file.
        key: its key, empty where it has none.
        ending: what became of it.
        campaign_id: the server's number, or None.
        reason: why, where there is something to say.
        error: the error that it ended in, or None.
    """

    where: str
    key: str = ""
    ending: Ending
    campaign_id: int | None = None
    reason: str = ""
    error: MediasflowError | None = field(default=None, repr=False)

    @property
    def needs_a_look(self) -> bool:
        """Whether a person should look at it."""
        return self.ending not in _GOOD | {Ending.STOPPED}

    @property
    def is_for_programs(self) -> bool:
        """Whether it is printed as JSON at once; parked ones come in the end, with advice."""
        return self.needs_a_look and self.ending is not Ending.PARKED

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return {
            "kind": self.ending.name.lower(),
            "where": self.where,
            "key": self.key,
            "campaign_id": self.campaign_id,
            "reason": self.reason,
        }


def line_result(where: str, key: str, result: Receipt | MediasflowError) -> LineResult:
    """Return what became of a line, from what the sender returned for it."""
    if isinstance(result, MediasflowError):
        is_stopped = isinstance(result, SenderStopped)
        return LineResult(
            where=where,
            key=key,
            ending=Ending.STOPPED if is_stopped else Ending.FAILED,
            campaign_id=result.campaign_id,
            reason=str(result),
            error=result,
        )
    launched = Ending.LAUNCHED_BEFORE if result.is_recorded else Ending.LAUNCHED
    return LineResult(
        where=where,
        key=key,
        ending=_ENDING_OF_STATE.get(result.state, launched),
        campaign_id=result.campaign_id,
        reason=_reason(result),
    )


def _reason(receipt: Receipt) -> str:
    if receipt.error is not None:
        return str(receipt.error)
    status = "" if receipt.status is None else f", HTTP {receipt.status}"
    return f"{receipt.reason or receipt.state}{status}"


_MAX_FAILURES_IN_A_ROW: Final = 50
# Errors that the next campaign would meet too.
_FATAL: Final = (
    ConfigurationError,
    JournalError,
    PermissionDenied,
    SessionClosed,
)
# Errors of one campaign, which say nothing about the next.
_OF_ONE_CAMPAIGN: Final = (CampaignTaken, InvalidRequest, KeyBusy, KeyConflict)


class Tally:
    """The counts of a run, and whether there is a point in going on.

    Attributes:
        counts: how many lines ended how.
        fatal_error: the error that ends the run, or None.
    """

    def __init__(self) -> None:
        self.counts: Counter[Ending] = Counter()
        self.fatal_error: MediasflowError | None = None
        self._failures_in_a_row = 0

    @property
    def done(self) -> int:
        """How many lines have ended."""
        return self.counts.total() - self.counts[Ending.STOPPED]

    def count(self, line: LineResult) -> None:
        """Count a line; set `fatal_error` at an error that concerns all, or at 50 in a row."""
        self.counts[line.ending] += 1
        error = line.error
        if line.ending is Ending.STOPPED or isinstance(error, _OF_ONE_CAMPAIGN):
            return
        self._failures_in_a_row = 0 if error is None else self._failures_in_a_row + 1
        is_of_all = error is not None and (isinstance(error, _FATAL) or is_login_refused(error))
        is_fatal = is_of_all or self._failures_in_a_row >= _MAX_FAILURES_IN_A_ROW
        if is_fatal and self.fatal_error is None:
            self.fatal_error = error

    @property
    def can_go_on(self) -> bool:
        """Whether another run would go on with something."""
        return bool(self.counts[Ending.FAILED] or self.counts[Ending.STOPPED])

    def exit_code(self, *, is_signalled: bool) -> ExitCode:
        """Return the exit code of the command."""
        if is_signalled:
            return ExitCode.INTERRUPTED
        if self.counts[Ending.PARKED]:
            return ExitCode.PARKED
        return ExitCode.FAILED if any(self.counts[each] for each in _BAD) else ExitCode.OK

    def as_json(self) -> Mapping[str, int]:
        """Return the counts as JSON data, by the names of the endings."""
        return {ending.name.lower(): self.counts[ending] for ending in Ending}


_MARKS: Final = {
    Ending.PARKED: ("? ", "bold yellow"),
    Ending.CANCELLED: ("- ", "dim"),
}
_MAX_LINES_SHOWN: Final = 100
# Without a terminal, a line is printed for each tenth of the batch, or for so many campaigns
# where they were not counted.
_TENTHS: Final = 10
_UNCOUNTED_STEP: Final = 1_000


class BatchProgress:
    """Shows a run while it goes on; use it in a `with` block.

    A terminal shows a bar; anything else gets a line from time to time.

    Args:
        screen: where it is shown.
        total: how many campaigns there are, None where they were not counted.
    """

    def __init__(self, screen: Console, total: int | None) -> None:
        self._screen = screen
        self._total = total
        self._step = _UNCOUNTED_STEP if total is None else max(1, total // _TENTHS)
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

    def show(self, line: LineResult, tally: Tally) -> None:
        """Show a line that needs a look, and how far the run has come."""
        if line.needs_a_look:
            self._show_line(line)
        self._bar.update(self._task, completed=tally.done, description=counts_text(tally))
        if not self._screen.is_terminal and tally.done % self._step == 0:
            of = "" if self._total is None else f" of {self._total:,}"
            self._screen.print(f"{tally.done:,}{of}: {counts_text(tally)}", soft_wrap=True)

    def say(self, text: str) -> None:
        """Print a sentence, above the bar."""
        self._bar.console.print(Text(text), soft_wrap=True)

    def _show_line(self, line: LineResult) -> None:
        self._shown += 1
        if self._shown > _MAX_LINES_SHOWN:
            return
        mark, style = _MARKS.get(line.ending, ("✗ ", "red"))
        key = f", key {line.key}" if line.key else ""
        where = Text.assemble((mark, style), (f"{line.where}{key}", "bold"))
        text = Text.assemble(where, f": {line.ending}: {line.reason}")
        self._bar.console.print(text, soft_wrap=True)
        if self._shown == _MAX_LINES_SHOWN:
            self.say("… what follows of these is counted only")


def counts_text(tally: Tally) -> str:
    """Return the counts of a tally in words."""
    counted = (f"{tally.counts[each]:,} {each}" for each in Ending if tally.counts[each])
    return ", ".join(counted) or "nothing yet"
