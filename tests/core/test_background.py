from __future__ import annotations

import asyncio
import gc
import weakref
from contextvars import ContextVar

import anyio
import pytest

from mediasflow_async._core.loops import Background

pytestmark = [pytest.mark.anyio, pytest.mark.every_backend]


async def nothing() -> None:
    """Work that ends at once."""


async def sleep_for_ever() -> None:
    await anyio.sleep_forever()


async def ended(work: Background) -> Background:
    with anyio.fail_after(5):
        while not work.has_ended:
            await anyio.lowlevel.checkpoint()
    return work


async def test_work_runs_without_being_waited_for() -> None:
    done: list[str] = []

    async def work() -> None:
        done.append("work")

    await ended(Background(work, at_end=lambda: done.append("end")))

    assert done == ["work", "end"]


async def test_closing_cancels_the_work_and_waits_until_it_has_cleaned_up() -> None:
    seen: list[str] = []

    async def work() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0.01)
            seen.append("cleaned up")

    running = Background(work, at_end=lambda: seen.append("ended"))
    await anyio.lowlevel.checkpoint()
    assert not running.has_ended

    await running.aclose()

    assert running.has_ended
    assert seen == ["cleaned up", "ended"]
    running.raise_failure()


async def test_work_that_has_not_begun_is_closed_too() -> None:
    running = Background(sleep_for_ever)

    await running.aclose()

    assert running.has_ended


async def test_closing_waits_even_where_everything_is_cancelled() -> None:
    running = Background(sleep_for_ever)

    with anyio.CancelScope() as scope:
        scope.cancel()
        await running.aclose()

    assert running.has_ended


async def test_a_failure_is_raised_once_and_only_where_it_is_asked_for() -> None:
    async def work() -> None:
        raise LookupError("mine")

    failed = await ended(Background(work))

    with pytest.raises(LookupError, match="mine"):
        failed.raise_failure()
    failed.raise_failure()


async def test_a_failure_that_nobody_asked_for_is_dropped_with_the_work() -> None:
    async def work() -> None:
        raise LookupError("mine")

    failed = await ended(Background(work))
    await failed.aclose()

    failed.raise_failure()


async def test_neither_a_failure_nor_the_work_is_left_to_the_collector_of_cycles() -> None:
    class Owner:
        def __init__(self) -> None:
            self.running = Background(self.work, at_end=self.tell)

        async def work(self) -> None:
            raise LookupError("mine")

        def tell(self) -> None:
            pass

    gc.collect()
    gc.disable()
    try:
        owner = Owner()
        await ended(owner.running)
        with pytest.raises(LookupError) as caught:
            owner.running.raise_failure()
        del caught
        left = weakref.ref(owner)
        del owner
        for _ in range(3):
            await anyio.lowlevel.checkpoint()
        assert left() is None
    finally:
        gc.enable()


async def test_the_work_sees_the_context_in_which_it_was_started() -> None:
    variable: ContextVar[str] = ContextVar("variable", default="none")
    seen: list[str] = []

    async def work() -> None:
        seen.append(variable.get())

    variable.set("mine")
    await ended(Background(work))

    assert seen == ["mine"]


@pytest.mark.parametrize("has_begun", [True, False])
async def test_cancellation_by_someone_else_is_no_end_of_the_work(*, has_begun: bool) -> None:
    if anyio.get_cancelled_exc_class() is not asyncio.CancelledError:
        pytest.skip("trio cancels such a task only when the whole run ends")
    before = asyncio.all_tasks()
    told: list[str] = []
    running = Background(sleep_for_ever, at_end=lambda: told.append("end"))
    (task,) = asyncio.all_tasks() - before
    if has_begun:
        await anyio.lowlevel.checkpoint()

    task.cancel()
    await ended(running)

    assert told == ["end"]
    with pytest.raises(RuntimeError, match="cancelled by someone else"):
        running.raise_failure()
    await running.aclose()
