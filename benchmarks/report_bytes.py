"""What a megabyte of a CSV report costs: read and dropped, or on its way to the disk.

nginx serves the report over TLS, in a process of its own, and each contender has a fresh one. A
file that is written in the loop over the pieces, as httpx's documentation has it, holds the event
loop whenever the disk is slow; `save` writes in a thread, and so does `anyio.open_file`.
Run: `python benchmarks/report_bytes.py`, with `--mb 50` for less and `--plain` for no TLS.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from mediasflow_async import OperationKind
from mediasflow_async._core.calls import Operation
from parts.csv_sample import csv_lines
from parts.measuring import Contender, measure
from parts.options import Options
from parts.report_files import ServedReports, check_count, report_session, served_reports
from parts.servers import trusting
from parts.tables import Table, cpu, peak, per_second, publish, ratio
from parts.worker import AsyncWork, Settings

_REPORT: Final = "campaigns/report"
_MEGABYTE: Final = 10**6
_ROWS: Final = 10_000


@asynccontextmanager
async def read(settings: Settings) -> AsyncGenerator[AsyncWork]:
    """Read the bytes of the report and drop them."""
    async with report_session(settings) as session:

        async def work(count: int) -> None:
            operation = Operation(OperationKind.READ, "GET", f"{_REPORT}/{count}")
            seen = 0
            async with session.stream(operation) as body:
                async for piece in body.aiter_bytes():
                    seen += len(piece)
            check_count(seen, count * _MEGABYTE, "bytes")

        yield work


@asynccontextmanager
async def read_by_httpx(settings: Settings) -> AsyncGenerator[AsyncWork]:
    """Read the bytes of the report with httpx alone and drop them."""
    async with _httpx_client(settings) as client:

        async def work(count: int) -> None:
            seen = 0
            async with client.stream("GET", _url(settings, count)) as response:
                async for piece in response.aiter_bytes():
                    seen += len(piece)
            check_count(seen, count * _MEGABYTE, "bytes")

        yield work


@asynccontextmanager
async def saved(settings: Settings) -> AsyncGenerator[AsyncWork]:
    """Save the report."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "saved.csv"
        async with report_session(settings) as session:

            async def work(count: int) -> None:
                await session.reports.campaign_csv(count).save(target)
                check_count(target.stat().st_size, count * _MEGABYTE, "bytes")

            yield work


@asynccontextmanager
async def saved_by_httpx(settings: Settings) -> AsyncGenerator[AsyncWork]:
    """Write the report with httpx alone, in the way of its documentation."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "saved.csv"
        async with _httpx_client(settings) as client:

            async def work(count: int) -> None:
                async with client.stream("GET", _url(settings, count)) as response:
                    with target.open("wb") as file:
                        async for piece in response.aiter_bytes():
                            file.write(piece)
                check_count(target.stat().st_size, count * _MEGABYTE, "bytes")

            yield work


@asynccontextmanager
async def saved_aside_by_httpx(settings: Settings) -> AsyncGenerator[AsyncWork]:
    """Write the report with httpx alone, and keep the disk off the event loop."""
    import anyio

    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "saved.csv"
        async with _httpx_client(settings) as client:

            async def work(count: int) -> None:
                async with (
                    client.stream("GET", _url(settings, count)) as response,
                    await anyio.open_file(target, "wb") as file,
                ):
                    async for piece in response.aiter_bytes():
                        await file.write(piece)
                check_count(target.stat().st_size, count * _MEGABYTE, "bytes")

            yield work


def _httpx_client(settings: Settings) -> Any:
    import httpx

    return httpx.AsyncClient(verify=trusting(settings["ca"]))


def _url(settings: Settings, count: int) -> str:
    return f"{settings['url']}files/{_REPORT}/{count}"


def _write(path: Path, megabytes: int) -> None:
    """Write a report of exactly so many megabytes; its last line may be half of one."""
    block = "".join(csv_lines(_ROWS)).encode()
    left = megabytes * _MEGABYTE
    with path.open("wb") as file:
        while left:
            left -= file.write(block[:left])


READ_REFERENCE: Final = "httpx, aiter_bytes"
READS: Final = (
    Contender("mediasflow_async, aiter_bytes", read),
    Contender(READ_REFERENCE, read_by_httpx, ("httpx",)),
)
SAVE_REFERENCE: Final = "httpx, anyio.open_file"
SAVES: Final = (
    Contender("mediasflow_async, save", saved),
    Contender("httpx, write on the event loop", saved_by_httpx, ("httpx",)),
    Contender(SAVE_REFERENCE, saved_aside_by_httpx, ("httpx",)),
)


def main() -> None:
    """Measure and print."""
    options = Options.read(__doc__, rounds=5, mb=200, plain=False)
    megabytes = options.sized(options.others.mb, 2)
    uses_tls = not options.others.plain
    with served_reports(_REPORT, _write, megabytes, 1, uses_tls=uses_tls) as served:
        tables = [
            _table(options, served, "read", READS, READ_REFERENCE),
            _table(options, served, "to the disk", SAVES, SAVE_REFERENCE),
        ]
    publish(options.program, tables, options.json)


def _table(
    options: Options,
    served: ServedReports,
    what: str,
    contenders: tuple[Contender, ...],
    reference: str,
) -> Table:
    megabytes = served.size_bytes // _MEGABYTE
    results = measure(
        options.chosen(contenders),
        served.settings,
        count=megabytes,
        warm_up=1,
        rounds=options.rounds,
    )
    return Table(
        title=f"CSV report of {megabytes} MB over {served.over}, {what}",
        columns=(cpu("ms CPU/MB", digits=3, scale=1e-3), ratio(), per_second("MB/s"), peak()),
        results=results,
        reference=reference,
        facts={"server": served.server, "megabytes": megabytes},
    )


if __name__ == "__main__":
    main()
