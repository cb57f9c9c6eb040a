"""The date formats of the API, and a period cut in windows that it answers.

Three formats are read: that of a campaign (``Jun 16, 2021 6:29:07 PM``), that of a report
(``25/06/2021 09:00:00``) and ISO 8601, of a list (``2021-06-25T08:46:45.937Z[UTC]``). A Java
server with other settings writes two more: ``16 juin 2021 18:29:07`` in France, and that of
`Date.toString`, ``Wed Jun 16 18:29:07 CEST 2021``. Two are written: a schedule
(``2021-06-24T09:30:58Z``) and the bound of a period (``2021-06-24 09:30``). Months are looked up
in a table, since `strptime` reads them in the locale of the process.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, time, timedelta, timezone, tzinfo
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
    "widened",
]

MAX_WINDOW: Final = timedelta(days=7)
"""The longest period that one request may ask for (Guide: 2.6)."""

_LONGEST: Final = 64
_REMEMBERED: Final = 8192  # the seconds of two hours, which hold most of a campaign's rows
_NOON: Final = 12
_MONTHS: Final = {
    name: number
    for number, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)
}

# As a Java runtime in France shortens them, or not; accents and full stops left out.
_FRENCH_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        [
            "janv janvier",
            "fevr fevrier",
            "mars",
            "avr avril",
            "mai",
            "juin",
            "juil juillet",
            "aout",
            "sept septembre",
            "oct octobre",
            "nov novembre",
            "dec decembre",
        ],
        1,
    )
    for name in names.split()
}
_UNACCENTED: Final = str.maketrans("éèû", "eeu")
# Of the abbreviations of zones, those that are likely here and name one offset; hours from UTC.
_ZONES: Final = {"UTC": 0, "GMT": 0, "WET": 0, "WEST": 1, "CET": 1, "MET": 1, "CEST": 2, "MEST": 2}

# According to its version, a Java runtime writes a plain, a no-break or a narrow no-break space
# before AM and PM, and a comma after the year or none: `\s` matches each of these spaces. The
# narrow one is a question mark in the charsets that do not have it.
_CAMPAIGN = re.compile(
    r"([A-Za-z]{3})[a-z]*\.?\s+(\d{1,2}),\s*(\d{4}),?\s+(\d{1,2}):(\d{2}):(\d{2})[\s?]*([AaPp])\.?[Mm]\.?"
)
_FRENCH = re.compile(
    r"(\d{1,2})(?:er)?\s+([^\W\d_]{3,9})\.?\s+(\d{4}),?(?:\s+(?:à|at))?"
    r"(?:\s+(\d{1,2}):(\d{2})(?::(\d{2}))?)?"
)
_JAVA = re.compile(
    r"[A-Za-z]{3}\s+([A-Za-z]{3})\s+(\d{1,2})\s+(\d{1,2}):(\d{2}):(\d{2})\s+"
    r"(?:([A-Z]{3,4})|GMT([+-]\d{2}:\d{2}))\s+(\d{4})"
)
_REPORT = re.compile(r"(\d{2})/(\d{2})/(\d{4})(?:\s+(\d{2}):(\d{2})(?::(\d{2}))?)?")
_ISO = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})(?:[T\s]+(\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?"
    r"\s*(Z|[+-]\d{2}:?\d{2})?(?:\[[\w/+-]+\])?"
)


def read_datetime(value: object, zone: tzinfo) -> datetime | None:
    """Return the instant of a date in any of the API's formats.

    Args:
        value: what the server sent; a number counts milliseconds since 1970.
        zone: zone of the formats that name none.

    Returns:
        An aware datetime, or None for what is not a date: the model's `raw` keeps it.
    """
    moment: datetime | None = None
    try:
        if isinstance(value, str):
            moment = _read_text(value.strip(), zone) if len(value) <= _LONGEST else None
        elif isinstance(value, int | float) and not isinstance(value, bool):
            moment = datetime.fromtimestamp(value / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    # In the first and the last year, arithmetic may lead out of what a datetime can be.
    return moment if moment is not None and MINYEAR < moment.year < MAXYEAR else None


@lru_cache(maxsize=_REMEMBERED)
def _read_text(text: str, zone: tzinfo) -> datetime | None:
    # Cached: the dates of a report, and of the next ones, are often the same second.
    if match := _REPORT.fullmatch(text):
        day, month, year, hour, minute, second = map(int, match.groups("0"))
        return datetime(year, month, day, hour, minute, second, tzinfo=zone)
    if match := _CAMPAIGN.fullmatch(text):
        return _from_campaign(match, zone)
    if match := _ISO.fullmatch(text):
        return _from_iso(match, zone)
    if match := _FRENCH.fullmatch(text):
        return _from_french(match, zone)
    if match := _JAVA.fullmatch(text):
        return _from_java(match)
    return None


def _from_campaign(match: re.Match[str], zone: tzinfo) -> datetime | None:
    month = _MONTHS.get(match[1].lower())
    if month is None or not 1 <= int(match[4]) <= _NOON:
        return None
    hour = int(match[4]) % _NOON + (_NOON if match[7] in "Pp" else 0)
    day, year, minute, second = (int(match[group]) for group in (2, 3, 5, 6))
    return datetime(year, month, day, hour, minute, second, tzinfo=zone)


def _from_iso(match: re.Match[str], zone: tzinfo) -> datetime:
    year, month, day, hour, minute, second = map(int, match.groups("0")[:6])
    microsecond = int((match[7] or "")[:6].ljust(6, "0"))
    offset = _offset(match[8]) if match[8] else zone
    return datetime(year, month, day, hour, minute, second, microsecond, offset)


def _from_french(match: re.Match[str], zone: tzinfo) -> datetime | None:
    month = _FRENCH_MONTHS.get(match[2].lower().translate(_UNACCENTED))
    if month is None:
        return None
    day, _, year, hour, minute, second = match.groups("0")
    time_of_day = int(hour), int(minute), int(second)
    return datetime(int(year), month, int(day), *time_of_day, tzinfo=zone)


def _from_java(match: re.Match[str]) -> datetime | None:
    month = _MONTHS.get(match[1].lower())
    hours = _ZONES.get(match[6] or "UTC")
    if month is None or hours is None:
        return None
    offset = _offset(match[7]) if match[7] else timezone(timedelta(hours=hours))
    year, day, hour, minute, second = map(int, match.group(8, 2, 3, 4, 5))
    return datetime(year, month, day, hour, minute, second, tzinfo=offset)


def _offset(text: str) -> tzinfo:
    if text == "Z":
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:])
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if text[0] == "-" else offset)


def to_schedule_text(moment: datetime, zone: tzinfo) -> str:
    """Return `scheduleOn` for an aware datetime: wall time in `zone`, then a literal Z.

    Guide: 2.1. Fractions of a second are rounded up, so that nothing goes out early.
    """
    return to_whole_second(moment).astimezone(zone).strftime("%Y-%m-%dT%H:%M:%SZ")


def to_whole_second(moment: datetime) -> datetime:
    """Return an aware datetime in UTC, rounded up to a second."""
    # In UTC, since arithmetic in a zone loses which of two equal wall times is meant.
    instant = moment.astimezone(UTC)
    return instant + timedelta(microseconds=-instant.microsecond % 1_000_000)


def to_minute_text(moment: datetime, zone: tzinfo) -> str:
    """Return a bound of a report's period, ``YYYY-MM-DD HH:MM`` in `zone` (Guide: 2.6)."""
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def start_of(day: date, zone: tzinfo) -> datetime:
    """Return the first moment of a day in `zone`."""
    return datetime.combine(day, time(), zone)


