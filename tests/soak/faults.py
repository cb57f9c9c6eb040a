"""What goes wrong with a request, chosen by a seed: the same requests meet the same faults."""

from __future__ import annotations

from enum import StrEnum
from random import Random
from typing import Final

from attrs import frozen

__all__ = ["Fault", "Faults", "Hit"]


class Fault(StrEnum):
    """What goes wrong with a request, as the table names it."""

    RESET_BEFORE = "reset, not processed"
    CLOSED_BEFORE = "closed, not processed"
    SILENT_BEFORE = "no answer, not processed"
    FAILED_BEFORE = "500, not processed"
    LIMITED = "429 with Retry-After"
    RESET_AFTER = "reset, processed"
    SILENT_AFTER = "no answer, processed"
    FAILED_AFTER = "500, processed"
    HALF_STATUS = "half a status line, processed"
    HALF_HEADERS = "half of the headers, processed"
    HALF_BODY = "half of the body, processed"
    GARBAGE = "no HTTP, processed"
    TRICKLED = "a slow trickle, processed"
    LATE = "no answer, processed later"
    ODD_BEFORE = "an odd answer, not processed"
    ODD_AFTER = "an odd answer, processed"

    @property
    def processes(self) -> bool:
        """Whether the request is processed at once."""
        return self not in _NOT_AT_ONCE


_NOT_AT_ONCE: Final = frozenset(
    {
        Fault.RESET_BEFORE,
        Fault.CLOSED_BEFORE,
        Fault.SILENT_BEFORE,
        Fault.FAILED_BEFORE,
        Fault.LIMITED,
        Fault.LATE,
        Fault.ODD_BEFORE,
    }
)
# A 429 stops everybody for a second or more: as frequent as the others, it would be most of a run.
_USUAL: Final = 10
_RARE: Final = 1


@frozen
class Hit:
    """A fault that hits a request.

    Attributes:
        fault: which one.
        part: how much of it, from 0 to 1: how late, how slow, or which of the odd answers.
    """

    fault: Fault
    part: float


@frozen(kw_only=True)
class Faults:
    """The faults of a run.

    Attributes:
        seed: what chooses them.
        share: the part of the requests that they hit, from 0 to 1.
        kinds: those that happen.
    """

    seed: int
    share: float
    kinds: tuple[Fault, ...] = tuple(Fault)

    def hitting(self, name: str, number: int) -> Hit | None:
        """Return what hits a request, by what it is about and how many came before it."""
        lot = Random(f"{self.seed}/{name}/{number}")  # noqa: S311 - no secret
        if lot.random() >= self.share:
            return None
        weights = [_RARE if kind is Fault.LIMITED else _USUAL for kind in self.kinds]
        return Hit(lot.choices(self.kinds, weights)[0], lot.random())
