"""What a row of a CSV report costs.

One report of 20 columns, with accents and a few quoted line breaks. Our session reads it from
nginx, in a process of its own; csv, polars and pyarrow read the same bytes from a file, without
any network. Each contender has a fresh process. Run: `python benchmarks/report_csv.py`, with
`--rows 100000` for less and `--tls` for TLS.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from parts.csv_sample import write_csv
from parts.measuring import Contender, measure
from parts.options import Options
from parts.ours import report_session
from parts.servers import nginx
from parts.tables import Table, cpu, peak, per_second, publish, ratio
from parts.worker import AsyncWork, Settings, Work

_REPORT: Final = "campaigns/report"
_DELIMITER: Final = ";"


@asynccontextmanager
async def typed_rows(settings: Settings) -> AsyncGenerator[AsyncWork]:
    """Iterate over the report as `ReportRow`s."""
    async with report_session(settings) as session:

        async def work(count: int) -> None:
            seen = 0
            async for _ in session.reports.campaign_csv(count):
                seen += 1
            _check(seen, count)

        yield work


@asynccontextmanager
async def dicts(settings: Settings) -> AsyncGenerator[AsyncWork]:
    """Iterate over the report as dictionaries."""
    async with report_session(settings) as session:

        async def work(count: int) -> None:
            seen = 0
            async for _ in session.reports.campaign_csv(count).dicts():
                seen += 1
            _check(seen, count)

        yield work


@contextmanager
def csv_reader(settings: Settings) -> Generator[Work]:
    """Read the file with csv.reader."""
    yield _reading(settings, lambda file: csv.reader(file, delimiter=_DELIMITER), header=1)


@contextmanager
def csv_dict_reader(settings: Settings) -> Generator[Work]:
    """Read the file with csv.DictReader."""
    yield _reading(settings, lambda file: csv.DictReader(file, delimiter=_DELIMITER), header=0)


def _reading(settings: Settings, records_of: Callable[[Any], Any], *, header: int) -> Work:
    def work(count: int) -> None:
        with _file(settings, count).open(encoding="utf-8", newline="") as file:
            _check(sum(1 for _ in records_of(file)) - header, count)

    return work


@contextmanager
def polars(settings: Settings) -> Generator[Work]:
    """Read the whole file with polars."""
    read = import_module("polars").read_csv

    def work(count: int) -> None:
        _check(len(read(_file(settings, count), separator=_DELIMITER)), count)

    yield work


@contextmanager
def pyarrow(settings: Settings) -> Generator[Work]:
    """Read the whole file with pyarrow."""
    arrow = import_module("pyarrow.csv")
    options = arrow.ParseOptions(delimiter=_DELIMITER, newlines_in_values=True)

    def work(count: int) -> None:
        table = arrow.read_csv(_file(settings, count), parse_options=options)
        _check(table.num_rows, count)

    yield work


def _file(settings: Settings, count: int) -> Path:
    return Path(settings["folder"], _REPORT, str(count))


def _check(seen: int, count: int) -> None:
    if seen != count:
        raise SystemExit(f"{seen} rows of {count}")


ROWS_REFERENCE: Final = "csv.reader, from a file"
ROWS: Final = (
    Contender("mediasflow_async, ReportRow", typed_rows),
    Contender("mediasflow_async, dicts", dicts),
    Contender(ROWS_REFERENCE, csv_reader),
    Contender("csv.DictReader, from a file", csv_dict_reader),
    Contender("polars.read_csv, from a file", polars, ("polars",)),
    Contender("pyarrow.csv, from a file", pyarrow, ("pyarrow",)),
)


def main() -> None:
    """Measure and print."""
    options = Options.read(__doc__, rounds=5, rows=1_000_000, tls=False)
    count = options.sized(options.others.rows, 2000)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for rows in {count, count // 10}:
            write_csv(folder / _REPORT / str(rows), rows)
        size = (folder / _REPORT / str(count)).stat().st_size
        with nginx(files=folder, uses_tls=options.others.tls) as server:
            results = measure(
                options.chosen(ROWS),
                server.settings | {"folder": name},
                count=count,
                warm_up=count // 10,
                rounds=options.rounds,
            )
    over = "TLS" if options.others.tls else "HTTP"
    table = Table(
        title=f"CSV report of {count:,} rows and 20 columns, {size / 1e6:,.0f} MB, over {over}",
        columns=(cpu("µs CPU/row", digits=2), ratio(), per_second("rows/s"), peak()),
        results=results,
        reference=ROWS_REFERENCE,
        facts={"server": server.name, "rows": count, "bytes": size},
    )
    publish(options.program, [table], options.json)


if __name__ == "__main__":
    main()
