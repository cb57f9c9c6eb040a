"""What `preflight` costs per row, beside the package smsutil in the same run.

A million made-up recipients with a BASIC template, one process, CPU time. smsutil splits the
same texts, already personalised, and does nothing else; the two take turns, and the medians of
the batches are compared. The memory that is gained is the map of seen numbers, which ends at
25 MB however many rows come. Run: `pip install smsutil`, then
`python benchmarks/preflight.py [rows]`.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from importlib import import_module
from itertools import islice
from pathlib import Path
from time import process_time

from mediasflow_async import CampaignRequest
from mediasflow_async.text import PreflightRun, render

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


def resident_megabytes() -> float:
    """Return the memory of this process, where the system tells it."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 2**20


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


def main(count: int = 1_000_000) -> None:
    """Print the figures."""
    run = PreflightRun(CampaignRequest(msg=MESSAGE))
    rows = made_up_rows(count)
    ours: list[float] = []
    theirs: list[float] = []
    before = resident_megabytes()
    while batch := list(islice(rows, BATCH)):
        ours.append(feed_seconds(run, batch) / len(batch))
        texts = [render(MESSAGE, row) for row in batch[:SMSUTIL_BATCH]]
        theirs.append(smsutil_seconds(texts) / len(texts))
    report = run.report()
    mine, other = statistics.median(ours) * 1e6, statistics.median(theirs) * 1e6
    print(report)
    print()
    print(f"{report.recipients:,} rows, the slowest batch {max(ours) * 1e6:.2f} µs a row")
    print(f"preflight {mine:8.2f} µs a row, {1e6 / mine:10,.0f} rows a second")
    print(f"smsutil   {other:8.2f} µs a text; preflight takes {mine / other:.3f} of that")
    print(f"memory    {resident_megabytes() - before:+8.1f} MB")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
