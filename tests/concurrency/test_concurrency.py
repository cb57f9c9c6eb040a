from __future__ import annotations

import gc
import tracemalloc
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from contextlib import aclosing
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from mediasflow_async import ConfigurationError, NotFound, Outcome
from mediasflow_async.concurrency import Outcomes, map_bounded

pytestmark = [pytest.mark.anyio, pytest.mark.every_backend]


class Watched:
    """Counts what is pulled from it, and notes its end."""

    def __init__(self, length: int | None = None) -> None:
        self.pulled = 0
        self.is_closed = False
        self._length = length

    def generator(self) -> Iterator[int]:
        try:
            while self._length is None or self.pulled < self._length:
                self.pulled += 1
                yield self.pulled - 1
        finally:
            self.is_closed = True

    async def async_generator_without_a_pause(self) -> AsyncIterator[int]:
        for number in self.generator():
            yield number

    async def async_generator(self) -> AsyncIterator[int]:
        try:
            for number in self.generator():
                await anyio.lowlevel.checkpoint()
                yield number
        finally:
            await anyio.lowlevel.checkpoint()
            self.is_closed = True


class CountingAction:
    """An action that counts how many calls of it are under way."""

    def __init__(self) -> None:
        self.under_way = 0
        self.most = 0

    async def __call__(self, item: int) -> int:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await turns()
            return item * 2
        finally:
            self.under_way -= 1


async def double(item: int) -> int:
    return item * 2


async def never(item: int) -> int:
    await anyio.sleep_forever()
    return item


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await anyio.lowlevel.checkpoint()


def kinds_of_input() -> dict[str, Iterable[int] | AsyncIterable[int]]:
    class Plain:
        def __aiter__(self) -> AsyncIterator[int]:
            return Watched(25).async_generator()

    return {
        "list": list(range(25)),
        "range": range(25),
        "generator": Watched(25).generator(),
        "async generator": Watched(25).async_generator(),
        "async iterable": Plain(),
        "dict keys": dict.fromkeys(range(25)).keys(),
    }


@pytest.mark.parametrize("kind", list(kinds_of_input()))
@pytest.mark.parametrize("limit", [1, 4, 100])
async def test_every_item_of_any_input_has_one_outcome(kind: str, limit: int) -> None:
    outcomes = [o async for o in map_bounded(double, kinds_of_input()[kind], limit=limit)]

    assert sorted((o.index, o.item, o.value) for o in outcomes) == [
        (number, number, number * 2) for number in range(25)
    ]
    assert all(outcome.ok and outcome.error is None for outcome in outcomes)


async def test_no_input_gives_no_outcome() -> None:
    nothing: list[int] = []
    assert [outcome async for outcome in map_bounded(double, nothing, limit=3)] == []


async def test_outcomes_come_in_the_order_of_completion() -> None:
    gates = [anyio.Event() for _ in range(3)]

    async def wait(item: int) -> int:
        await gates[item].wait()
        return item

    gates[2].set()
    order = []
    async for outcome in map_bounded(wait, range(3), limit=3):
        order.append(outcome.index)
        gates[{2: 0, 0: 1, 1: 1}[outcome.index]].set()

    assert order == [2, 0, 1]


@pytest.mark.parametrize("limit", [1, 3, 10])
@pytest.mark.parametrize("is_async", [False, True])
async def test_as_many_calls_as_the_limit_are_under_way(limit: int, *, is_async: bool) -> None:
    watched, counting = Watched(50), CountingAction()
    items = watched.async_generator() if is_async else watched.generator()

    async for _ in map_bounded(counting, items, limit=limit):
        pass

    assert counting.most == limit


async def test_the_crew_is_whole_again_after_a_pause_of_the_consumer() -> None:
    counting = CountingAction()

    async with map_bounded(counting, Watched().generator(), limit=5) as outcomes:
        for _ in range(12):
            await anext(outcomes)
        await turns()
        counting.most = 0
        for _ in range(20):
            await anext(outcomes)

    assert counting.most == 5


async def test_a_limit_beyond_all_need_makes_no_crowd() -> None:
    assert len([o async for o in map_bounded(double, range(3), limit=10**9)]) == 3


@pytest.mark.parametrize("limit", [1, 3, 10])
@pytest.mark.parametrize("is_async", [False, True])
async def test_an_endless_input_is_pulled_only_as_outcomes_are_taken(
    limit: int, *, is_async: bool
) -> None:
    watched = Watched()
    items = watched.async_generator() if is_async else watched.generator()
    taken = 0

    async with aclosing(map_bounded(double, items, limit=limit)) as outcomes:
        async for _ in outcomes:
            taken += 1
            await turns()
            assert watched.pulled <= taken + limit
            if taken == 30:
                break

    assert watched.is_closed


async def test_nothing_is_pulled_before_the_first_outcome_is_asked_for() -> None:
    watched = Watched()

    outcomes = map_bounded(double, watched.generator(), limit=3)
    await turns()

    assert watched.pulled == 0
    await outcomes.aclose()


