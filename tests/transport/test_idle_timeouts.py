"""What a pool makes of the age of its connections, while no time passes but that of the test."""

from __future__ import annotations

import asyncio
import math
from types import SimpleNamespace
from typing import cast

import pytest

from mediasflow_async.transport import Origin
from mediasflow_async.transport.connection import Connection
from mediasflow_async.transport.pool import Dialer, Pool

ORIGIN: Origin = ("http", b"a.example", None, None)
OTHER: Origin = ("http", b"b.example", None, None)


class Idle:
    """A connection as its pool sees it."""

    def __init__(self, pool: Pool, origin: Origin, announced: float) -> None:
        self.origin = origin
        self.announced_seconds = announced
        self.idle_seconds: float | None = None
        self.is_fit = True
        self._pool = pool

    def abort(self) -> None:
        self.idle_seconds = None
        self._pool.drop(cast("Connection", self))


class Aging:
    """A pool, and the time."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pool = Pool(Dialer(ssl_context=None), keepalive_expiry_seconds=1e6, max_idle=1000)

    def time(self) -> float:
        return self.now

    def given_back(self, origin: Origin = ORIGIN, announced: float = math.inf) -> Idle:
        """Give back a connection."""
        idle = Idle(self.pool, origin, announced)
        self.pool.give_back(cast("Connection", idle))
        return idle

    def ended_after(self, seconds: float, origin: Origin = ORIGIN) -> None:
        """Let the server end a connection that has carried nothing for some time."""
        idle = self.given_back(origin)
        self.now += seconds
        self.pool.note_end(cast("Connection", idle))
        idle.abort()

    def taken(self, *, is_once: bool = False) -> Idle | None:
        """Take a connection for a request."""
        return cast("Idle | None", self.pool.kept(ORIGIN, is_once=is_once))

    def is_young(self, age: float, announced: float = math.inf) -> bool:
        """Whether what is sent once goes over a connection of this age."""
        idle = self.given_back(announced=announced)
        self.now += age
        taken = self.taken(is_once=True)
        assert taken in (idle, None)
        # Others take it in any case, where the server has not announced its end.
        assert taken is idle or self.taken() in (idle, None)
        idle.abort()
        return taken is idle


@pytest.fixture
def aging(monkeypatch: pytest.MonkeyPatch) -> Aging:
    loop = SimpleNamespace()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: loop)
    aging = Aging()
    loop.time = aging.time
    return aging


def test_a_second_is_young(aging: Aging) -> None:
    assert aging.is_young(0.99)
    assert not aging.is_young(1)


@pytest.mark.parametrize(
    ("announced", "longest"), [(60, 1), (2.5, 1), (2, 0.75), (1, 0.25), (0.6, 0.05)]
)
def test_less_than_half_of_what_is_announced_is_young(
    aging: Aging, announced: float, longest: float
) -> None:
    assert aging.is_young(longest - 0.01, announced)
    assert not aging.is_young(longest + 0.01, announced)


@pytest.mark.parametrize("announced", [0.0, 0.3, 0.5])
def test_what_is_closed_soon_is_never_taken(aging: Aging, announced: float) -> None:
    aging.given_back(announced=announced)
    assert aging.taken() is None


@pytest.mark.parametrize(
    ("ended_after", "longest"), [(60, 1), (2.5, 1), (2, 0.75), (1, 0.25), (0.6, 0.05)]
)
def test_less_than_half_of_what_was_seen_is_young(
    aging: Aging, ended_after: float, longest: float
) -> None:
    aging.ended_after(ended_after)
    assert aging.is_young(longest - 0.01)
    assert not aging.is_young(longest + 0.01)


def test_the_shortest_counts(aging: Aging) -> None:
    for seconds in (3, 1, 1.2, 5):
        aging.ended_after(seconds)
    assert aging.is_young(0.24)
    assert not aging.is_young(0.26)
    assert not aging.is_young(0.11, announced=0.7)


def test_who_closes_at_once_is_sent_nothing_over_what_is_kept(aging: Aging) -> None:
    aging.ended_after(0.1)
    assert not aging.is_young(0)


def test_what_the_loop_has_not_seen_counts_when_it_is_found(aging: Aging) -> None:
    aging.given_back().is_fit = False
    aging.now += 0.1
    assert aging.taken() is None
    assert not aging.is_young(0)


def test_each_origin_has_its_own(aging: Aging) -> None:
    aging.ended_after(0.1, OTHER)
    assert aging.is_young(0.9)


def test_what_was_closed_here_teaches_nothing(aging: Aging) -> None:
    idle = aging.given_back()
    idle.abort()
    aging.pool.note_end(cast("Connection", idle))
    assert aging.is_young(0.9)


def test_after_a_restart_connections_live_as_long_as_before(aging: Aging) -> None:
    aging.ended_after(0.1)
    oldest = aging.given_back()
    aging.now += 61
    aging.given_back().abort()
    assert aging.taken() is oldest
    assert aging.is_young(0.9)


def test_an_end_that_nobody_has_seen_disproves_nothing(aging: Aging) -> None:
    aging.ended_after(0.1)
    aging.given_back().is_fit = False
    aging.now += 61
    aging.given_back().abort()
    assert not aging.is_young(0)


@pytest.mark.parametrize(("quiet", "age"), [(61, 0.5), (50, 50)])
def test_too_little_age_or_time_disproves_nothing(aging: Aging, quiet: float, age: float) -> None:
    aging.ended_after(0.1)
    aging.now += quiet - age
    aging.given_back()
    aging.now += age
    aging.given_back().abort()
    aging.taken()
    assert not aging.is_young(0)


def test_what_is_confirmed_is_not_forgotten(aging: Aging) -> None:
    aging.ended_after(0.1)
    aging.given_back()
    aging.now += 50
    aging.ended_after(0.4)
    aging.now += 50
    aging.given_back().abort()
    aging.taken()
    assert not aging.is_young(0)


def test_no_more_than_some_origins_are_remembered(aging: Aging) -> None:
    aging.ended_after(0.1)
    for number in range(100):
        aging.ended_after(0.1, ("http", b"%d.example" % number, None, None))
    assert aging.is_young(0.9)
