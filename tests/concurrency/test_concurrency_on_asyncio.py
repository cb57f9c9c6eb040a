"""What only asyncio's loops and tasks can do to a map."""

from __future__ import annotations

import asyncio
import gc
import itertools
import sys
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from mediasflow_async import Outcome
from mediasflow_async.concurrency import Outcomes, map_bounded

# anyio never awaits what a task of its own was to run when it is cancelled before it begins.
never_begun = pytest.mark.filterwarnings("ignore:.*Run._guarded:Warning")


class Endless:
    """Counts for ever, and notes its end."""

    def __init__(self) -> None:
        self.is_closed = False

    async def numbers(self) -> AsyncIterator[int]:
        number = 0
        try:
            while True:
                yield number
                number += 1
        finally:
            self.is_closed = True


async def double(item: int) -> int:
    return item * 2


async def never(item: int) -> int:
    await asyncio.Event().wait()
    return item


def test_a_plain_break_harms_neither_the_task_nor_the_loop() -> None:
    watched = Endless()

    async def main() -> int:
        async for outcome in map_bounded(double, watched.numbers(), limit=3):
            if outcome.ok:
                break
        gc.collect()
        for _ in range(20):
            await asyncio.sleep(0)
        return len([task for task in asyncio.all_tasks() if task is not asyncio.current_task()])

    assert asyncio.run(main()) == 0
    assert watched.is_closed


def test_each_outcome_may_be_waited_for_in_a_task_of_its_own() -> None:
    async def main() -> list[int]:
        outcomes = map_bounded(double, range(3), limit=2)
        return sorted([(await asyncio.wait_for(anext(outcomes), 60)).index for _ in range(3)])

    assert asyncio.run(main()) == [0, 1, 2]


def test_a_program_that_ends_in_the_middle_ends() -> None:
    watched = Endless()

    async def main() -> None:
        outcomes = map_bounded(double, watched.numbers(), limit=3)
        await anext(outcomes)

    asyncio.run(main())
    gc.collect()

    assert watched.is_closed


def test_a_program_that_is_interrupted_in_the_middle_ends() -> None:
    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().call_later(0.01, task.cancel)
        async for _ in map_bounded(never, range(3), limit=3):
            pass

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())


def test_an_action_that_ends_as_cancelled_is_not_passed_over_in_silence() -> None:
    async def act(item: int) -> int:
        if item == 1:
            raise asyncio.CancelledError
        return item

    async def main() -> list[Outcome[int, int]]:
        outcomes = map_bounded(act, range(5), limit=1)
        await anext(outcomes)
        with pytest.raises(RuntimeError, match="cancelled"):
            await anext(outcomes)
        return list(outcomes.unfinished)

    (left,) = asyncio.run(main())
    assert (left.index, left.ok) == (1, False)


def test_an_input_that_ends_as_cancelled_is_not_passed_over_in_silence() -> None:
    async def items() -> AsyncIterator[int]:
        yield 1
        raise asyncio.CancelledError

    async def main() -> None:
        async for _ in map_bounded(double, items(), limit=3):
            pass

    with pytest.raises(RuntimeError, match="cancelled"):
        asyncio.run(main())


@never_begun
@pytest.mark.parametrize("passes", range(8))
def test_a_map_whose_tasks_are_all_cancelled_does_not_look_complete(passes: int) -> None:
    async def take(outcomes: Outcomes[int, int]) -> None:
        async for _ in outcomes:
            pass

    async def main() -> None:
        outcomes = map_bounded(never, range(5), limit=2)
        consumer = asyncio.create_task(take(outcomes))
        await asyncio.sleep(0)
        for _ in range(passes):
            await asyncio.sleep(0)
        others = asyncio.all_tasks() - {consumer, asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.wait(others)
        with pytest.raises(RuntimeError, match="cancelled"):
            await consumer

    asyncio.run(main())
    gc.collect()


@never_begun
@pytest.mark.parametrize("passes", range(8))
def test_a_program_may_end_at_any_moment(passes: int) -> None:
    async def take() -> None:
        async for _ in map_bounded(never, range(5), limit=2):
            pass

    async def main() -> None:
        consumer = asyncio.create_task(take())
        for _ in range(passes):
            await asyncio.sleep(0)
        assert not consumer.done()

    asyncio.run(main())
    gc.collect()


def test_cancellation_reaches_a_consumer_that_always_has_news() -> None:
    async def main() -> int:
        taken = 0
        with anyio.move_on_after(0.05):
            async for _ in map_bounded(double, itertools.count(), limit=1):
                taken += 1
        return taken

    assert asyncio.run(main()) > 0


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
def test_tasks_may_begin_at_once() -> None:
    async def main() -> list[int]:
        factory: Any = vars(asyncio)["eager_task_factory"]
        asyncio.get_running_loop().set_task_factory(factory)
        outcomes = map_bounded(double, range(2000), limit=1000, ordered=True)
        return [outcome.index async for outcome in outcomes]

    assert asyncio.run(main()) == list(range(2000))
