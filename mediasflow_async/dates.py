"""The five date formats, and periods cut in windows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Final

from attrs import frozen

__all__ = [
    "MAX_WINDOW",
    "Window",
    "read_datetime",
    "split_period",
    "start_of",
    "to_minute_text",
    "to_schedule_text",
    "to_whole_second",
]


_MONTHS: Final = {
    name: number
    for number, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)
}

# A JRE writes an ordinary, a no-break or a narrow no-break space before AM and PM, and a comma
# after the year or none, according to its version: `\s` takes every such space.
_CAMPAIGN = re.compile(
    r"([A-Za-z]{3})[a-z]*\.?\s+(\d{1,2}),\s*(\d{4}),?\s+(\d{1,2}):(\d{2}):(\d{2})\s*([AaPp])\.?[Mm]\.?"
)
_REPORT = re.compile(r"(\d{2})/(\d{2})/(\d{4})(?:\s+(\d{2}):(\d{2})(?::(\d{2}))?)?")
_ISO = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})(?:[T\s]+(\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?"
    r"\s*(Z|[+-]\d{2}:?\d{2})?(?:\[[\w/+-]+\])?"
)
_LONGEST: Final = 64
_REMEMBERED: Final = 8192  # the seconds of two hours, in which most of a campaign's rows fall
_NOON: Final = 12


def read_datetime(text: object, zone: tzinfo) -> datetime | None:
    """Return the instant that a text of any of the API's formats stands for.

    Args:
        text: what the server sent; a number is read as milliseconds since 1970.
        zone: the zone of the formats that name none.

    Returns:
        An aware datetime, or None for what is not a date: the reader keeps the raw value.
    """
    try:
        if isinstance(text, str):
            return _read_text(text.strip(), zone) if len(text) <= _LONGEST else None
        if isinstance(text, int | float) and not isinstance(text, bool):
            return datetime.fromtimestamp(text / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


@lru_cache(maxsize=_REMEMBERED)
def _read_text(text: str, zone: tzinfo) -> datetime | None:
    # The dates of one answer, and of the next ones, are often the same second.
    if match := _REPORT.fullmatch(text):
        day, month, year, hour, minute, second = map(int, match.groups("0"))
        return datetime(year, month, day, hour, minute, second, tzinfo=zone)
    if match := _CAMPAIGN.fullmatch(text):
        return _from_campaign(match, zone)
    if match := _ISO.fullmatch(text):
        return _from_iso(match, zone)
    return None


def _from_iso(match: re.Match[str], zone: tzinfo) -> datetime:
    year, month, day, hour, minute, second = map(int, match.groups("0")[:6])
    microsecond = int((match[7] or "")[:6].ljust(6, "0"))
    offset = _offset(match[8]) if match[8] else zone
    return datetime(year, month, day, hour, minute, second, microsecond, offset)


def _offset(text: str) -> tzinfo:
    if text == "Z":
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:])
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if text[0] == "-" else offset)


def _from_campaign(match: re.Match[str], zone: tzinfo) -> datetime | None:
    month = _MONTHS.get(match[1].lower())
    if month is None or not 1 <= int(match[4]) <= _NOON:
        return None
    hour = int(match[4]) % _NOON + (_NOON if match[7] in "Pp" else 0)
    day, year, minute, second = (int(match[group]) for group in (2, 3, 5, 6))
    return datetime(year, month, day, hour, minute, second, tzinfo=zone)


def to_schedule_text(moment: datetime, zone: tzinfo) -> str:
    """Return `scheduleOn` for an aware datetime: wall time in `zone`, then a literal Z.

    Guide: 2.1. Fractions of a second are rounded up, so that nothing goes out early.
    """
    return to_whole_second(moment).astimezone(zone).strftime("%Y-%m-%dT%H:%M:%SZ")


def to_whole_second(moment: datetime) -> datetime:
    """Return an aware datetime in UTC, rounded up to a second."""
    # In UTC: arithmetic in a zone forgets which of two equal wall times is meant.
    instant = moment.astimezone(UTC)
    return instant + timedelta(microseconds=-instant.microsecond % 1_000_000)


def to_minute_text(moment: datetime, zone: tzinfo) -> str:
    """Return a bound of a report's period, ``YYYY-MM-DD HH:MM`` in `zone` (Guide: 2.6)."""
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def start_of(day: date, zone: tzinfo) -> datetime:
    """Return the first moment of a day in `zone`."""
    return datetime.combine(day, time(), zone)


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
