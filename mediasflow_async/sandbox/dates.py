"""The date formats of the API, written and read as the server would."""

from __future__ import annotations

import re
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

from mediasflow_async.sandbox.http import invalid

if TYPE_CHECKING:
    from mediasflow_async.sandbox.rules import ServerRules


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


_NOON = 12
_SCHEDULE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


def schedule(text: str, rules: ServerRules) -> datetime:
    """Read `scheduleOn`, in the way that the rules choose. Guide: 2.1.

    Raises:
        HttpError: 400, another format or no such moment.
    """
    error = invalid("scheduleOn", "write scheduleOn as yyyy-MM-ddTHH:mm:ssZ")
    if not _SCHEDULE.fullmatch(text):
        raise error
    try:
        local = _checked_year(datetime.fromisoformat(text.removesuffix("Z")))
    except ValueError:
        raise error from None
    if rules.schedule_format == "hh12" and local.hour == _NOON:
        local -= timedelta(hours=_NOON)
    return local.replace(tzinfo=ZoneInfo(rules.schedule_tz)).astimezone(UTC)


_PERIOD = re.compile(r"(\d{4}-\d\d-\d\d)(?: (\d\d:\d\d))?", re.ASCII)


def period_edge(text: str, name: str, zone: ZoneInfo, *, inclusive: bool = False) -> datetime:
    """Read `from` or `to`: `YYYY-MM-DD` or `YYYY-MM-DD HH:MM`. Guide: 2.6.

    Args:
        text: what was sent.
        name: of the parameter.
        zone: of the server.
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
        local = _checked_year(datetime.combine(date.fromisoformat(match[1]), clock, zone))
    except ValueError:
        raise error from None
    if inclusive:
        local += timedelta(minutes=1) if match[2] else timedelta(days=1)
    return local.astimezone(UTC)


def _checked_year(local: datetime) -> datetime:
    """Return `local`; a ValueError in the first and the last year that Python has.

    There, other time zones and the end of a period may be moments that no datetime can hold.
    """
    if local.year in (MINYEAR, MAXYEAR):
        raise ValueError(local.year)
    return local


GsonStyle = Literal["jdk8", "jdk17", "jdk20"]
_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"


def gson(moment: datetime, zone: ZoneInfo, style: GsonStyle) -> str:
    """Write a date of a campaign: `Jun 16, 2021 6:29:07 PM`, or what later Java releases make."""
    local = moment.astimezone(zone)
    comma = "" if style == "jdk8" else ","
    space = "\u202f" if style == "jdk20" else " "
    half = "AM" if local.hour < _NOON else "PM"
    day = f"{_MONTHS[local.month * 3 - 3 : local.month * 3]} {local.day}, {local.year}{comma}"
    return f"{day} {local.hour % _NOON or _NOON}:{local:%M:%S}{space}{half}"


def yasson(moment: datetime) -> str:
    """Write a date of a list: `2021-06-25T08:46:45.937Z[UTC]`."""
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03}Z[UTC]"


def csv_date(moment: datetime, zone: ZoneInfo) -> str:
    """Write a date of a CSV report: `DD/MM/YYYY HH:MM:SS`. Guide: 4."""
    return f"{moment.astimezone(zone):%d/%m/%Y %H:%M:%S}"


def from_epoch(seconds: float) -> datetime:
    """Return an aware UTC datetime."""
    return datetime.fromtimestamp(seconds, UTC)
