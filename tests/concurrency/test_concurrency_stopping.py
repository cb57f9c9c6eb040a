"""`stop_on`: after which outcome of a map nothing begins any more."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from mediasflow_async import (
    ApiError,
    AuthenticationFailed,
    ConfigurationError,
    MediasflowError,
    NotFound,
    Outcome,
    Sent,
)
from mediasflow_async.concurrency import map_bounded

pytestmark = [pytest.mark.anyio, pytest.mark.every_backend]


async def act(item: int) -> int:
    await anyio.lowlevel.checkpoint()
    if item == 7:
        raise AuthenticationFailed("the password was changed")
    if item % 2:
        raise NotFound("odd")
    return item


def is_seventh(outcome: Outcome[int, int]) -> bool:
    return outcome.index == 7


async def counted(numbers: list[int]) -> AsyncIterator[int]:
    for number in range(1000):
        numbers.append(number)
        yield number


@pytest.mark.parametrize("limit", [1, 3, 40])
@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize(
    "stop_on",
    [AuthenticationFailed, (AuthenticationFailed, ConfigurationError), is_seventh],
    ids=["error", "errors", "function"],
)
async def test_what_is_under_way_ends_and_nothing_else_begins(
    limit: int, stop_on: Any, *, ordered: bool
) -> None:
    begun: list[int] = []

    async def note(item: int) -> int:
        begun.append(item)
        return await act(item)

    outcomes = map_bounded(note, range(1000), limit=limit, ordered=ordered, stop_on=stop_on)
    taken = [outcome.index async for outcome in outcomes]

    assert sorted(taken) == begun
    assert 7 in taken
    assert len(taken) <= 8 + 2 * limit
    assert outcomes.unfinished == ()


async def test_a_class_of_errors_stands_for_those_below_it() -> None:
    taken = [o.index async for o in map_bounded(act, range(9), limit=1, stop_on=ApiError)]

    assert taken == [0, 1]


async def test_without_such_an_outcome_all_items_are_done() -> None:
    outcomes = map_bounded(act, range(6), limit=2, stop_on=AuthenticationFailed)

    assert sorted([outcome.index async for outcome in outcomes]) == list(range(6))


async def test_an_input_that_is_waited_for_keeps_nobody() -> None:
    ended: list[str] = []

    async def items() -> AsyncIterator[int]:
        try:
            yield 7
            await anyio.sleep_forever()
        finally:
            ended.append("closed")

    taken = [o.index async for o in map_bounded(act, items(), limit=3, stop_on=MediasflowError)]

    assert taken == [0]
    assert ended == ["closed"]


async def test_items_that_were_pulled_and_never_begun_are_told() -> None:
    async def items() -> AsyncIterator[int]:
        for number in range(7, 1000):
            yield number

    async def at_once(_: int) -> int:
        raise AuthenticationFailed("the password was changed")

    outcomes = map_bounded(at_once, items(), limit=5, stop_on=AuthenticationFailed)
    taken = [outcome.index async for outcome in outcomes]

    left = outcomes.unfinished
    assert taken == [0]
    assert [(o.index, o.item) for o in left] == [(n, n + 7) for n in range(1, 1 + len(left))]
    assert all(o.error is not None and o.error.sent is Sent.NOT_SENT for o in left)
    assert left
    assert "never began" in str(left[0].error)


async def test_a_function_that_fails_ends_the_map_after_its_outcome() -> None:
    def broken(outcome: Outcome[int, int]) -> bool:
        raise LookupError(f"at {outcome.index}")

    outcomes = map_bounded(act, range(10), limit=1, stop_on=broken)

    assert (await anext(outcomes)).index == 0
    with pytest.raises(LookupError, match="at 0"):
        await anext(outcomes)


@pytest.mark.parametrize(
    "wrong",
    [ValueError, Exception, (NotFound, ValueError), (NotFound, "401"), "401", 7, [NotFound]],
)
async def test_what_can_stop_nothing_is_refused_at_once(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="stop_on"):
        map_bounded(act, range(3), limit=1, stop_on=wrong)


async def test_the_input_is_closed_as_after_its_end() -> None:
    ended: list[str] = []

    def items() -> Iterator[int]:
        try:
            yield from range(100)
        finally:
            ended.append("closed")

    async for _ in map_bounded(act, items(), limit=2, stop_on=NotFound):
        pass

    assert ended == ["closed"]
