"""Which clock leases are counted by."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from mediasflow_async.delivery.slots import boot_seconds, clock_of


@pytest.mark.parametrize(
    ("clocks", "seconds"),
    [
        ({"CLOCK_BOOTTIME": 7, "CLOCK_MONOTONIC": 1, "clock_gettime": float}, 7.0),
        ({"CLOCK_MONOTONIC": 1, "clock_gettime": float}, 1.0),
        ({"monotonic": lambda: 3.0}, 3.0),
    ],
    ids=["Linux", "macOS", "Windows"],
)
def test_the_clock_goes_on_while_the_machine_sleeps_where_there_is_such_a_clock(
    clocks: dict[str, Any], seconds: float
) -> None:
    assert clock_of(SimpleNamespace(**clocks))() == seconds


def test_the_clock_never_goes_back() -> None:
    assert boot_seconds() <= boot_seconds()
