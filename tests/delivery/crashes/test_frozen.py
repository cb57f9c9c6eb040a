"""SIGSTOP at any step of a sender, for longer than its lease, while another takes over."""

from __future__ import annotations

from typing import Final

import pytest

from tests.delivery.crashes.children import thaw
from tests.delivery.crashes.scenes import ONCE, Open, each

# A frozen process counts by the machine's clock, so these pass in earnest. Calls have half a
# lease, and a busy server the other time to come to those that were given up.
_PATIENCE: Final = {"lease_seconds": 3.0, "settle_seconds": 1.0}
_AT_ONCE: Final = 20

pytest_plugins = ["tests.delivery.crashes.fixtures", "tests.support.postgres_fixtures"]


@pytest.mark.parametrize("trouble", ["no trouble", "the launch is lost"], indirect=True)
def test_a_sender_that_freezes_anywhere_launches_nothing_twice(open_scene: Open) -> None:
    with open_scene("undisturbed") as scene:
        first = scene.undisturbed()

    def frozen(at: int) -> None:
        with (
            open_scene(f"frozen-{at}") as scene,
            scene.frozen(at, **_PATIENCE) as (child, process),
        ):
            try:
                other = scene.lived(None, **_PATIENCE)
                assert (other.code, scene.ending()) == (0, ONCE), first.steps[at]
            finally:
                thaw(process)
            assert (child.ended(), scene.ending()) == (0, ONCE), first.steps[at]

    each(frozen, range(len(first.steps)), at_once=_AT_ONCE)
