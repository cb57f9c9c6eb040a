"""What it costs to send campaigns under keys: at most one launch each, whatever happens.

Each campaign is prepared and launched over TLS at a server in a process of its own. The
reference makes the same two calls and remembers nothing. A journal in memory shows what the
sender itself adds, the stores what it takes to have every step on the disk before the next one.
The share is what the durable path adds, of the whole CPU time or of the time from the call to
the receipt. The first table has many campaigns under way, the second one at a time. Run:
`python benchmarks/delivery.py`.
"""

from __future__ import annotations

import itertools
import math
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from secrets import token_hex
from statistics import median
from typing import Any

from mediasflow_async import Session
from mediasflow_async.delivery import Journal, Sender
from parts import ours
from parts.local_database import find_postgres, postgres
from parts.measuring import Contender, Result, measure
from parts.memory_journal import MemoryJournal
from parts.options import Options
from parts.servers import in_python, trusting
from parts.tables import Column, Table, cpu, figure, per_second, publish
from parts.worker import AsyncWork, Figures, Settings
from parts.workload import ANSWER, TOKEN, in_flight

REFERENCE = "prepare and launch, no journal"
LATENCY = "ms to the receipt"


def _cpu_share(result: Result, reference: Result | None) -> float:
    without = math.nan if reference is None else reference.cpu_microseconds()
    return 100 * (1 - without / result.cpu_microseconds())


def _latency_share(result: Result, reference: Result | None) -> float:
    without = math.nan if reference is None else reference.figure(LATENCY)
    return 100 * (1 - without / result.figure(LATENCY))


COLUMNS: tuple[Column, ...] = (
    per_second("campaigns/s"),
    cpu("µs CPU/campaign"),
    Column("share of CPU, %", _cpu_share),
    figure(LATENCY, digits=1),
    Column("share of time, %", _latency_share),
)


@asynccontextmanager
async def direct(settings: Settings) -> AsyncGenerator[AsyncWork]:
    """Prepare and launch, with the retry armed, and remember nothing."""
    async with _session(settings) as session:

        async def one(number: int) -> None:
            draft = await session.campaigns.prepare(ours.request(number))
            await session.campaigns.launch(draft.id, sender="BOUTIQUE")

        yield _timed(one, settings)


@asynccontextmanager
async def in_memory(settings: Settings) -> AsyncGenerator[AsyncWork]:
    """Use a sender whose journal costs nothing."""
    journal: Any = MemoryJournal()
    async with _session(settings) as session, Sender(session, journal) as sender:
        yield _sending(sender, settings)


@asynccontextmanager
async def durable(settings: Settings) -> AsyncGenerator[AsyncWork]:
    """Use a sender with a journal of one of the stores."""
    async with (
        Journal.open(settings["journal"]) as journal,
        _session(settings) as session,
        Sender(session, journal) as sender,
    ):
        yield _sending(sender, settings)


def _session(settings: Settings) -> Session:
    return Session(
        token=TOKEN,
        base_url=f"{settings['url']}api/",
        max_in_flight=settings["in_flight"],
        ssl_context=trusting(settings["ca"]),
    )


def _sending(sender: Sender, settings: Settings) -> AsyncWork:
    run = token_hex(4)

    async def one(number: int) -> None:
        receipt = await sender.send(f"{run}-{number}", ours.request(number))
        if not receipt.is_launched:
            raise AssertionError(receipt.state)

    return _timed(one, settings)


def _timed(one: Callable[[int], Awaitable[None]], settings: Settings) -> AsyncWork:
    """Return the work of sending campaigns, which reports how long one takes."""
    numbers = itertools.count()

    async def work(count: int) -> Figures:
        milliseconds: list[float] = []

        async def timed(_: int) -> None:
            started = time.perf_counter()
            await one(next(numbers))
            milliseconds.append((time.perf_counter() - started) * 1e3)

        await in_flight(timed, settings["in_flight"])(count)
        return {LATENCY: median(milliseconds)}

    return work


def _contenders(folder: str, database: str) -> tuple[Contender, ...]:
    sqlite = {"journal": f"sqlite:///{Path(folder, 'journal.db')}"}
    return (
        Contender(REFERENCE, direct),
        Contender("sender, journal in memory", in_memory),
        Contender("sender, SQLite", durable, settings=sqlite),
        Contender(
            "sender, PostgreSQL",
            durable,
            needs=("psycopg", "psycopg_pool"),
            programs=("postgres",),
            settings={"journal": database},
        ),
    )


def main() -> None:
    """Measure and print."""
    options = Options.read(__doc__, rounds=5, in_flight=50, campaigns=2000, singly=200, plain=False)
    with ExitStack() as stack:
        server = stack.enter_context(
            in_python("campaigns", ANSWER, uses_tls=not options.others.plain)
        )
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        database = stack.enter_context(postgres()) if find_postgres() else ""
        contenders = options.chosen(_contenders(folder, database))
        tables = [
            _table(options, contenders, server.settings, most, count)
            for most, count in (
                (options.others.in_flight, options.sized(options.others.campaigns, 50)),
                (1, options.sized(options.others.singly, 5)),
            )
        ]
    publish(options.program, tables, options.json)


def _table(
    options: Options, contenders: list[Contender], server: Settings, most: int, count: int
) -> Table:
    results = measure(
        contenders,
        {**server, "in_flight": most},
        count=count,
        warm_up=count // 5 + most,
        rounds=options.rounds,
    )
    title = f"{count:,} campaigns, {most} under way at a time"
    facts = {"campaigns": count, "in_flight": most}
    return Table(title=title, columns=COLUMNS, results=results, reference=REFERENCE, facts=facts)


if __name__ == "__main__":
    main()
