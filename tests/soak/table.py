"""What came of a soak, for people. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from mediasflow_async.delivery import State
from tests.soak.combinations import Combined
from tests.soak.faults import Fault
from tests.soak.retrier import Careless
from tests.soak.soak import Run

__all__ = ["table"]

_HEADINGS: Final = (
    "campaigns",
    "launched",
    "rejected",
    "called off",
    "parked",
    "lost",
    "duplicated",
    "disagreeing",
    "kills",
    "requests",
    "faults",
    "latest",
    "seconds",
)


def table(
    runs: Sequence[Run], careless: Sequence[Careless], combinations: Combined | None = None
) -> str:
    """Return the whole."""
    parts = [_outcomes(runs, careless)]
    if runs:
        parts.append(_faults(runs))
    if combinations:
        parts.append(_combinations(combinations))
    return "\n\n".join(parts)


def _outcomes(runs: Sequence[Run], careless: Sequence[Careless]) -> str:
    rows = [["", *_HEADINGS], *map(_run_row, runs), *map(_careless_row, careless)]
    return _aligned(rows)


def _run_row(run: Run) -> list[str]:
    account = run.account
    ended = account.ended
    numbers: tuple[float | str, ...] = (
        account.campaigns,
        ended.get(State.LAUNCHED, 0),
        ended.get(State.REJECTED, 0),
        ended.get(State.CANCELLED, 0),
        account.parked,
        len(account.lost),
        account.duplicated,
        len(account.disagreeing),
        run.kills,
        sum(run.requests.values()),
        f"{sum(run.faults.values()) / sum(run.requests.values()):.1%}",
        f"{run.latest:.1f} s",
        f"{run.seconds:.0f}",
    )
    return [run.name, *map(_text, numbers)]


def _careless_row(careless: Careless) -> list[str]:
    known: dict[str, float | str] = {
        "campaigns": careless.campaigns,
        "launched": careless.campaigns - careless.unsent,
        "lost": careless.unsent,
        "duplicated": careless.duplicated,
        "kills": 0,
        "seconds": f"{careless.seconds:.0f}",
    }
    return [f"retry all: {careless.name}", *(_text(known.get(name, "")) for name in _HEADINGS)]


def _faults(runs: Sequence[Run]) -> str:
    heading = ["faults", *(run.name for run in runs)]
    rows = [[fault, *(_text(run.faults.get(fault, 0)) for run in runs)] for fault in Fault]
    return _aligned([heading, *rows])


def _combinations(run: Combined) -> str:
    """Return what came of the odd answers."""
    numbers = {
        "campaigns": run.campaigns,
        "combinations": run.combinations,
        **{state.lower(): count for state, count in sorted(run.ended.items())},
        "doubled": len(run.doubled),
        "launched, falsely": len(run.falsely_launched),
        "rejected, falsely": len(run.falsely_ended),
    }
    return _aligned([["odd answers", *numbers], ["", *map(_text, numbers.values())]])


def _text(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:,}"


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(_line(row, widths) for row in rows)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    def cells() -> Iterator[str]:
        for place, (cell, width) in enumerate(zip(row, widths, strict=True)):
            yield cell.rjust(width) if place else cell.ljust(width)

    return "  ".join(cells()).rstrip()
