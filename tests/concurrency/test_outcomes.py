"""Outcomes as values: shown, compared, pickled, unwrapped, and gone when nobody holds them."""

from __future__ import annotations

import gc
import pickle
import weakref
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import anyio
import pytest
from attrs.exceptions import FrozenInstanceError

from mediasflow_async import NotFound, Outcome
from mediasflow_async.concurrency import map_bounded


def test_an_outcome_shows_no_item() -> None:
    outcome = Outcome(index=3, item="+33612345678", value=17)

    assert "612345678" not in repr(outcome)


def test_an_outcome_stays_as_it_is() -> None:
    outcome: Any = Outcome(index=0, item="a", value=1)

    with pytest.raises(FrozenInstanceError):
        outcome.value = 2


def test_outcomes_with_equal_contents_are_equal() -> None:
    error = NotFound("no such thing")

    assert Outcome(index=0, item="a", value=1) == Outcome(index=0, item="a", value=1)
    assert Outcome(index=0, item="a", value=1) != Outcome(index=1, item="a", value=1)
    assert Outcome(index=0, item="a", error=error) != Outcome(index=0, item="a")


def copied(outcome: Outcome[str, Any]) -> Outcome[str, Any]:
    copy: Outcome[str, Any] = pickle.loads(pickle.dumps(outcome))  # noqa: S301 - our own
    return copy


def test_an_outcome_survives_pickling() -> None:
    error = NotFound("no such thing", status=404)
    good = Outcome(index=2, item="a", value=[1])
    bad = copied(Outcome(index=3, item="b", error=error))

    assert copied(good) == good
    assert (bad.index, bad.item, bad.value, bad.ok) == (3, "b", None, False)
    assert str(bad.error) == str(error)


def test_unwrapping_again_and_again_adds_nothing_to_the_error() -> None:
    outcome: Outcome[str, int] = Outcome(index=0, item="a", error=NotFound("no"))
    lengths = set()
    for _ in range(3):
        with pytest.raises(NotFound) as caught:
            outcome.unwrap()
        lengths.add(len(caught.traceback))

    assert len(lengths) == 1


@contextmanager
def no_collector() -> Generator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class Thing:
    """An item that can be referred to weakly."""


async def refuse(_: Thing) -> int:
    raise NotFound("no such thing")


@pytest.mark.anyio
@pytest.mark.every_backend
@pytest.mark.parametrize("ordered", [False, True])
async def test_a_failed_item_goes_with_the_last_name_that_holds_it(*, ordered: bool) -> None:
    with no_collector():
        things = [Thing() for _ in range(5)]
        seen = [weakref.ref(thing) for thing in things]
        async for outcome in map_bounded(refuse, iter(things), limit=2, ordered=ordered):
            assert not outcome.ok
        del outcome
        things.clear()

        assert [thing() for thing in seen] == [None] * 5


@pytest.mark.anyio
@pytest.mark.every_backend
async def test_a_map_that_was_left_goes_with_the_last_name_that_holds_it() -> None:
    async def hang(_: Thing) -> None:
        await anyio.sleep_forever()

    with no_collector():
        things = [Thing() for _ in range(5)]
        seen = [weakref.ref(thing) for thing in things]
        outcomes = map_bounded(hang, iter(things), limit=3)
        with anyio.move_on_after(0.01):
            await anext(outcomes)
        assert len(outcomes.unfinished) == 3
        del outcomes
        things.clear()

        assert [thing() for thing in seen] == [None] * 5
