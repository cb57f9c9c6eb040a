"""Several sources in order. A source here gives blocks of one row when it is told to."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial

import anyio
import pytest
import trio
from anyio.lowlevel import checkpoint

from mediasflow_async.resources import periods
from mediasflow_async.resources.periods import Blocks, in_order

pytestmark = [pytest.mark.anyio, pytest.mark.every_backend]

Row = tuple[int, int]


class Sources:
    """Gives sources, and knows how far each has come.

    Args:
        lengths: how many blocks each of them has.
        failing: the ones that fail at their end.
    """

    def __init__(self, *lengths: int, failing: tuple[int, ...] = ()) -> None:
        self._lengths = lengths
        self._failing = failing
        self.open: list[int] = []
        self.begun: list[int] = []
        self.given: list[Row] = []
        self.most_open = 0
        self.held: dict[int, anyio.Event] = {}

    def all(self, at_once: int) -> Blocks[Row]:
        return in_order([partial(self._blocks, n) for n in range(len(self._lengths))], at_once)

    def hold(self, number: int) -> None:
        """Let a source wait at its beginning until `held[number]` is set."""
        self.held[number] = anyio.Event()

    def count_of(self, number: int) -> int:
        return sum(1 for source, _ in self.given if source == number)

    async def _blocks(self, number: int) -> Blocks[Row]:
        self.begun.append(number)
        self.open.append(number)
        self.most_open = max(self.most_open, len(self.open))
        try:
            if number in self.held:
                await self.held[number].wait()
            for position in range(self._lengths[number]):
                await checkpoint()
                self.given.append((number, position))
                yield [(number, position)]
            if number in self._failing:
                raise LookupError(f"source {number}")
        finally:
            with anyio.CancelScope(shield=True):
                await checkpoint()
            self.open.remove(number)


def rows(*lengths: int) -> list[Row]:
    return [(number, n) for number, length in enumerate(lengths) for n in range(length)]


async def taken(blocks: Blocks[Row]) -> list[Row]:
    async with aclosing(blocks):
        return [row async for block in blocks for row in block]


async def settled() -> None:
    """Let everything run that can."""
    for _ in range(50):
        await checkpoint()


async def until_open(sources: Sources, numbers: list[int]) -> None:
    with anyio.fail_after(5):
        while sorted(sources.open) != numbers:
            await checkpoint()


def tasks_alive() -> int:
    if anyio.get_cancelled_exc_class() is asyncio.CancelledError:
        return len(asyncio.all_tasks())
    return trio.lowlevel.current_statistics().tasks_living


@pytest.fixture(autouse=True)
async def _no_task_is_left() -> AsyncIterator[None]:
    before = tasks_alive()
    yield
    await settled()
    assert tasks_alive() == before


@pytest.mark.parametrize("at_once", [1, 2, 3, 9])
@pytest.mark.parametrize("lengths", [(), (0,), (3,), (20, 0, 1, 7, 0, 30), (1,) * 12])
async def test_every_row_comes_once_and_in_order(at_once: int, lengths: tuple[int, ...]) -> None:
    sources = Sources(*lengths)

    assert await taken(sources.all(at_once)) == rows(*lengths)
    assert sources.open == []
    assert sources.most_open <= at_once


async def test_the_next_sources_are_read_while_one_is() -> None:
    sources = Sources(3, 3, 3, 3, 3)
    async with aclosing(sources.all(3)) as blocks:
        await anext(blocks)
        await settled()

        assert sorted(sources.begun) == [0, 1, 2]
        assert sources.open == []
        assert sources.count_of(2) == 3

        await anext(blocks)
        assert len(sources.begun) == 3


async def test_sources_come_in_order_even_if_a_later_one_is_ready_first() -> None:
    sources = Sources(2, 2, 2)
    sources.hold(0)
    async with anyio.create_task_group() as tasks:
        found: list[Row] = []

        async def take() -> None:
            found.extend(await taken(sources.all(3)))

        tasks.start_soon(take)
        await settled()
        assert (sources.count_of(1), sources.count_of(2)) == (2, 2)
        assert found == []
        sources.held[0].set()

    assert found == rows(2, 2, 2)


async def test_what_is_read_ahead_is_little_and_does_not_grow() -> None:
    sources = Sources(1000, 1000, 1000)
    async with aclosing(sources.all(3)) as blocks:
        for _ in range(100):
            await anext(blocks)
        await settled()
        assert sources.count_of(0) <= 105
        assert sources.count_of(1) == sources.count_of(2) == 4
    assert sources.open == []


async def test_one_at_a_time_reads_nothing_ahead() -> None:
    sources = Sources(2, 2)
    async with aclosing(sources.all(1)) as blocks:
        assert await anext(blocks) == [(0, 0)]
        await settled()
        assert sources.given == [(0, 0)]
        await anext(blocks)
        assert await anext(blocks) == [(1, 0)]
        assert sources.begun == [0, 1]
    assert sources.most_open == 1


@pytest.mark.parametrize("at_once", [1, 3])
async def test_a_source_that_fails_gives_its_rows_first(at_once: int) -> None:
    sources = Sources(6, 6, 6, 6, failing=(1, 2))
    found: list[Row] = []

    async def take() -> None:
        async with aclosing(sources.all(at_once)) as blocks:
            async for block in blocks:
                found.extend(block)

    with pytest.raises(LookupError, match="source 1"):
        await take()

    assert found == rows(6, 6)
    assert sources.open == []
    assert 3 not in sources.begun or at_once == 3


@pytest.mark.parametrize("at_once", [1, 2, 3])
async def test_leaving_early_closes_every_source(at_once: int) -> None:
    sources = Sources(9, 9, 9, 9)
    async with aclosing(sources.all(at_once)) as blocks:
        await anext(blocks)
        await settled()
        assert sorted(sources.open) == list(range(at_once))

    assert sources.open == []


async def test_a_reader_that_is_cancelled_closes_every_source() -> None:
    sources = Sources(9, 9, 9)
    sources.hold(0)

    with anyio.move_on_after(0.01):
        await taken(sources.all(3))

    assert sorted(sources.begun) == [0, 1, 2]
    assert sources.open == []


async def test_it_may_be_closed_by_another_task_than_the_one_that_began_it() -> None:
    sources = Sources(9, 9)
    blocks = sources.all(2)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(anext, blocks)
    await blocks.aclose()

    assert sources.open == []


@pytest.mark.filterwarnings("ignore:.*Async generator:ResourceWarning")
async def test_it_may_be_left_to_the_collector() -> None:
    sources = Sources(9, 9)

    async def leave() -> None:
        async for _ in sources.all(2):
            break

    await leave()
    gc.collect()

    await until_open(sources, [])


async def test_a_source_that_waits_too_long_for_its_turn_is_let_go_and_read_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(periods, "_LONGEST_AHEAD_SECONDS", 0.01)
    sources = Sources(9, 9, 9, 2, 9)
    async with aclosing(sources.all(4)) as blocks:
        found = list(await anext(blocks))
        await until_open(sources, [0])
        assert sorted(sources.begun) == [0, 1, 2, 3]

        async for block in blocks:
            found += block
            assert len(sources.open) <= 1

    assert found == rows(9, 9, 9, 2, 9)
    assert sources.begun[4:] == [1, 2, 4]


async def test_a_source_whose_turn_has_come_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(periods, "_LONGEST_AHEAD_SECONDS", 0.0)
    sources = Sources(20)
    async with aclosing(sources.all(2)) as blocks:
        found = list(await anext(blocks))
        await settled()
        found += [row async for block in blocks for row in block]

    assert found == rows(20)
    assert sources.begun == [0]


async def test_a_source_that_fails_ahead_of_its_turn_does_so_in_its_turn() -> None:
    sources = Sources(9, 0, failing=(1,))
    async with aclosing(sources.all(2)) as blocks:
        await anext(blocks)
        await settled()
        assert sources.open == [0]
        for _ in range(8):
            await anext(blocks)
        with pytest.raises(LookupError, match="source 1"):
            await anext(blocks)
