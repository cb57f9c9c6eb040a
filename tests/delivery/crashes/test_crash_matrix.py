"""SIGKILL before and after every step of a sender, and again in its second life.

Every step of the first life is tried in each run of the tests, and of the steps of the second
lives so many as ``MEDIASFLOW_CRASHES`` says for each store and trouble; a large number makes it
the whole matrix.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final, TypeVar

from tests.delivery.crashes.scenes import ONCE, Lived, Open, each

pytest_plugins = ["tests.delivery.crashes.fixtures", "tests.support.postgres_fixtures"]

_SECOND_DEATHS: Final = int(os.environ.get("MEDIASFLOW_CRASHES", "20"))
_Case = TypeVar("_Case")


def test_a_sender_that_is_killed_anywhere_and_again_launches_once(open_scene: Open) -> None:
    with open_scene("undisturbed") as scene:
        first = scene.undisturbed()

    def killed(at: int) -> Lived:
        with open_scene(f"killed-{at}") as killed_once:
            killed_once.killed(at)
            second = killed_once.lived()
            assert (second.code, killed_once.ending()) == (0, ONCE), first.steps[at]
            return second

    second = each(killed, range(len(first.steps)))

    def killed_again(case: tuple[int, int]) -> None:
        at, again = case
        with open_scene(f"killed-{at}-{again}") as killed_twice:
            killed_twice.killed(at)
            killed_twice.killed(again)
            third = killed_twice.lived()
            where = (first.steps[at], second[at].steps[again])
            assert (third.code, killed_twice.ending()) == (0, ONCE), where

    each(killed_again, _spread(_second_deaths(second), _SECOND_DEATHS))


def _second_deaths(second: Sequence[Lived]) -> list[tuple[int, int]]:
    return [(at, again) for at, life in enumerate(second) for again in range(len(life.steps))]


def _spread(cases: Sequence[_Case], most: int) -> Sequence[_Case]:
    """Return at most so many of the cases, evenly spread and always the same."""
    step = max(1, -(-len(cases) // most))
    return cases[step // 2 :: step]
