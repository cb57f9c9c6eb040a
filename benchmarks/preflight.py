"""What `preflight` costs per row, beside the package smsutil in the same run.

A million made-up recipients with a BASIC template, one process, CPU time. smsutil splits the
same texts, already personalised, and does nothing else; the two take turns, and the medians of
the batches are compared. The memory that is gained is the map of seen numbers, which ends at
25 MB however many rows come. Run: `python benchmarks/preflight.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from itertools import islice
from pathlib import Path
from time import process_time

from mediasflow_async import CampaignRequest
from mediasflow_async.text import PreflightRun, render
from parts.counting import Reading
from parts.measuring import Result
from parts.options import Options
from parts.tables import Table, cpu, peak, per_second, publish, ratio

SMSUTIL = "smsutil.split, the same texts"
BATCH = 5_000
SMSUTIL_BATCH = 100
MESSAGE = (
    "Bonjour ${PRENOM} ${NOM}, votre colis ${REF} est disponible à l'agence de ${VILLE}. "
    "Retrait dès demain 9h. STOP 36184"
)
FIRST_NAMES = ("Hélène", "Jacqueline", "Paul", "Zoé", "Benoît", "Anne-Marie", "Jean", "Chloé")
LAST_NAMES = ("Martin", "Lefèvre", "Gaillard", "Dupont", "Moreau", "Girard", "Roux")
TOWNS = ("Paris", "Lyon", "Boulogne-Billancourt", "Nîmes", "Angers", "Villeurbanne")

Row = dict[str, str]


def made_up_rows(count: int) -> Iterator[Row]:
    """Yield rows; one number in a hundred came before."""
    for place in range(count):
        number = place if place % 100 else place // 2
        yield {
            "mobile": f"0{600_000_000 + number * 191 % 200_000_000}",
            "PRENOM": FIRST_NAMES[place % len(FIRST_NAMES)],
            "NOM": LAST_NAMES[place % len(LAST_NAMES)],
            "REF": f"R{place:07}",
            "VILLE": TOWNS[place % len(TOWNS)],
        }


def resident_bytes() -> int:
    """Return the memory of this process, where the system tells it."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096


def feed_seconds(run: PreflightRun, rows: list[Row]) -> float:
    """Return the CPU time of feeding rows."""
    start = process_time()
    for row in rows:
        run.feed(row)
    return process_time() - start


def smsutil_seconds(texts: list[str]) -> float:
    """Return the CPU time of splitting texts with smsutil."""
    split = import_module("smsutil").split
    start = process_time()
    for text in texts:
        split(text)
    return process_time() - start


def main() -> None:
    """Measure and print."""
    options = Options.read(__doc__, rounds=1, rows=1_000_000)
    count = options.sized(options.others.rows, 2 * BATCH)
    run = PreflightRun(CampaignRequest(msg=MESSAGE))
    rows = made_up_rows(count)
    ours: list[Reading] = []
    theirs: list[Reading] = []
    before = resident_bytes()
    while batch := list(islice(rows, BATCH)):
        seconds = feed_seconds(run, batch)
        ours.append(_reading(len(batch), seconds, resident_bytes() - before))
        texts = [render(MESSAGE, row) for row in batch[:SMSUTIL_BATCH]]
        theirs.append(_reading(len(texts), smsutil_seconds(texts), None))
    print(run.report(), end="\n\n")
    table = Table(
        title=f"preflight of {count:,} rows",
        columns=(cpu("µs CPU/row", digits=2), ratio(digits=3), per_second("rows/s"), peak()),
        results=[Result("preflight", tuple(ours)), Result(SMSUTIL, tuple(theirs))],
        reference=SMSUTIL,
        facts={"rows": count, "batch": BATCH, "smsutil_batch": SMSUTIL_BATCH},
    )
    publish(options.program, [table], options.json)


def _reading(count: int, seconds: float, growth_bytes: int | None) -> Reading:
    return Reading(
        count=count,
        cpu_seconds=seconds,
        # The program waits for nothing.
        wall_seconds=seconds,
        minor_faults=0,
        peak_growth_bytes=growth_bytes,
    )


if __name__ == "__main__":
    main()
