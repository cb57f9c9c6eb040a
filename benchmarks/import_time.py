"""What importing the package costs on top of its core dependencies.

Each measurement is one fresh interpreter. The programs take turns, so that a slow moment of the
machine hits all of them. Run: `python benchmarks/import_time.py [rounds]`.
"""

from __future__ import annotations

import statistics
import subprocess
import sys

DEPENDENCIES = "import httpx, attrs, cattrs, anyio, tenacity, orjson"
PROGRAMS = {
    "core dependencies": DEPENDENCIES,
    "... and Session": f"{DEPENDENCIES}; import mediasflow_async; mediasflow_async.Session",
    "... and a first session": f"""
{DEPENDENCIES}
from mediasflow_async import Session
session = Session(token="opaque-token")
session.campaigns, session.reports, session.blacklist, session.lists
""",
}
TIMED = """
from time import perf_counter
start = perf_counter()
{program}
print((perf_counter() - start) * 1000)
"""


def measure_ms(program: str) -> float:
    """Run the program in a fresh interpreter; return how long its own lines took."""
    command = [sys.executable, "-c", TIMED.format(program=program)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main(rounds: int = 21) -> None:
    """Print the median of each program, and the median of what it costs more, turn by turn."""
    turns = [{name: measure_ms(code) for name, code in PROGRAMS.items()} for _ in range(rounds)]
    print(f"median of {rounds} fresh interpreters each")
    for name in PROGRAMS:
        whole = statistics.median(turn[name] for turn in turns)
        more = statistics.median(turn[name] - turn["core dependencies"] for turn in turns)
        print(f"{name:<28}{whole:7.1f} ms{more:+8.1f} ms")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
