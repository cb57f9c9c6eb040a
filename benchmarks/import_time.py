"""What importing the package costs on top of its core dependencies.

Each measurement is one fresh interpreter, and its clock starts with the first import. The last
column is the median of the differences in CPU time to the dependencies alone, turn by turn. Run:
`python benchmarks/import_time.py`.
"""

from __future__ import annotations

import subprocess
import sys
from statistics import median
from typing import Final

import orjson

from parts.counting import Reading
from parts.measuring import Result
from parts.options import Options
from parts.tables import Column, Table, publish

REFERENCE: Final = "core dependencies"
DEPENDENCIES: Final = (
    "import httpx, attrs, cattrs, anyio, tenacity, orjson, httptools, aiohappyeyeballs"
)
PROGRAMS: Final = {
    REFERENCE: DEPENDENCIES,
    "... and Session": f"{DEPENDENCIES}; import mediasflow_async; mediasflow_async.Session",
    "... and a first session": f"""
{DEPENDENCIES}
from mediasflow_async import Session
session = Session(token="opaque-token")
session.campaigns, session.reports, session.blacklist, session.lists
""",
}
_TIMED: Final = """
from time import perf_counter, process_time
wall, cpu = perf_counter(), process_time()
{program}
print([1, process_time() - cpu, perf_counter() - wall])
"""


def read(program: str) -> Reading:
    """Run a program in a fresh interpreter; return what its own lines took."""
    command = [sys.executable, "-c", _TIMED.format(program=program)]
    told = subprocess.run(command, check=True, capture_output=True).stdout
    count, cpu_seconds, wall_seconds = orjson.loads(told)
    return Reading(
        count=count,
        cpu_seconds=cpu_seconds,
        wall_seconds=wall_seconds,
        minor_faults=0,
        peak_growth_bytes=None,
    )


def _milliseconds(result: Result, _: Result | None) -> float:
    return median(one.wall_seconds for one in result.readings) * 1000


def _cpu_milliseconds(result: Result, _: Result | None) -> float:
    return result.cpu_microseconds() / 1000


def _more(result: Result, reference: Result | None) -> float:
    pairs = zip(result.readings, reference.readings if reference else (), strict=True)
    return median(one.cpu_seconds - other.cpu_seconds for one, other in pairs) * 1000


COLUMNS: Final = (
    Column("ms", _milliseconds, 1),
    Column("ms CPU", _cpu_milliseconds, 1),
    Column("ms CPU more", _more, 1),
)


def main() -> None:
    """Measure and print."""
    options = Options.read(__doc__, rounds=21)
    turns = [{name: read(code) for name, code in PROGRAMS.items()} for _ in range(options.rounds)]
    table = Table(
        title=f"import, {options.rounds} fresh interpreters each",
        columns=COLUMNS,
        results=[Result(name, tuple(turn[name] for turn in turns)) for name in PROGRAMS],
        reference=REFERENCE,
    )
    publish(options.program, [table], options.json)


if __name__ == "__main__":
    main()