async def test_an_error_of_ours_is_an_outcome_and_stops_nothing() -> None:
    async def odd(item: int) -> int:
        if item % 2:
            raise NotFound(f"no {item}")
        return item

    outcomes = {o.index: o async for o in map_bounded(odd, range(10), limit=3)}

    assert [outcomes[index].ok for index in range(10)] == [True, False] * 5
    assert outcomes[3].value is None
    with pytest.raises(NotFound, match="no 3"):
        outcomes[3].unwrap()
    assert outcomes[4].unwrap() == 4


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_mistake_in_the_input_is_raised_as_it_is(*, is_async: bool) -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise LookupError("the input broke")

    async def broken_too() -> AsyncIterator[int]:
        for number in broken():
            yield number

    items: Any = broken_too() if is_async else broken()

    with pytest.raises(LookupError, match="the input broke"):
        async for _ in map_bounded(double, items, limit=3):
            pass


async def test_a_mistake_in_the_action_is_raised_as_it_is_and_cancels_the_others() -> None:
    watched, counting = Watched(), CountingAction()

    async def act(item: int) -> int:
        if item == 5:
            raise LookupError("a mistake")
        return await counting(item)

    with pytest.raises(LookupError, match="a mistake"):
        async for _ in map_bounded(act, watched.generator(), limit=3):
            pass

    assert counting.under_way == 0
    assert watched.is_closed


async def test_an_error_of_ours_in_the_input_is_no_outcome() -> None:
    def broken() -> Iterator[int]:
        raise NotFound("the input's own")
        yield 1

    with pytest.raises(NotFound, match="own"):
        async for _ in map_bounded(double, broken(), limit=2):
            pass


async def test_an_input_that_is_none_is_a_mistake() -> None:
    items: Any = 5
    with pytest.raises(TypeError):
        async for _ in map_bounded(double, items, limit=2):
            pass


@pytest.mark.parametrize("limit", [0, -1, 1.5, "3", None, True])
async def test_a_wrong_limit_is_refused_at_once(limit: Any) -> None:
    with pytest.raises(ConfigurationError, match="limit"):
        map_bounded(double, [1], limit=limit)


@pytest.mark.parametrize("is_async", [False, True])
async def test_leaving_early_leaves_nothing_behind(*, is_async: bool) -> None:
    watched, counting = Watched(), CountingAction()

    async def act(item: int) -> int:
        return await (counting(item) if item < 3 else never(item))

    items = watched.async_generator() if is_async else watched.generator()
    async with aclosing(map_bounded(act, items, limit=5)) as outcomes:
        async for _ in outcomes:
            break

    pulled = watched.pulled
    await turns()
    assert watched.is_closed
    assert (watched.pulled, counting.under_way) == (pulled, 0)


async def test_the_consumers_own_error_passes_through() -> None:
    async def consume() -> None:
        async with aclosing(map_bounded(double, Watched().generator(), limit=5)) as outcomes:
            async for _ in outcomes:
                raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await consume()


async def test_a_timeout_around_one_outcome_ends_the_map_and_nothing_else() -> None:
    watched = Watched()
    outcomes = map_bounded(never, watched.generator(), limit=2)
    with anyio.move_on_after(0.01) as scope:
        await anext(outcomes)

    assert scope.cancelled_caught
    assert watched.is_closed
    await anyio.lowlevel.checkpoint()


async def test_outcomes_can_be_taken_by_different_tasks() -> None:
    outcomes = map_bounded(double, range(4), limit=2)
    taken: list[Outcome[int, int]] = []

    async def take() -> None:
        taken.append(await anext(outcomes))

    for _ in range(4):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(take)
    assert [outcome async for outcome in outcomes] == []

    assert sorted(outcome.index for outcome in taken) == [0, 1, 2, 3]


async def test_a_consumer_that_is_cancelled_leaves_nothing_behind() -> None:
    watched, counting = Watched(), CountingAction()

    async def act(item: int) -> int:
        await counting(item)
        return await never(item)

    outcomes = map_bounded(act, watched.generator(), limit=4)
    with anyio.CancelScope() as scope:
        async with aclosing(outcomes), anyio.create_task_group() as tasks:
            tasks.start_soon(anext, outcomes)
            await turns()
            scope.cancel()

    assert watched.pulled == 4
    assert watched.is_closed
    assert counting.under_way == 0


@pytest.mark.parametrize("is_async", [False, True])
async def test_closing_twice_and_closing_unused_does_no_harm(*, is_async: bool) -> None:
    watched = Watched()
    items = watched.async_generator() if is_async else watched.generator()
    unused = map_bounded(double, items, limit=2)
    await unused.aclose()
    await unused.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(unused)
    assert watched.pulled == 0
    assert unused.unfinished == ()

    outcomes = map_bounded(double, range(3), limit=2)
    await anext(outcomes)
    await outcomes.aclose()
    await outcomes.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(outcomes)


async def test_a_file_that_is_the_input_stays_the_callers(tmp_path: Path) -> None:
    path = tmp_path / "numbers.txt"
    path.write_text("1\n2\n3\n")

    async def length(line: str) -> int:
        return len(line)

    with path.open() as lines:
        assert len([outcome async for outcome in map_bounded(length, lines, limit=2)]) == 3
        assert not lines.closed


