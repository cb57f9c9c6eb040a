"""What the session adds to its transport, step by step, with nothing sent at all.

The transport answers from memory. The first table goes up from that transport to
`session.campaigns.prepare`; what the session adds is the difference of its ends. Its last lines
are what httpx's client costs over the same transport, which a session does without. The second
table has the steps by themselves, in loops of their own, where they cost less than among the
others. Run: `python benchmarks/path.py`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager

import httpx
import orjson

from mediasflow_async import Campaign, Dialect, Session
from mediasflow_async._core.options import Settings as ClientSettings
from mediasflow_async._core.routes import Connections
from mediasflow_async.converter import reader_for, writer_for
from mediasflow_async.transport import outgoing_of
from mediasflow_async.validation import campaign_problems
from parts import ours
from parts.measuring import Contender, Result, measure
from parts.memory_transport import MemoryTransport
from parts.options import Options
from parts.tables import Table, cpu, faults, publish, ratio
from parts.worker import AsyncWork, Settings, Work
from parts.workload import ANSWER, PATH, TOKEN, body

URL = "https://127.0.0.1/"


def one_by_one(one: Callable[[int], Awaitable[object]]) -> AsyncWork:
    """Return the work of awaiting calls one after the other."""

    async def work(count: int) -> None:
        for number in range(count):
            await one(number)

    return work


def repeated(step: Callable[[], object]) -> Work:
    """Return the work of calling a function."""

    def work(count: int) -> None:
        for _ in range(count):
            step()

    return work


@asynccontextmanager
async def transport(_: Settings) -> AsyncGenerator[AsyncWork]:
    """Ask the transport."""
    opened = MemoryTransport()
    sent = outgoing_of(httpx.Request("POST", URL + PATH, json=body(0)))
    yield one_by_one(lambda _: opened.send(sent))


@asynccontextmanager
async def client(_: Settings) -> AsyncGenerator[AsyncWork]:
    """Ask the transport through httpx's client, with a request made beforehand."""
    async with httpx.AsyncClient(transport=MemoryTransport()) as opened:
        sent = httpx.Request("POST", URL + PATH, json=body(0))
        yield one_by_one(lambda _: opened.send(sent, stream=True))


@asynccontextmanager
async def client_json(_: Settings) -> AsyncGenerator[AsyncWork]:
    """Ask through httpx's client as one usually does, with `json=` and a dict back."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(transport=MemoryTransport(), headers=headers) as opened:

        async def one(number: int) -> object:
            return (await opened.post(URL + PATH, json=body(number))).raise_for_status().json()

        yield one_by_one(one)


@asynccontextmanager
async def call(_: Settings) -> AsyncGenerator[AsyncWork]:
    """Make a plain call of the session, JSON in and out."""
    async with _session() as opened:
        yield one_by_one(
            lambda number: opened.request("POST", "campaigns/inject", json=body(number))
        )


@asynccontextmanager
async def prepare(_: Settings) -> AsyncGenerator[AsyncWork]:
    """Prepare campaigns, models in and out."""
    async with _session() as opened:
        yield one_by_one(lambda number: opened.campaigns.prepare(ours.request(number)))


def _session() -> Session:
    return Session(token=TOKEN, base_url=f"{URL}api/", transport=MemoryTransport())


@contextmanager
def modelling(_: Settings) -> Generator[Work]:
    """Make the model of a request."""
    yield repeated(lambda: ours.request(1))


@contextmanager
def validating(_: Settings) -> Generator[Work]:
    """Check a request."""
    request, dialect = ours.request(1), Dialect()
    yield repeated(lambda: campaign_problems(request, dialect))


@contextmanager
def writing(_: Settings) -> Generator[Work]:
    """Write a request as JSON."""
    request, writer = ours.request(1), writer_for(Dialect())
    yield repeated(lambda: orjson.dumps(writer.campaign(request)))


@contextmanager
def parsing(_: Settings) -> Generator[Work]:
    """Parse the JSON of an answer."""
    yield repeated(lambda: orjson.loads(ANSWER))


@contextmanager
def reading(_: Settings) -> Generator[Work]:
    """Read the model of an answer out of its JSON."""
    reader, data = reader_for(Dialect().server_tz), orjson.loads(ANSWER)
    yield repeated(lambda: reader.read(data, Campaign))


@asynccontextmanager
async def limiting(_: Settings) -> AsyncGenerator[AsyncWork]:
    """Take a slot among the calls under way, and set a deadline."""
    live = await Connections(httpx.URL(URL), ClientSettings()).opened()

    async def one(_: int) -> None:
        with live.deadline(120):
            if not live.takes_slot():
                await live.slots.acquire()
            live.slots.release()

    yield one_by_one(one)


WHOLE = "session.campaigns.prepare, models"
ALONE = "transport from memory"
WAY = (
    Contender(ALONE, transport),
    Contender("session.request, JSON in and out", call),
    Contender(WHOLE, prepare),
    Contender("httpx's client alone, ready requests", client),
    Contender("httpx's client alone, post with json=", client_json),
)
STEPS = (
    Contender("make the model", modelling),
    Contender("validate it", validating),
    Contender("write it as JSON", writing),
    Contender("slot and deadline", limiting),
    Contender("parse the answer (orjson)", parsing),
    Contender("read the model out of it", reading),
)


def main() -> None:
    """Measure and print both tables, and what the session adds."""
    options = Options.read(__doc__, rounds=7, calls=5000)
    way, steps = tables(options)
    publish(options.program, [way, steps], options.json)
    by_name = {result.name: result for result in way.results if result.readings}
    if {WHOLE, ALONE} <= by_name.keys():
        print(f"\nthe session adds {_added(by_name):.0f} µs to its transport")


def tables(options: Options) -> list[Table]:
    """Measure; return the way up, then the steps by themselves. `inject.py` shows both as well."""
    return [
        _table("a call with nothing sent, the way up", options, WAY, reference=WHOLE),
        _table("the steps of a call by themselves", options, STEPS),
    ]


def _added(by_name: dict[str, Result]) -> float:
    return by_name[WHOLE].cpu_microseconds() - by_name[ALONE].cpu_microseconds()


def _table(
    title: str, options: Options, contenders: tuple[Contender, ...], reference: str | None = None
) -> Table:
    count = options.sized(options.others.calls, 50)
    results = measure(
        options.chosen(contenders), {}, count=count, warm_up=count // 5, rounds=options.rounds
    )
    columns = [cpu("µs CPU", digits=1), faults("faults")]
    if reference:
        columns.append(ratio("share"))
    return Table(
        title=title, columns=columns, results=results, reference=reference, facts={"calls": count}
    )


if __name__ == "__main__":
    main()
