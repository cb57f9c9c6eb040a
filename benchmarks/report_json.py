"""What a row of a JSON report costs, read over HTTP: typed rows beside ijson's bare dicts.

The same report is read from nginx, in a process of its own, by each contender in a fresh
process. ijson and orjson get their bytes from `http.client`, which takes less time than any
asynchronous client. Run: `python benchmarks/report_json.py`, with `--rows 100000` for less.
"""

from __future__ import annotations

import http.client
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing, asynccontextmanager, contextmanager
from importlib import import_module
from typing import Final

import orjson

from mediasflow_async import OperationKind
from mediasflow_async._core.calls import Operation
from parts.measuring import Contender, measure
from parts.options import Options
from parts.report_files import check_count, report_session, served_reports
from parts.report_sample import write_json
from parts.servers import trusting
from parts.tables import Table, cpu, faults, peak, per_second, publish, ratio
from parts.worker import AsyncWork, Settings, Work

_PIECE_BYTES: Final = 2**16
_REPORT: Final = "campaigns/reportjson/"


@asynccontextmanager
async def typed_rows(settings: Settings) -> AsyncGenerator[AsyncWork]:
    """Iterate over the rows of a report."""
    async with report_session(settings) as session:

        async def work(count: int) -> None:
            seen = 0
            async for _ in session.reports.campaign(count):
                seen += 1
            check_count(seen, count)

        yield work


@asynccontextmanager
async def dicts(settings: Settings) -> AsyncGenerator[AsyncWork]:
    """Decode the rows of a report, and make no models of them."""
    async with report_session(settings) as session:

        async def work(count: int) -> None:
            seen = 0
            operation = Operation(OperationKind.READ, "GET", f"{_REPORT}{count}")
            async with (
                session.stream(operation) as body,
                aclosing(body.aiter_array()) as blocks,
            ):
                async for block in blocks:
                    seen += len(block)
            check_count(seen, count)

        yield work


@contextmanager
def ijson(settings: Settings) -> Generator[Work]:
    """Decode the rows of a report with ijson over yajl, its fastest backend."""
    backend = import_module("ijson").get_backend("yajl2_c")

    def work(count: int) -> None:
        with _answered(settings, count) as answer:
            rows = backend.items(answer, "item", buf_size=_PIECE_BYTES)
            check_count(sum(1 for _ in rows), count)

    yield work


@contextmanager
def whole(settings: Settings) -> Generator[Work]:
    """Read a report whole and decode it with orjson."""

    def work(count: int) -> None:
        with _answered(settings, count) as answer:
            check_count(len(orjson.loads(answer.read())), count)

    yield work


@contextmanager
def _answered(settings: Settings, count: int) -> Generator[http.client.HTTPResponse]:
    host, ca = f"127.0.0.1:{settings['port']}", settings["ca"]
    connection = (
        http.client.HTTPSConnection(host, context=trusting(ca))
        if ca
        else http.client.HTTPConnection(host)
    )
    try:
        connection.request("GET", f"/files/{_REPORT}{count}")
        yield connection.getresponse()
    finally:
        connection.close()


REFERENCE = "ijson (yajl2_c), dicts"
CONTENDERS = (
    Contender("mediasflow_async, ReportRow", typed_rows),
    Contender("mediasflow_async, dicts", dicts),
    Contender(REFERENCE, ijson, ("ijson",)),
    Contender("orjson on the whole, dicts", whole),
)


def main() -> None:
    """Measure and print."""
    options = Options.read(__doc__, rounds=3, rows=1_000_000, plain=False)
    count = options.sized(options.others.rows, 2000)
    warm_up = count // 10
    uses_tls = not options.others.plain
    with served_reports(_REPORT, write_json, count, warm_up, uses_tls=uses_tls) as served:
        results = measure(
            options.chosen(CONTENDERS),
            served.settings,
            count=count,
            warm_up=warm_up,
            rounds=options.rounds,
        )
    megabytes = served.size_bytes / 1e6
    table = Table(
        title=f"JSON report of {count:,} rows, {megabytes:,.0f} MB, over {served.over}",
        columns=(
            cpu("µs CPU/row", digits=2),
            ratio(),
            per_second("rows/s"),
            faults("faults/row"),
            peak(),
        ),
        results=results,
        reference=REFERENCE,
        facts={"server": served.server, "rows": count, "bytes": served.size_bytes},
    )
    publish(options.program, [table], options.json)


if __name__ == "__main__":
    main()
