"""The slots of the campaigns under way: who gets one next."""

from __future__ import annotations

import anyio
import pytest

from mediasflow_async.delivery.slots import Slots

pytestmark = pytest.mark.anyio


async def test_who_comes_back_from_a_pause_goes_before_those_that_have_not_begun() -> None:
    slots = Slots(1)
    order: list[str] = []
    paused, first_has_it, go_on = anyio.Event(), anyio.Event(), anyio.Event()

    async def older() -> None:
        async with slots.occupied() as slot:
            await paused.wait()
            await slot.pause(0)
            order.append("the older one")

    async def newcomer() -> None:
        async with slots.occupied():
            first_has_it.set()
            await go_on.wait()
            order.append("a new one")

    async with anyio.create_task_group() as group:
        group.start_soon(older)
        await anyio.wait_all_tasks_blocked()
        for _ in range(5):
            group.start_soon(newcomer)
        await anyio.wait_all_tasks_blocked()
        paused.set()
        await first_has_it.wait()
        await anyio.wait_all_tasks_blocked()
        go_on.set()
    assert order.index("the older one") == 2
    assert len(order) == 6
