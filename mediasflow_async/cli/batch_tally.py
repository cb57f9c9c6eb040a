"""What became of the campaigns of a batch, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from attrs import field, frozen

from mediasflow_async.cli.exits import ExitCode
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

__all__ = ["Ended", "Ending", "Tally", "ended"]

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
