"""Deadlines share timers, end a block once, and take no other cancellation for their own."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from mediasflow_async._core.loops import Deadlines

pytestmark = pytest.mark.anyio

LONG = 3600.0
LOOPS = {"asyncio": False} if sys.platform == "win32" else {"asyncio": False, "uvloop": True}


@pytest.fixture(scope="module", params=LOOPS)
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, object]]:
    return "asyncio", {"use_uvloop": LOOPS[request.param]}


class Loop:
    """The event loop that runs, with the timers that are set in it meanwhile."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.timers: list[asyncio.TimerHandle] = []
        self._fired = 0

    def time(self) -> float:
        return self._loop.time()

    def call_at(self, when: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        def fire() -> None:
            self._fired += 1
            callback()

        self.timers.append(self._loop.call_at(when, fire))
        return self.timers[-1]

    def left(self) -> int:
        return sum(not timer.cancelled() for timer in self.timers) - self._fired


def deadlines() -> tuple[Deadlines, Loop]:
    loop: Any = Loop()
    return Deadlines(loop), loop


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


async def test_a_block_that_ends_in_time_goes_on_as_if_there_was_no_deadline() -> None:
    some, _ = deadlines()
    with (block := some.after(LONG)):
        await anyio.lowlevel.checkpoint()
    assert block.deadline > asyncio.get_running_loop().time()


async def test_a_block_is_left_when_its_time_is_over() -> None:
    some, loop = deadlines()
    with (block := some.after(0.01)):
        await forever()
    assert loop.time() >= block.deadline
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await anyio.lowlevel.checkpoint()


async def test_no_limit_is_no_limit() -> None:
    some, loop = deadlines()
    with (block := some.after(None)):
        await anyio.lowlevel.checkpoint()
    assert block.deadline == float("inf")
    assert loop.timers == []


async def test_blocks_of_one_length_share_a_timer() -> None:
    some, loop = deadlines()
    for _ in range(100):
        with some.after(LONG), some.after(LONG):
            pass
    assert len(loop.timers) == 1


async def test_each_of_those_that_share_a_timer_has_its_own_time() -> None:
    some, loop = deadlines()
    ended: list[int] = []

    async def run(number: int) -> None:
        with (block := some.after(0.03)):
            await forever()
        assert loop.time() >= block.deadline
        ended.append(number)

    async with asyncio.TaskGroup() as tasks:
        for number in range(3):
            tasks.create_task(run(number))
            await anyio.sleep(0.01)
    assert ended == [0, 1, 2]
    assert loop.left() == 0


async def test_a_timer_goes_on_for_those_that_began_later() -> None:
    some, loop = deadlines()

    async def begin_later() -> None:
        await anyio.sleep(0.02)
        with (block := some.after(0.04)):
            await forever()
        assert loop.time() >= block.deadline

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(begin_later())
        with some.after(0.04):
            await anyio.lowlevel.checkpoint()
    assert len(loop.timers) >= 2
    assert loop.left() == 0


async def test_stopping_leaves_the_timers_of_blocks_that_run() -> None:
    some, loop = deadlines()
    with some.after(LONG):
        with some.after(LONG + 1):
            pass
        some.stop()
        assert loop.left() == 1
    some.stop()
    assert loop.left() == 0
    with some.after(LONG):
        assert loop.left() == 1
    some.stop()


async def test_ever_new_lengths_do_not_pile_up() -> None:
    some, loop = deadlines()
    for length in range(1000):
        with some.after(LONG + length):
            pass
    assert loop.left() <= 16


async def test_lengths_that_are_in_use_are_kept_however_many_they_are() -> None:
    some, loop = deadlines()

    async def run(length: int) -> None:
        with some.after(LONG + length):
            await forever()

    tasks = [asyncio.create_task(run(length)) for length in range(100)]
    await anyio.sleep(0.001)
    assert loop.left() == 100
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    some.stop()
    assert loop.left() == 0


async def cancelled_from_outside(body: Callable[[], Awaitable[object]]) -> asyncio.Task[object]:
    async def run() -> object:
        return await body()

    task = asyncio.create_task(run())
    await anyio.lowlevel.checkpoint()
    task.cancel()
    await asyncio.wait([task])
    return task


async def test_a_cancellation_from_outside_goes_on_outside() -> None:
    some, _ = deadlines()

    async def body() -> None:
        with some.after(LONG):
            await forever()

    assert (await cancelled_from_outside(body)).cancelled()


async def test_a_cancellation_beside_that_of_the_deadline_is_not_swallowed() -> None:
    some, _ = deadlines()

    async def body() -> None:
        task = asyncio.current_task()
        assert task is not None
        with some.after(0.01):
            try:
                await forever()
            finally:
                while task.cancelling() < 2:
                    try:
                        await anyio.sleep(0.001)
                    except asyncio.CancelledError:
                        continue

    assert (await cancelled_from_outside(body)).cancelled()


async def test_a_scope_around_the_block_is_left_as_well() -> None:
    some, _ = deadlines()
    with anyio.move_on_after(0.01) as scope:
        with some.after(LONG):
            await anyio.sleep_forever()
        pytest.fail("the deadline swallowed what was not its own")
    assert scope.cancelled_caught


async def test_a_deadline_within_a_scope_ends_its_own_block_alone() -> None:
    some, _ = deadlines()
    with anyio.fail_after(LONG):
        with some.after(0.01):
            await anyio.sleep_forever()
        await anyio.sleep(0.001)


async def test_an_error_of_the_block_goes_before_its_deadline() -> None:
    some, _ = deadlines()

    async def failing() -> None:
        with some.after(0.01):
            try:
                await forever()
            except asyncio.CancelledError:
                raise KeyError("mine") from None

    with pytest.raises(KeyError, match="mine"):
        await failing()
    await anyio.lowlevel.checkpoint()


async def test_without_a_task_there_is_nothing_to_end() -> None:
    some, _ = deadlines()
    failures: list[RuntimeError] = []

    def outside() -> None:
        with pytest.raises(RuntimeError, match="a task of the event loop") as caught, some.after(1):
            pytest.fail("nothing could end this block")
        failures.append(caught.value)

    asyncio.get_running_loop().call_soon(outside)
    await anyio.sleep(0.001)
    assert len(failures) == 1
