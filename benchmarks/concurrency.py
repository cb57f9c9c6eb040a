"""What it costs to run many actions, so many at once, and to be given the outcome of each.

The action does nothing, so that the figures are the cost of the machinery alone; with
`--waiting` it lets the event loop run once. The first table has every way in one run, the
second `map_bounded` alone over an input fifty times as long as its warm-up: its memory column
is what the length of the input costs. Run: `python benchmarks/concurrency.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from mediasflow_async import map_bounded
from parts.measuring import Contender, measure
from parts.options import Options
from parts.tables import Column, Table, cpu, peak, per_second, publish, ratio
from parts.worker import AsyncWork, Settings

REFERENCE = "map_bounded, 50 at once"
COLUMNS: tuple[Column, ...] = (
    cpu("µs CPU/item", digits=2),
    ratio(digits=1),
    per_second("items/s"),
    peak(),
)

Action = Callable[[int], Awaitable[int]]


async def nothing(number: int) -> int:
    """Do nothing and wait for nothing."""
    return number


async def one_turn(number: int) -> int:
    """Let the event loop run once."""
    await asyncio.sleep(0)
    return number


def _action(settings: Settings) -> Action:
    return one_turn if settings["waiting"] else nothing


async def _numbers(count: int) -> AsyncIterator[int]:
    for number in range(count):
        yield number


@asynccontextmanager
async def ours(settings: Settings) -> AsyncGenerator[AsyncWork]:
    """Use `map_bounded`."""
    action = _action(settings)

    async def work(count: int) -> None:
        items = _numbers(count) if settings["async_input"] else range(count)
        outcomes = map_bounded(action, items, limit=settings["limit"], ordered=settings["ordered"])
        async for outcome in outcomes:
            outcome.unwrap()

    yield work


@asynccontextmanager
async def semaphore_and_gather(settings: Settings) -> AsyncGenerator[AsyncWork]:
    """Make a task for each item, and let them through a semaphore."""
    action = _action(settings)

    async def work(count: int) -> None:
        places = asyncio.Semaphore(settings["limit"])

        async def one(number: int) -> int:
            async with places:
                return await action(number)

        await asyncio.gather(*map(one, range(count)))

    yield work


@asynccontextmanager
async def capacity_limiter(settings: Settings) -> AsyncGenerator[AsyncWork]:
    """Make a task for each item in anyio's task group, and let them through its limiter."""
    import anyio

    action = _action(settings)

    async def work(count: int) -> None:
        places = anyio.CapacityLimiter(settings["limit"])
        done: list[int] = []

        async def one(number: int) -> None:
            async with places:
                done.append(await action(number))

        async with anyio.create_task_group() as tasks:
            for number in range(count):
                tasks.start_soon(one, number)

    yield work


@asynccontextmanager
async def memory_stream(settings: Settings) -> AsyncGenerator[AsyncWork]:
    """Have anyio's tasks pull from one iterator and send results through its memory stream."""
    import anyio
    from anyio.streams.memory import MemoryObjectSendStream

    action, limit = _action(settings), settings["limit"]

    async def worker(numbers: Iterator[int], results: MemoryObjectSendStream[int]) -> None:
        async with results:
            for number in numbers:
                await results.send(await action(number))

    async def work(count: int) -> None:
        numbers = iter(range(count))
        send, receive = anyio.create_memory_object_stream[int](limit)
        async with anyio.create_task_group() as tasks, receive:
            async with send:
                for _ in range(limit):
                    tasks.start_soon(worker, numbers, send.clone())
            async for _ in receive:
                pass

    yield work


@asynccontextmanager
async def aiometer(settings: Settings) -> AsyncGenerator[AsyncWork]:
    """Use aiometer, which wants the whole input in a list."""
    import aiometer

    action = _action(settings)

    async def work(count: int) -> None:
        numbers = list(range(count))
        async with aiometer.amap(action, numbers, max_at_once=settings["limit"]) as results:
            async for _ in results:
                pass

    yield work


@asynccontextmanager
async def aiostream(settings: Settings) -> AsyncGenerator[AsyncWork]:
    """Use aiostream."""
    from aiostream import stream

    action: Any = _action(settings)

    async def work(count: int) -> None:
        source = stream.iterate(range(count))
        results = stream.map(source, action, ordered=False, task_limit=settings["limit"])
        async with results.stream() as streamer:
            async for _ in streamer:
                pass

    yield work


def _mine(name: str, limit: int, *, async_input: bool = False, ordered: bool = False) -> Contender:
    settings = {"limit": limit, "async_input": async_input, "ordered": ordered}
    return Contender(f"map_bounded, {name}", ours, settings=settings)


OURS = (
    _mine("50 at once", 50),
    _mine("in order", 50, ordered=True),
    _mine("async input", 50, async_input=True),
    _mine("500 at once", 500),
)
_peer = partial(Contender, settings={"limit": 50})
PEERS = (
    _peer("semaphore and gather", semaphore_and_gather),
    _peer("anyio, CapacityLimiter", capacity_limiter),
    _peer("anyio, memory object stream", memory_stream),
    _peer("aiometer", aiometer, ("aiometer",)),
    _peer("aiostream", aiostream, ("aiostream",)),
)


def main() -> None:
    """Measure and print."""
    options = Options.read(__doc__, rounds=5, items=20_000, long_items=1_000_000, waiting=False)
    action = "an action that waits for one turn" if options.others.waiting else "an empty action"
    items = options.sized(options.others.items, 200)
    long_items = options.sized(options.others.long_items, 2000)
    tables = [
        _table(options, f"{items:,} items, {action}", items, (*OURS, *PEERS)),
        _table(options, f"{long_items:,} items, {action}", long_items, OURS),
    ]
    publish(options.program, tables, options.json)


def _table(options: Options, title: str, count: int, all_of_them: tuple[Contender, ...]) -> Table:
    warm_up = min(count, options.others.items)
    results = measure(
        options.chosen(all_of_them),
        {"waiting": options.others.waiting},
        count=count,
        warm_up=warm_up,
        rounds=options.rounds,
    )
    facts = {"items": count, "items before": warm_up, "waiting": options.others.waiting}
    return Table(title=title, columns=COLUMNS, results=results, reference=REFERENCE, facts=facts)


if __name__ == "__main__":
    main()
