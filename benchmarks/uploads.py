"""What the upload of a large list costs the client, beside other clients.

A CSV file of 200 MB over TLS to a server in a process of its own, which reads it to its end.
Then the same list as rows, which somebody has to write as CSV first. CPU time is that of the
client, its threads and child processes included; how long the event loop is held is measured in
turns of their own. Run: `python benchmarks/uploads.py`, with `--mb 1000` for a larger file.
"""

from __future__ import annotations

import asyncio
import csv
import io
import subprocess
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from time import perf_counter, thread_time
from typing import Any, Final

from attrs import frozen

from parts.measuring import Contender, measure
from parts.options import Options
from parts.servers import in_python, trusting
from parts.tables import Table, cpu, faults, figure, peak, per_second, publish, ratio
from parts.worker import AsyncWork, Figures, Settings, Work
from parts.workload import TOKEN

MEGABYTE: Final = 10**6
TICK_SECONDS: Final = 0.001
HEADER: Final = tuple("mobile Prenom Nom Reference Ville".split())
ROWS_PER_MEGABYTE: Final = 20_000

Upload = Callable[[int], Awaitable[object]]
"""Uploads so many megabytes."""


def row(number: int) -> dict[str, Any]:
    """Return one recipient of the list, in about 50 bytes of CSV."""
    cells = f"06{number:08}", "Helene", "Lefevre", f"C-{number:010}", "Villeurbanne"
    return dict(zip(HEADER, cells, strict=True))


def rows(megabytes: int) -> Iterator[dict[str, Any]]:
    """Yield the rows of a list of so many megabytes."""
    return map(row, range(megabytes * ROWS_PER_MEGABYTE))


def file_of(settings: Settings, megabytes: int) -> Path:
    """Return the file of so many megabytes."""
    return Path(settings["folder"]) / f"{megabytes}.csv"


