"""Contenders measured in turn, each in a fresh process, and the medians of what they cost."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import orjson
from attrs import evolve, field, frozen

from parts.counting import Reading
from parts.worker import AsyncWork, Settings, Work

__all__ = ["Contender", "Result", "measure"]

_PROGRAMS = Path(__file__).parents[1]

Opening = Callable[
    [Settings], AbstractContextManager[Work] | AbstractAsyncContextManager[AsyncWork]
]
"""Makes what a contender needs, given the settings, and holds it while its work runs."""


@frozen
class Contender:
    """One way of doing the work.

    Attributes:
        name: as the table shows it.
        opening: a function at the top of a program or of a part of one, decorated with
            `contextmanager` or `asynccontextmanager`, that yields the work.
        needs: packages that it imports.
        programs: commands that it runs.
        loop: event loop of asynchronous work, "asyncio" or "uvloop".
        settings: of this contender alone, over those of all.
    """

    name: str
    opening: Opening
    needs: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    loop: str = "asyncio"
    settings: Settings = field(factory=dict)

    def missing(self) -> tuple[str, ...]:
        """Return the packages and commands that are not installed."""
        packages = self.needs if self.loop == "asyncio" else (*self.needs, self.loop)
        commands = (name for name in self.programs if shutil.which(name) is None)
        return (*(name for name in packages if not _is_installed(name)), *commands)


@frozen
class Result:
    """What a contender took.

    Attributes:
        name: the contender's.
        readings: one for each round; none when it could not be measured.
        problem: why it could not be measured, or an empty text.
    """

    name: str
    readings: tuple[Reading, ...] = ()
    problem: str = ""

    def cpu_microseconds(self) -> float:
        """Return the CPU time of one unit of work, the median of the rounds."""
        return median(self._cpu_microseconds())

    def ratio_to(self, reference: Result) -> float:
        """Return the median of the CPU times divided, round by round, by the reference's."""
        pairs = zip(self._cpu_microseconds(), reference._cpu_microseconds(), strict=True)
        return median(mine / other for mine, other in pairs)

    def less(self, other: Result) -> Result:
        """Return what this took more than another in CPU time, round by round."""
        pairs = zip(self.readings, other.readings, strict=True)
        more = (
            evolve(mine, cpu_seconds=mine.cpu_seconds - its.cpu_seconds * mine.count / its.count)
            for mine, its in pairs
        )
        return evolve(self, readings=tuple(more))

    def per_second(self) -> float:
        """Return the units of work done in a second on the clock, the median of the rounds."""
        return median(one.count / one.wall_seconds for one in self.readings)

    def faults(self) -> float:
        """Return the minor page faults of one unit of work, the median of the rounds."""
        return median(one.minor_faults / one.count for one in self.readings)

    def peak_megabytes(self) -> float:
        """Return by how much resident memory grew, the most of all rounds; NaN if unknown."""
        peaks = [one.peak_growth_bytes for one in self.readings]
        return max((float("nan") if peak is None else peak / 2**20) for peak in peaks)

    def figure(self, name: str) -> float:
        """Return a figure that the work reported, the median of the rounds; NaN if it did not."""
        return median(one.figures.get(name, float("nan")) for one in self.readings)

    def _cpu_microseconds(self) -> list[float]:
        return [one.cpu_seconds / one.count * 1e6 for one in self.readings]


def measure(
    contenders: Sequence[Contender],
    settings: Settings,
    *,
    count: int,
    warm_up: int,
    rounds: int,
) -> list[Result]:
    """Measure all contenders in turn, A B C A B C, so that a slow moment hits all of them.

    Args:
        contenders: who takes part; who is not installed is named in the results.
        settings: what each is given; it goes through JSON.
        count: units of work that are measured.
        warm_up: units of work before that, which are not.
        rounds: how often each has its turn.
    """
    readings: dict[str, list[Reading]] = {one.name: [] for one in contenders}
    problems = {one.name: _not_installed(one) for one in contenders}
    for turn in range(rounds):
        for one in contenders:
            if not problems[one.name]:
                _tell(f"round {turn + 1} of {rounds}: {one.name}")
                job = {"settings": {**settings, **one.settings}, "count": count, "loop": one.loop}
                read = _read(one, job | {"warm_up": warm_up})
                if isinstance(read, str):
                    problems[one.name] = read
                else:
                    readings[one.name].append(read)
    return [
        Result(name, () if problem else tuple(readings[name]), problem)
        for name, problem in problems.items()
    ]


def _read(contender: Contender, job: dict[str, Any]) -> Reading | str:
    """Return what one turn took, or why it failed."""
    place = f"{_module_of(contender.opening)}:{contender.opening.__name__}"
    command = [sys.executable, "-m", "parts.worker", place, orjson.dumps(job).decode()]
    done = subprocess.run(command, cwd=_PROGRAMS, check=False, capture_output=True, text=True)
    if done.returncode:
        _tell(done.stderr)
        return f"failed: {done.stderr.strip().rpartition(chr(10))[2]}"
    return Reading(**orjson.loads(done.stdout.splitlines()[-1]))


def _module_of(function: Opening) -> str:
    module = function.__module__
    return Path(sys.argv[0]).stem if module == "__main__" else module


def _not_installed(contender: Contender) -> str:
    missing = contender.missing()
    return f"not installed: {', '.join(missing)}" if missing else ""


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:
        return False


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
