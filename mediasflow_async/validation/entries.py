"""Rules of the blacklist and of a report's period."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta, tzinfo
from typing import Final

from mediasflow_async.dates import start_of
from mediasflow_async.errors import Problem
from mediasflow_async.models import BlacklistEntry, BlacklistKind
from mediasflow_async.validation.rules import number_problems

__all__ = ["blacklist_problems", "period_bounds", "period_problems"]

# A slip of the pen beyond these would be asked for in thousands of windows.
_YEARS: Final = range(2000, 2101)


def blacklist_problems(entry: BlacklistEntry) -> Iterator[Problem]:
    """Yield what the server would refuse in a number to blacklist (Guide: 2.9)."""
    yield from number_problems("number", entry.number)
    if not isinstance(entry.kind, BlacklistKind) or not entry.kind.is_known:
        yield Problem("kind", "is MOBILE or VMS")
    for name in ("description", "brand"):
        if not isinstance(getattr(entry, name), str | None):
            yield Problem(name, "is text")


def period_problems(since: object, until: object, zone: tzinfo) -> Iterator[Problem]:
    """Yield what is wrong with the bounds of a period (Guide: 2.6)."""
    wrong = [*_bound_problems("since", since), *_bound_problems("until", until)]
    yield from wrong
    if not wrong and isinstance(since, date) and isinstance(until, date):
        first, last = period_bounds(since, until, zone)
        if first >= last:
            yield Problem("until", "is later than since")


def _bound_problems(where: str, bound: object) -> Iterator[Problem]:
    is_naive = isinstance(bound, datetime) and bound.utcoffset() is None
    if not isinstance(bound, date) or is_naive:
        yield Problem(where, "a datetime with a time zone, or a date")
    elif bound.year not in _YEARS:
        yield Problem(where, f"a year from {_YEARS[0]} to {_YEARS[-1]}")


def period_bounds(since: date, until: date, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return the bounds as datetimes: a date stands for its whole day in `zone`."""
    first = since if isinstance(since, datetime) else start_of(since, zone)
    last = until if isinstance(until, datetime) else start_of(until + timedelta(days=1), zone)
    return first, last