def write_file(path: Path, megabytes: int) -> None:
    """Write a list of exactly so many megabytes."""
    line = b";".join(str(cell).encode() for cell in row(0).values()) + b"\r\n"
    block = line * (MEGABYTE // len(line))
    with path.open("wb") as file:
        file.write((";".join(HEADER) + "\r\n").encode())
        for _ in range(megabytes):
            file.write(block)
        file.write(b" " * (megabytes * MEGABYTE - file.tell()))


class Watch:
    """Comes back to the event loop every millisecond, and notes how late it is."""

    def __init__(self) -> None:
        self.late_seconds = 0.0
        self.busy_seconds = 0.0

    async def keep(self) -> None:
        """Watch until cancelled."""
        while True:
            due, used = perf_counter() + TICK_SECONDS, thread_time()
            await asyncio.sleep(TICK_SECONDS)
            self.late_seconds = max(self.late_seconds, perf_counter() - due)
            self.busy_seconds = max(self.busy_seconds, thread_time() - used)

    def figures(self) -> Figures:
        """Return the longest delay, and the most CPU time used between two turns."""
        return {"late": self.late_seconds * 1e3, "busy": self.busy_seconds * 1e3}


def working(upload: Upload, settings: Settings) -> AsyncWork:
    """Return the work of a contender, watched if the settings say so."""

    async def work(megabytes: int) -> Figures:
        watch = Watch()
        if not settings["is_watched"]:
            await upload(megabytes)
            return None
        watching = asyncio.create_task(watch.keep())
        await asyncio.sleep(TICK_SECONDS)
        await upload(megabytes)
        await asyncio.sleep(TICK_SECONDS)
        watching.cancel()
        return watch.figures()

    return work


@asynccontextmanager
async def ours(settings: Settings) -> AsyncGenerator[AsyncWork]:
    """Upload the file with this package."""
    async with _session(settings) as session:

        async def upload(megabytes: int) -> None:
            await session.lists.upload(file_of(settings, megabytes), filename="people.csv")

        yield working(upload, settings)


@asynccontextmanager
async def ours_rows(settings: Settings) -> AsyncGenerator[AsyncWork]:
    """Upload rows with this package."""
    async with _session(settings) as session:

        async def upload(megabytes: int) -> None:
            await session.lists.upload(rows(megabytes), filename="people.csv")

        yield working(upload, settings)


def _session(settings: Settings) -> Any:
    from mediasflow_async import Session

    context = trusting(settings["ca"])
    return Session(token=TOKEN, base_url=settings["url"], ssl_context=context, deadline=None)


@asynccontextmanager
async def aiohttp(settings: Settings) -> AsyncGenerator[AsyncWork]:
    """Upload the file with aiohttp."""
    async with _aiohttp_session(settings) as session:

        async def upload(megabytes: int) -> None:
            with file_of(settings, megabytes).open("rb") as file:
                await _post_with_aiohttp(session, settings, file)

        yield working(upload, settings)


@asynccontextmanager
async def aiohttp_rows(settings: Settings) -> AsyncGenerator[AsyncWork]:
    """Write rows to a temporary file with `csv.DictWriter`, and upload it with aiohttp."""
    async with _aiohttp_session(settings) as session:

        async def upload(megabytes: int) -> None:
            with tempfile.TemporaryFile() as file:
                text = io.TextIOWrapper(file, encoding="utf-8", newline="")
                writer: csv.DictWriter[str] = csv.DictWriter(text, HEADER, delimiter=";")
                writer.writeheader()
                writer.writerows(rows(megabytes))
                text.flush()
                file.seek(0)
                await _post_with_aiohttp(session, settings, file)

        yield working(upload, settings)


def _aiohttp_session(settings: Settings) -> Any:
    import aiohttp

    connector = aiohttp.TCPConnector(ssl=trusting(settings["ca"]))
    timeout = aiohttp.ClientTimeout(total=None)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return aiohttp.ClientSession(connector=connector, timeout=timeout, headers=headers)


async def _post_with_aiohttp(session: Any, settings: Settings, file: Any) -> None:
    import aiohttp

    form = aiohttp.FormData({"filename": "people.csv"})
    form.add_field("file", file, filename="people.csv", content_type="text/csv")
    url = f"{settings['url']}lists/upload"
    async with session.post(url, data=form, raise_for_status=True) as response:
        await response.json()


@asynccontextmanager
async def httpx(settings: Settings) -> AsyncGenerator[AsyncWork]:
    """Upload the file with httpx's own pool and multipart encoder."""
    import httpx

    headers = {"Authorization": f"Bearer {TOKEN}"}
    context = trusting(settings["ca"])
    async with httpx.AsyncClient(verify=context, headers=headers, timeout=None) as client:  # noqa: S113 - loopback

        async def upload(megabytes: int) -> None:
            with file_of(settings, megabytes).open("rb") as file:
                response = await client.post(
                    f"{settings['url']}lists/upload",
                    data={"filename": "people.csv"},
                    files={"file": ("people.csv", file, "text/csv")},
                )
            response.raise_for_status().json()

        yield working(upload, settings)


@contextmanager
def curl(settings: Settings) -> Generator[Work]:
    """Upload the file with the program curl, whose start counts as well."""
    command = ["curl", "--silent", "--show-error", "--fail", "--cacert", settings["ca"]]
    command += ["--header", "Expect:", "--form", "filename=people.csv", "--output", "/dev/null"]

    def work(megabytes: int) -> None:
        file = f"file=@{file_of(settings, megabytes)};type=text/csv"
        subprocess.run([*command, "--form", file, f"{settings['url']}lists/upload"], check=True)

    yield work


@frozen
class Trial:
    """Contenders that upload the same.

    Attributes:
        what: what they upload.
        contenders: who they are.
        reference: name of the one whose CPU time is 1.
        megabytes: how much each uploads.
    """

    what: str
    contenders: Sequence[Contender]
    reference: str
    megabytes: int


def trials(options: Options, megabytes: int) -> Iterator[Trial]:
    """Yield what is measured."""
    files = (
        Contender("mediasflow_async", ours),
        Contender("aiohttp, FormData", aiohttp, ("aiohttp",)),
        Contender("httpx, files=", httpx, ("httpx",)),
        Contender("curl --form", curl, programs=("curl",)),
    )
    rows_given = (
        Contender("mediasflow_async, rows", ours_rows),
        Contender("csv.DictWriter, aiohttp", aiohttp_rows, ("aiohttp",)),
    )
    yield Trial("a file", options.chosen(files), files[1].name, megabytes)
    # A tenth, since to write CSV takes far longer than to send it.
    yield Trial("rows", options.chosen(rows_given), rows_given[1].name, max(1, megabytes // 10))


def tables_of(trial: Trial, settings: Settings, rounds: int) -> Iterator[Table]:
    """Yield what a trial costs, and how long it holds the event loop."""
    read = partial(measure, count=trial.megabytes, warm_up=1, rounds=rounds)
    title = f"upload of {trial.what}, {trial.megabytes} MB over TLS"
    facts = {"server": settings["server"], "megabytes": trial.megabytes}
    yield Table(
        title=title,
        columns=(
            cpu("CPU s/GB", digits=2, scale=1e-3),
            ratio(),
            per_second("MB/s"),
            faults("faults/MB"),
            peak(),
        ),
        results=read(trial.contenders, {**settings, "is_watched": False}),
        reference=trial.reference,
        facts=facts,
    )
    yield Table(
        title=f"{title}: the longest hold of the event loop, by the clock and by the processor",
        columns=(figure("late", "ms", digits=1), figure("busy", "ms CPU", digits=1)),
        results=read(
            [one for one in trial.contenders if not one.programs], {**settings, "is_watched": True}
        ),
        facts=facts,
    )


def main() -> None:
    """Measure and print."""
    options = Options.read(__doc__, rounds=7, mb=200)
    megabytes = options.sized(options.others.mb, 2)
    with in_python("fixed", b'{"id": 7}') as server, tempfile.TemporaryDirectory() as folder:
        for size in {1, megabytes}:
            write_file(Path(folder) / f"{size}.csv", size)
        settings = server.settings | {"folder": folder, "server": server.name}
        each = trials(options, megabytes)
        tables = [table for one in each for table in tables_of(one, settings, options.rounds)]
    publish(options.program, tables, options.json)


if __name__ == "__main__":
    main()
