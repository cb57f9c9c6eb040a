"""A period of any length as windows that the API accepts, at most 7 days each (Guide: 2.6)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from attrs import frozen

__all__ = ["MAX_WINDOW", "Window", "split_period"]

MAX_WINDOW: Final = timedelta(days=7)
"""The longest period that one request may ask for (Guide: 2.6)."""

_MINUTE: Final = timedelta(minutes=1)


@frozen(order=True)
class Window:
    """A part of a period, on whole minutes.

    Attributes:
        since: its first moment.
        until: its end; whether the server counts that minute is not known.
    """

    since: datetime
    until: datetime


def split_period(
    since: datetime,
    until: datetime,
    *,
    zone: tzinfo,
    window: timedelta = MAX_WINDOW - _MINUTE,
    overlap: timedelta = timedelta(0),
) -> Iterator[Window]:
    """Yield the windows that cover a period, in order and without a gap.

    The bounds are widened to whole minutes, the API's resolution. A window stays within 7 days
    of real time and on the clock of `zone`, which differ when the clocks change: the server may
    count either way. No bound falls into the hour that comes twice when they go back, since its
    text names two moments: a period that starts or ends there is widened, and so is a window
    that is too short to end before it.

    Args:
        since: start of the period, aware.
        until: end of the period, aware and later than `since`.
        zone: zone in which the bounds are written.
        window: length of a window, at most 7 days.
        overlap: how long before the end of a window the next one starts; at most half of `window`.
    """
    start = _outside(_floor(since), zone, -_MINUTE)
    end = _outside(_ceil(until), zone, _MINUTE)
    window -= window % _MINUTE
    overlap += -overlap % _MINUTE
    while True:
        latest = _latest_end(start, window, zone)
        before = _outside(latest, zone, -_MINUTE)
        stop = min(before if before - overlap > start else _outside(latest, zone, _MINUTE), end)
        yield Window(start, stop)
        if stop >= end:
            return
        start = _outside(stop - overlap, zone, _MINUTE)


def _floor(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(second=0, microsecond=0)


def _ceil(moment: datetime) -> datetime:
    floor = _floor(moment)
    return floor if floor == moment else floor + _MINUTE


def _outside(moment: datetime, zone: tzinfo, step: timedelta) -> datetime:
    """Return the nearest moment, in the direction of `step`, that the clocks show once only."""
    while _comes_twice(moment.astimezone(zone)):
        moment += step
    return moment


def _comes_twice(local: datetime) -> bool:
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


def _latest_end(start: datetime, window: timedelta, zone: tzinfo) -> datetime:
    end = start + window
    on_the_clock = _wall(end, zone) - _wall(start, zone)
    return end - max(on_the_clock - max(window, MAX_WINDOW - _MINUTE), timedelta(0))


def _wall(moment: datetime, zone: tzinfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)