_MINUTE: Final = timedelta(minutes=1)


@frozen(order=True)
class Window:
    """A part of a period, with bounds on whole minutes.

    Attributes:
        since: its first minute.
        until: its end; whether the server includes that minute is not known.
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
    """Yield the windows that cover a period, in order and without a gap (Guide: 2.6).

    Bounds are widened to whole minutes, the API's resolution. A window is at most 7 days long
    both in elapsed time and on the clock of `zone`, which differ when clocks change: nobody knows
    which of them the server counts. No bound lies in the hour that is repeated when clocks go
    back, since its text would name two moments: a period with a bound there is widened, and so is
    a window that is too short to end before that hour.

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


def widened(window: Window, zone: tzinfo) -> Window:
    """Return a window that is a minute longer at either end, or a little more (`split_period`)."""
    since = _outside(window.since - _MINUTE, zone, -_MINUTE)
    return Window(since, _outside(window.until + _MINUTE, zone, _MINUTE))


def _outside(moment: datetime, zone: tzinfo, step: timedelta) -> datetime:
    """Return the nearest moment, in steps of `step`, that is not in a repeated hour."""
    while _is_repeated(moment.astimezone(zone)):
        moment += step
    return moment


def _is_repeated(local: datetime) -> bool:
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


def _latest_end(start: datetime, window: timedelta, zone: tzinfo) -> datetime:
    end = start + window
    on_the_clock = _wall(end, zone) - _wall(start, zone)
    return end - max(on_the_clock - max(window, MAX_WINDOW - _MINUTE), timedelta(0))


def _wall(moment: datetime, zone: tzinfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)


def _floor(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(second=0, microsecond=0)


def _ceil(moment: datetime) -> datetime:
    floor = _floor(moment)
    return floor if floor == moment else floor + _MINUTE
