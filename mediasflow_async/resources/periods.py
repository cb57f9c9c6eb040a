"""What a report of a period asks for, checked and cut in windows of at most 7 days."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from typing import Any

from attrs import field, frozen

from mediasflow_async.dates import to_minute_text
from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import Problem
from mediasflow_async.models import DeliveryStatus, MediaType
from mediasflow_async.search import Expression, to_text
from mediasflow_async.validation import listed, period_bounds, period_problems, refuse
from mediasflow_async.windows import Window, split_period

__all__ = [
    "Filters",
    "Period",
    "Statuses",
    "column_problems",
    "period_of",
    "status_problems",
    "status_text",
]

Statuses = Iterable[int | DeliveryStatus]
_Listed = tuple[Any, ...] | None


@frozen(kw_only=True)
class Period:
    """What a report of a period asks for.

    Attributes:
        windows: the parts that it is asked in.
        params: the query parameters, but for the bounds.
        dialect: how the bounds are written.
        windows_at_once: how many of the parts may be asked for at the same time.
    """

    windows: tuple[Window, ...]
    params: dict[str, str] = field(repr=False)
    dialect: Dialect = field(repr=False)
    windows_at_once: int = 1

    def params_of(self, window: Window) -> dict[str, str]:
        """Return the query parameters of a window (Guide: 2.6, 2.7)."""
        zone = self.dialect.server_tz
        bounds = {
            "from": to_minute_text(window.since, zone),
            "to": to_minute_text(window.until, zone),
        }
        return bounds | self.params


@frozen(kw_only=True)
class Filters:
    """What a report of a period is narrowed to; see `Reports.period`."""

    user_id: str | None
    status: _Listed = field(converter=listed)
    types: _Listed = field(converter=listed)
    search: Expression | str | None
    key_fields: _Listed = field(default=(), converter=listed)

    def problems(self, dialect: Dialect) -> Iterator[Problem]:
        """Yield everything that is wrong with it."""
        yield from status_problems(self.status)
        yield from _type_problems(self.types)
        yield from column_problems("key_fields", self.key_fields)
        yield from _user_problems(self.user_id)
        yield from _search_problems(self.search, dialect)

    def params(self, dialect: Dialect) -> dict[str, str]:
        """Return its query parameters (Guide: 2.6, 2.7)."""
        params = {
            "userID": self.user_id,
            "status": status_text(self.status or (), dialect.period_status_separator),
            "types": ";".join(self.types or ()),
            "keyField": ";".join(self.key_fields or ()),
            "search": _search_text(self.search, dialect),
        }
        return {name: text for name, text in params.items() if text}


def period_of(
    since: datetime | date,
    until: datetime | date | None,
    filters: Filters,
    dialect: Dialect,
    windows_at_once: int,
) -> Period:
    """Return a checked period.

    Raises:
        InvalidRequest: every problem of the arguments.
    """
    zone = dialect.server_tz
    end = until if until is not None else datetime.now(UTC)
    refuse(
        [
            *period_problems(since, end, zone),
            *filters.problems(dialect),
            *_count_problems("windows_at_once", windows_at_once),
        ]
    )
    first, last = period_bounds(since, end, zone)
    windows = split_period(first, last, zone=zone, window=dialect.window, overlap=dialect.overlap)
    return Period(
        windows=tuple(windows),
        params=filters.params(dialect),
        dialect=dialect,
        windows_at_once=windows_at_once,
    )


def status_problems(codes: _Listed) -> Iterator[Problem]:
    """Yield what is wrong with a filter of statuses."""
    if codes is None or not all(map(_is_code, codes)):
        yield Problem("status", "a list of status codes, such as [16, 21]")


def _is_code(status: object) -> bool:
    code = status.code if isinstance(status, DeliveryStatus) else status
    return isinstance(code, int) and not isinstance(code, bool)


def column_problems(where: str, names: _Listed) -> Iterator[Problem]:
    """Yield what is wrong with a choice of columns."""
    if names is None or not all(
        isinstance(name, str) and name and ";" not in name for name in names
    ):
        yield Problem(where, "a list of column names without semicolons")


def status_text(codes: Iterable[int | DeliveryStatus], separator: str) -> str:
    """Return a filter of statuses as text; the guide separates them in two ways."""
    return separator.join(str(int(code)) for code in codes)


def _type_problems(types: _Listed) -> Iterator[Problem]:
    if types is None or not all(kind in tuple(MediaType) for kind in types):
        yield Problem("types", f"a list of {', '.join(MediaType)}")


def _user_problems(user_id: object) -> Iterator[Problem]:
    if not isinstance(user_id, str | None):
        yield Problem("user_id", "is text")


def _count_problems(where: str, count: object) -> Iterator[Problem]:
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        yield Problem(where, "is a whole number from 1 up")


def _search_problems(search: object, dialect: Dialect) -> Iterator[Problem]:
    if not isinstance(search, Expression | str | None):
        yield Problem("search", "a search of mediasflow_async.search, or its text")
        return
    try:
        _search_text(search, dialect)
    except ValueError as error:
        yield Problem("search", str(error))


def _search_text(search: Expression | str | None, dialect: Dialect) -> str:
    if search is None or isinstance(search, str):
        return search or ""
    return to_text(search, quote_style=dialect.quote_style, regex_style=dialect.regex_style)
