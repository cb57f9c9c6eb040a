"""What a row of a CSV report costs.

One report of 20 columns, with accents and a few quoted line breaks. Our session reads it from
nginx, in a process of its own; csv, polars and pyarrow read the same bytes from a file, without
any network. Each contender has a fresh process. Run: `python benchmarks/report_csv.py`, with
`--rows 100000` for less and `--tls` for TLS.
"""

from __future__ import annotations

import csv
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from parts.csv_sample import write_csv
from parts.measuring import Contender, measure
from parts.options import Options
from parts.report_files import check_count, report_session, served_reports
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
            check_count(seen, count)

        yield work


@asynccontextmanager
async def dicts(settings: Settings) -> AsyncGenerator[AsyncWork]:
    """Iterate over the report as dictionaries."""
    async with report_session(settings) as session:

        async def work(count: int) -> None:
            seen = 0
            async for _ in session.reports.campaign_csv(count).dicts():
                seen += 1
            check_count(seen, count)

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
            check_count(sum(1 for _ in records_of(file)) - header, count)

    return work


@contextmanager
def polars(settings: Settings) -> Generator[Work]:
    """Read the whole file with polars."""
    read = import_module("polars").read_csv

    def work(count: int) -> None:
        check_count(len(read(_file(settings, count), separator=_DELIMITER)), count)

    yield work


@contextmanager
def pyarrow(settings: Settings) -> Generator[Work]:
    """Read the whole file with pyarrow."""
    arrow = import_module("pyarrow.csv")
    options = arrow.ParseOptions(delimiter=_DELIMITER, newlines_in_values=True)

    def work(count: int) -> None:
        table = arrow.read_csv(_file(settings, count), parse_options=options)
        check_count(table.num_rows, count)

    yield work


def _file(settings: Settings, count: int) -> Path:
    return Path(settings["folder"], _REPORT, str(count))


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
    warm_up = count // 10
    uses_tls = options.others.tls
    with served_reports(_REPORT, write_csv, count, warm_up, uses_tls=uses_tls) as served:
        results = measure(
            options.chosen(ROWS),
            served.settings,
            count=count,
            warm_up=warm_up,
            rounds=options.rounds,
        )
    megabytes = served.size_bytes / 1e6
    table = Table(
        title=(
            f"CSV report of {count:,} rows and 20 columns, {megabytes:,.0f} MB, over {served.over}"
        ),
        columns=(cpu("µs CPU/row", digits=2), ratio(), per_second("rows/s"), peak()),
        results=results,
        reference=ROWS_REFERENCE,
        facts={"server": served.server, "rows": count, "bytes": served.size_bytes},
    )
    publish(options.program, [table], options.json)


if __name__ == "__main__":
    main()
