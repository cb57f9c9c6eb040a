"""The moves between the states."""

from __future__ import annotations

from mediasflow_async.delivery import State
from mediasflow_async.delivery.records import MOVES


def test_what_has_ended_stays_ended() -> None:
    ended = {state for state in State if not MOVES[state]}
    assert ended == {State.LAUNCHED, State.REJECTED, State.CANCELLED}


def test_only_a_person_ends_what_is_parked() -> None:
    assert not State.PARKED.is_open
    assert MOVES[State.PARKED] == {State.LAUNCHED, State.CANCELLED}


def test_nothing_is_launched_that_is_not_recorded_as_launching() -> None:
    before = {state for state in State if State.LAUNCHED in MOVES[state]}
    assert before == {State.LAUNCHING, State.PARKED}


def test_what_the_server_holds_is_refused_by_a_recorded_launch_alone() -> None:
    before = {state for state in State if State.REJECTED in MOVES[state]}
    assert before == {State.NEW, State.LAUNCHING}


def test_a_launch_in_doubt_is_not_cancelled() -> None:
    assert State.CANCELLED not in MOVES[State.LAUNCHING]
