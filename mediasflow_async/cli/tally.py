"""What became of the lines of a batch, and its progress."""

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
    AuthenticationFailed,
    ConfigurationError,
    InvalidRequest,
    MediasflowError,
    PermissionDenied,
    SessionClosed,
)

__all__ = ["BatchProgress", "Ended", "Ending", "Tally", "ended"]


_MOST_FAILURES_IN_A_ROW: Final = 50
# What the next campaign would meet too.
_HOPELESS: Final = (
    AuthenticationFailed,
    ConfigurationError,
    JournalError,
    PermissionDenied,
    SessionClosed,
)
# What is wrong with one campaign, and says nothing of the next.
_OF_ONE: Final = (CampaignTaken, InvalidRequest, KeyBusy, KeyConflict)


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


_OF_STATE: Final = {
    State.PARKED: Ending.PARKED,
    State.REJECTED: Ending.REFUSED,
    State.CANCELLED: Ending.CANCELLED,
}
_GOOD: Final = frozenset({Ending.LAUNCHED, Ending.LAUNCHED_BEFORE})


@frozen(kw_only=True)
class Ended:
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
    def is_news(self) -> bool:
        """Whether it needs a look."""
        return self.ending not in _GOOD | {Ending.STOPPED}

    @property
    def is_for_programs(self) -> bool:
        """Whether it is told as JSON; what is parked is told with its advice, in the end."""
        return self.is_news and self.ending is not Ending.PARKED

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return {
            "kind": self.ending.name.lower(),
            "where": self.where,
            "key": self.key,
            "campaign_id": self.campaign_id,
            "reason": self.reason,
        }


def ended(where: str, key: str, result: Receipt | MediasflowError) -> Ended:
    """Return what became of a line, from what the sender gave for it."""
    if isinstance(result, MediasflowError):
        is_stopped = isinstance(result, SenderStopped)
        return Ended(
            where=where,
            key=key,
            ending=Ending.STOPPED if is_stopped else Ending.FAILED,
            campaign_id=result.campaign_id,
            reason=str(result),
            error=result,
        )
    launched = Ending.LAUNCHED_BEFORE if result.is_recorded else Ending.LAUNCHED
    return Ended(
        where=where,
        key=key,
        ending=_OF_STATE.get(result.state, launched),
        campaign_id=result.campaign_id,
        reason=_reason(result),
    )


def _reason(receipt: Receipt) -> str:
    if receipt.error is not None:
        return str(receipt.error)
    status = "" if receipt.status is None else f", HTTP {receipt.status}"
    return f"{receipt.reason or receipt.state}{status}"


class Tally:
    """The counts of a run, and whether there is a point in going on.

    Attributes:
        counts: how many lines ended how.
        give_up: the error that ends the run, or None.
    """

    def __init__(self) -> None:
        self.counts: Counter[Ending] = Counter()
        self.give_up: MediasflowError | None = None
        self._in_a_row = 0

    @property
    def done(self) -> int:
        """How many lines have ended."""
        return self.counts.total() - self.counts[Ending.STOPPED]

    def count(self, line: Ended) -> None:
        """Count a line."""
        self.counts[line.ending] += 1
        error = line.error
        if line.ending is Ending.STOPPED or isinstance(error, _OF_ONE):
            return
        self._in_a_row = 0 if error is None else self._in_a_row + 1
        is_hopeless = isinstance(error, _HOPELESS) or self._in_a_row >= _MOST_FAILURES_IN_A_ROW
        if is_hopeless and self.give_up is None:
            self.give_up = error

    @property
    def can_go_on(self) -> bool:
        """Whether another run would go on with something."""
        return bool(self.counts[Ending.FAILED] or self.counts[Ending.STOPPED])

    def exit_code(self, *, is_signalled: bool) -> ExitCode:
        """Return what the command ends with."""
        if is_signalled:
            return ExitCode.INTERRUPTED
        if self.counts[Ending.PARKED]:
            return ExitCode.PARKED
        bad = (Ending.FAILED, Ending.REFUSED, Ending.NOT_SENDABLE, Ending.STOPPED)
        return ExitCode.FAILED if any(self.counts[each] for each in bad) else ExitCode.OK

    def as_json(self) -> Mapping[str, int]:
        """Return the counts as JSON data, by the names of the endings."""
        return {ending.name.lower(): self.counts[ending] for ending in Ending}


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
