"""Two workers in a simulated world where everything goes wrong, over the sender's own code.

``MEDIASFLOW_SCHEDULES=25000`` makes it the long run.
"""

from __future__ import annotations

import os
from random import Random
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from mediasflow_async.delivery import Reason
from tests.delivery.simulation.runs import PROMISED, Broken, Protocol, run
from tests.delivery.simulation.schedules import LENGTH
from tests.delivery.simulation.weakened import WEAKENED
from tests.delivery.simulation.world import Livelock

_MOST_SCHEDULES: Final = int(os.environ.get("MEDIASFLOW_SCHEDULES", "3000"))
_SCHEDULES: Final = st.binary(min_size=LENGTH, max_size=LENGTH)
_SEARCH: Final = settings(
    max_examples=3000,
    phases=[Phase.generate],
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@settings(max_examples=_MOST_SCHEDULES, deadline=None, print_blob=True)
@given(_SCHEDULES)
def test_no_schedule_launches_twice_or_loses_a_campaign_or_goes_on_for_ever(
    schedule: bytes,
) -> None:
    run(schedule)


@pytest.mark.parametrize("rule", WEAKENED)
def test_each_rule_of_the_protocol_is_needed(rule: str) -> None:
    def is_refuted(schedule: bytes) -> bool:
        return _is_broken(schedule, WEAKENED[rule])

    same_each_time = Random(7)  # noqa: S311  no secret
    counterexample = find(_SCHEDULES, is_refuted, settings=_SEARCH, random=same_each_time)
    assert not _is_broken(counterexample, PROMISED)


def _is_broken(schedule: bytes, protocol: Protocol) -> bool:
    try:
        run(schedule, protocol)
    except (Broken, Livelock):
        return True
    return False


def test_without_trouble_every_campaign_is_launched_at_once() -> None:
    entries = run(bytes(LENGTH))
    assert [(entry.reason, entry.launches) for entry in entries] == [(Reason.ANSWERED, 1)] * 2


def test_the_schedules_lead_to_every_end() -> None:
    same_each_time = Random(7)  # noqa: S311  no secret
    runs = (run(same_each_time.randbytes(LENGTH)) for _ in range(1500))
    assert {entry.reason for entries in runs for entry in entries} == {
        Reason.ANSWERED,
        Reason.SHOWN_BY_REPORT,
        Reason.SHOWN_BY_STATE,
        Reason.REFUSED,
        Reason.NO_EVIDENCE,
        Reason.TOO_LATE,
    }
