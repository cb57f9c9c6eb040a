"""The congestion window, and the pauses that the server asks for."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeVar

import pytest

from mediasflow_async import (
    BadRequest,
    Conflict,
    ConnectionFailed,
    DeliveryUnknown,
    NotFound,
    RateLimited,
    RequestTimeout,
    ServerError,
)
from mediasflow_async.delivery.pacing import CongestionWindow, is_trouble, pause_after

_Limited = TypeVar("_Limited", RateLimited, ServerError)

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


def _asking(error: _Limited, pause: timedelta) -> _Limited:
    """Return an error with which the server asks for a pause."""
    error.retry_after = pause
    return error


@pytest.mark.parametrize(
    "result",
    [ConnectionFailed(), DeliveryUnknown(), RateLimited(), RequestTimeout(), ServerError()],
    ids=lambda result: type(result).__name__,
)
def test_what_the_server_does_not_bear_is_trouble(result: object) -> None:
    assert is_trouble(result)


@pytest.mark.parametrize("result", [None, "a value", BadRequest(), Conflict(), NotFound()])
def test_an_answer_is_no_trouble(result: object) -> None:
    assert not is_trouble(result)


def test_a_window_halves_on_trouble_and_keeps_one_place() -> None:
    window = CongestionWindow.of(10)
    limits = []
    for _ in range(5):
        window = window.after(window.cuts, trouble=True)
        limits.append(window.limit)
    assert limits == [5, 2, 1, 1, 1]


def test_a_windowful_of_successes_opens_one_place_more_up_to_the_ceiling() -> None:
    window = CongestionWindow.of(6).after(0, trouble=True)
    limits = []
    for _ in range(40):
        window = window.after(window.cuts, trouble=False)
        limits.append(window.limit)
    assert limits[:12] == [3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 5]
    assert max(limits) == 6


@pytest.mark.parametrize("trouble", [True, False])
def test_what_began_before_a_cut_changes_nothing_after_it(*, trouble: bool) -> None:
    cut = CongestionWindow.of(10).after(0, trouble=True)
    assert cut.after(0, trouble=trouble) == cut


@pytest.mark.parametrize(
    ("result", "pause"),
    [
        (_asking(RateLimited(status=429), MINUTE), MINUTE),
        (_asking(RateLimited(status=429), timedelta(0)), SECOND),
        (RateLimited(status=429), SECOND),
        (_asking(RateLimited(status=429), timedelta(days=1)), timedelta(minutes=15)),
        (_asking(ServerError(status=503), MINUTE), MINUTE),
        (ServerError(status=503), None),
        (RequestTimeout(), None),
        ("a value", None),
    ],
)
def test_the_server_alone_says_when_everybody_pauses(
    result: object, pause: timedelta | None
) -> None:
    assert pause_after(result) == pause
