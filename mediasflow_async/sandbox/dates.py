"""The sandbox's clock, and the date formats of the API, read and written as the server would.

The guide prints five formats. Campaigns have that of Gson and lists that of Yasson, two Java
libraries for JSON; `scheduleOn`, the edges of a period and CSV reports have one each. Which time
zones and which Java release is a choice of `ServerRules`.
"""

from __future__ import annotations

import re
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from mediasflow_async.sandbox.http import invalid

if TYPE_CHECKING:
    from mediasflow_async.sandbox.rules import ServerRules

__all__ = [
    "Clock",
    "csv_date",
    "from_epoch",
    "gson",
    "local_time",
    "period_edge",
    "schedule",
    "yasson",
]

_NOON = 12


class Clock:
    """The machine's clock plus an offset that only `advance` changes."""

    def __init__(self) -> None:
        self._offset = timedelta()

    def now(self) -> datetime:
        """Return the sandbox's present as an aware UTC datetime."""
        return datetime.now(UTC) + self._offset

    def advance(self, by: timedelta) -> None:
        """Move the sandbox's present forward.

        Raises:
            ValueError: `by` is negative; messages that have arrived cannot be taken back.
        """
        if by < timedelta():
            raise ValueError("the sandbox's clock only goes forward; use reset() to start again")
        self._offset += by

    def reset(self) -> None:
        """Return to the machine's clock."""
        self._offset = timedelta()

    def __repr__(self) -> str:
        return f"Clock(now={self.now().isoformat()})"


_SCHEDULE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


def schedule(text: str, rules: ServerRules) -> datetime:
    """Read `scheduleOn`: `yyyy-MM-ddTHH:mm:ssZ`, as the rules understand it. Guide: 2.1.

    Raises:
        HttpError: 400, another format or no such moment.
    """
    error = invalid("scheduleOn", "write scheduleOn as yyyy-MM-ddTHH:mm:ssZ")
    if not _SCHEDULE.fullmatch(text):
        raise error
    try:
        local = datetime.fromisoformat(text.removesuffix("Z"))
        _check_year(local)
    except ValueError:
        raise error from None
    if rules.schedule_format == "hh12" and local.hour == _NOON:
        local -= timedelta(hours=_NOON)
    return local.replace(tzinfo=ZoneInfo(rules.schedule_tz)).astimezone(UTC)


_PERIOD = re.compile(r"(\d{4}-\d\d-\d\d)(?: (\d\d:\d\d))?", re.ASCII)


def period_edge(text: str, name: str, rules: ServerRules, *, inclusive: bool = False) -> datetime:
    """Read `from` or `to`: `YYYY-MM-DD` or `YYYY-MM-DD HH:MM` in the server's zone. Guide: 2.6.

    Args:
        text: what was sent.
        name: of the parameter.
        rules: name the zone.
        inclusive: return the end of the day or minute that `text` names, not its beginning.

    Raises:
        HttpError: 400, another format or no such moment.
    """
    error = invalid(name, f"write {name} as YYYY-MM-DD or YYYY-MM-DD HH:MM")
    match = _PERIOD.fullmatch(text.strip())
    if match is None:
        raise error
    try:
        clock = time.fromisoformat(match[2] or "00:00")
        has_clock = bool(match[2]) and rules.period_unit == "minute"
        if not has_clock:
            clock = time()
        local = datetime.combine(date.fromisoformat(match[1]), clock, ZoneInfo(rules.server_tz))
        _check_year(local)
    except ValueError:
        raise error from None
    if inclusive:
        local += timedelta(minutes=1) if has_clock else timedelta(days=1)
    return local.astimezone(UTC)


def _check_year(local: datetime) -> None:
    """Refuse the first and the last year of Python's calendar.

    In them, another time zone or the end of a period may be out of a datetime's range.

    Raises:
        ValueError: `local` is in one of them.
    """
    if local.year in (MINYEAR, MAXYEAR):
        raise ValueError(local.year)


_DAYS = "MonTueWedThuFriSatSun"
_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"
_FRENCH_MONTHS = "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.".split()


def gson(seconds: float, rules: ServerRules) -> str:
    """Write a date of a campaign: `Jun 16, 2021 6:29:07 PM`, or what another Java makes of it.

    Args:
        seconds: since the epoch.
        rules: name the zone and the Java release.
    """
    local = local_time(seconds, rules)
    if rules.campaign_dates == "french":
        return f"{local.day} {_FRENCH_MONTHS[local.month - 1]} {local:%Y %H:%M:%S}"
    if rules.campaign_dates == "date_string":
        day = _DAYS[local.weekday() * 3 : local.weekday() * 3 + 3]
        return f"{day} {_month(local)} {local:%d %H:%M:%S %Z %Y}"
    comma = "" if rules.campaign_dates == "jdk8" else ","
    space = "\u202f" if rules.campaign_dates == "jdk20" else " "
    half = "AM" if local.hour < _NOON else "PM"
    day = f"{_month(local)} {local.day}, {local.year}{comma}"
    return f"{day} {local.hour % _NOON or _NOON}:{local:%M:%S}{space}{half}"


def _month(local: datetime) -> str:
    return _MONTHS[local.month * 3 - 3 : local.month * 3]


def csv_date(seconds: float, rules: ServerRules) -> str:
    """Write a date of a CSV report: `DD/MM/YYYY HH:MM:SS`. Guide: 4.

    Args:
        seconds: since the epoch.
        rules: name the zone.
    """
    return f"{local_time(seconds, rules):%d/%m/%Y %H:%M:%S}"


def local_time(seconds: float, rules: ServerRules) -> datetime:
    """Return a moment in the zone of dates that name none.

    Args:
        seconds: since the epoch.
        rules: name the zone.
    """
    return from_epoch(seconds).astimezone(ZoneInfo(rules.server_tz))


def yasson(moment: datetime) -> str:
    """Write a date of a list: `2021-06-25T08:46:45.937Z[UTC]`."""
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03}Z[UTC]"


def from_epoch(seconds: float) -> datetime:
    """Return an aware UTC datetime."""
    return datetime.fromtimestamp(seconds, UTC)