request_id: ContextVar[str] = ContextVar("request_id", default="none")


async def test_the_action_sees_the_context_variables_of_its_caller() -> None:
    token = request_id.set("mine")

    async def seen(_: int) -> str:
        return request_id.get()

    try:
        values = [outcome.value async for outcome in map_bounded(seen, range(3), limit=2)]
    finally:
        request_id.reset(token)

    assert values == ["mine"] * 3


async def test_memory_stays_flat_however_long_the_input_is() -> None:
    peaks = []
    for length in (500, 5_000):
        gc.collect()
        tracemalloc.start()
        try:
            async for _ in map_bounded(double, range(length), limit=10):
                pass
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()

    assert peaks[1] < peaks[0] + 100_000


async def collect(source: Outcomes[int, int]) -> list[int]:
    return [outcome.index async for outcome in source]


async def test_several_maps_run_side_by_side() -> None:
    found: dict[int, list[int]] = {}

    async def one(name: int) -> None:
        found[name] = await collect(map_bounded(double, range(50), limit=3))

    async with anyio.create_task_group() as tasks:
        for name in range(5):
            tasks.start_soon(one, name)

    assert all(sorted(indexes) == list(range(50)) for indexes in found.values())


async def test_outcomes_come_in_the_order_of_the_input_on_request() -> None:
    gates = [anyio.Event() for _ in range(4)]

    async def wait(item: int) -> int:
        await gates[item].wait()
        return item

    outcomes = map_bounded(wait, range(4), limit=4, ordered=True)
    for gate in reversed(gates[1:]):
        gate.set()
    with anyio.move_on_after(0):
        await turns()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(open_late, gates[0])
        order = [outcome.index async for outcome in outcomes]

    assert order == [0, 1, 2, 3]


async def open_late(gate: anyio.Event) -> None:
    await turns()
    gate.set()


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_first_item_that_hangs_lets_twice_the_limit_be_pulled_in_order(
    *, is_async: bool
) -> None:
    watched, counting = Watched(), CountingAction()
    gate = anyio.Event()

    async def act(item: int) -> int:
        if item == 0:
            await gate.wait()
        return await counting(item)

    items = watched.async_generator() if is_async else watched.generator()
    outcomes = map_bounded(act, items, limit=3, ordered=True)
    async with outcomes, anyio.create_task_group() as tasks:
        tasks.start_soon(anext, outcomes)
        await turns(200)
        assert (watched.pulled, counting.under_way, counting.most) == (6, 0, 2)
        gate.set()


async def test_the_input_may_hold_a_task_group_from_one_item_to_the_next() -> None:
    ended: list[str] = []

    async def items() -> AsyncIterator[int]:
        with anyio.fail_after(60):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(anyio.sleep_forever)
                for number in range(20):
                    yield number
                    await anyio.lowlevel.checkpoint()
                tasks.cancel_scope.cancel()
        ended.append("by itself")

    taken = [outcome.item async for outcome in map_bounded(double, items(), limit=4)]
    async with map_bounded(double, items(), limit=4) as outcomes:
        await anext(outcomes)

    assert sorted(taken) == list(range(20))
    assert ended == ["by itself"]


async def test_calls_that_never_wait_leave_the_event_loop_to_others() -> None:
    async def taking(outcomes: Outcomes[int, int]) -> None:
        async for _ in outcomes:
            pass

    for items in (range(10**12), Watched().async_generator_without_a_pause()):
        outcomes = map_bounded(double, items, limit=10**12)
        async with outcomes, anyio.create_task_group() as tasks:
            tasks.start_soon(taking, outcomes)
            await turns(10)
            tasks.cancel_scope.cancel()


async def test_closing_from_elsewhere_ends_the_iteration() -> None:
    outcomes = map_bounded(never, range(5), limit=2)
    taken: list[int] = []

    async def take() -> None:
        taken.extend([outcome.index async for outcome in outcomes])

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(take)
        await turns()
        await outcomes.aclose()

    assert taken == []
    assert [outcome.index for outcome in outcomes.unfinished] == [0, 1]


async def test_the_outcomes_of_one_map_may_be_the_input_of_another() -> None:
    async def unwrapped(outcome: Outcome[int, int]) -> int:
        return outcome.unwrap() + 1

    first = map_bounded(double, range(50), limit=3)
    second = map_bounded(unwrapped, first, limit=4, ordered=True)

    assert sorted([o.unwrap() async for o in second]) == [2 * item + 1 for item in range(50)]


async def test_an_input_whose_cleaning_up_fails_says_so_at_the_end() -> None:
    def items() -> Iterator[int]:
        try:
            yield from range(10)
        finally:
            raise LookupError("cleaning up failed")

    outcomes = map_bounded(double, items(), limit=1, stop_on=lambda outcome: outcome.ok)

    assert (await anext(outcomes)).index == 0
    with pytest.raises(LookupError, match="cleaning up"):
        await anext(outcomes)
