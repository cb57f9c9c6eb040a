"""What only asyncio's loops and tasks can do to a map."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator

import pytest

from mediasflow_async import MediasflowError, Outcome
from mediasflow_async.concurrency import map_bounded


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


def test_an_outcome_shows_no_item() -> None:
    outcome = Outcome(index=3, item="+33612345678", value=17)

    assert "612345678" not in repr(outcome)


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

    async def main() -> int:
        return len([outcome async for outcome in map_bounded(act, range(5), limit=1)])

    with pytest.raises((MediasflowError, RuntimeError, asyncio.CancelledError)):
        asyncio.run(main())
