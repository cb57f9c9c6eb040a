"""Soak the sending promise: `python -m tests.soak --help`."""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from collections.abc import Iterator, Sequence

from attrs import asdict

from tests.soak.combinations import Combined, combined
from tests.soak.retrier import WAYS, Careless, retried
from tests.soak.soak import Plan, Run, soaked
from tests.soak.stores import Stores
from tests.soak.table import table
from tests.soak.workers import worked


def main() -> int:
    """Run, print the table, and return 0 when nothing was lost and nothing sent twice."""
    options = _options()
    plan = Plan(
        seed=options.seed,
        share=options.share,
        interval=options.interval,
        processes=options.processes,
    )
    # At once: whatever happens, it can be repeated.
    sys.stderr.write(f"seed: {plan.seed}\n")
    with Stores.opened() as stores:
        runs = list(_runs(plan, options, stores))
        odd = combined(plan.seed, stores.sqlite(), options.odd) if options.odd else None
    careless = [retried(name, plan.faults, options.careless) for name in WAYS if options.careless]
    told = _as_json(runs, careless, odd) if options.json else table(runs, careless, odd)
    sys.stdout.write(f"{told}\n")
    is_clean = all(run.account.is_clean for run in runs) and (odd is None or odd.is_clean)
    return 0 if is_clean else 1


def _runs(plan: Plan, options: argparse.Namespace, stores: Stores) -> Iterator[Run]:
    if options.sqlite:
        yield _told(soaked(plan, "SQLite", stores.sqlite(), options.sqlite))
    if options.postgres:
        yield _told(soaked(plan, "PostgreSQL", stores.postgres(), options.postgres))
    if options.workers:
        yield _told(worked(plan, "two workers", stores.postgres(), options.workers))


def _told(run: Run) -> Run:
    """Say that a run has ended, since the next may take long."""
    sys.stderr.write(f"{run.name}: {run.account}, {run.kills} kills, {run.seconds:.0f} s\n")
    return run


def _as_json(runs: Sequence[Run], careless: Sequence[Careless], odd: Combined | None) -> str:
    data = {
        "runs": [*map(asdict, runs)],
        "careless": [*map(asdict, careless)],
        "odd": odd and asdict(odd),
    }
    return json.dumps(data)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak",
        description="Send campaigns to a server that breaks requests and answers oddly, from "
        "processes that are killed, and count what is lost and what is sent twice. The same seed "
        "breaks the same requests; when a kill falls among them is up to the machine.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    for name, count, what in (
        ("sqlite", 10_000, "campaigns through a journal in SQLite"),
        ("postgres", 10_000, "campaigns through a journal in PostgreSQL"),
        ("workers", 3_000, "campaigns through two workers on PostgreSQL"),
        ("odd", 20_000, "campaigns to a server of which every answer may be odd"),
        ("careless", 1_000, "campaigns through plain httpx that tries again whatever failed"),
    ):
        parser.add_argument(f"--{name}", type=int, default=count, metavar="N", help=what)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**31), help="the chance")
    parser.add_argument("--share", type=float, default=0.2, help="of the requests are broken")
    parser.add_argument("--interval", type=float, default=2.0, help="seconds until `kill -9`")
    parser.add_argument("--processes", type=int, default=4, help="that send at once, each killed")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
