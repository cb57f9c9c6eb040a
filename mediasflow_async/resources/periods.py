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
    """

    windows: tuple[Window, ...]
    params: dict[str, str] = field(repr=False)
    dialect: Dialect = field(repr=False)

    def params_of(self, window: Window) -> dict[str, str]:
        """Return the query parameters of a window (Guide: 2.6, 2.7)."""
        zone = self.dialect.server_tz
        bounds = {
            "from": to_minute_text(window.since, zone),
            "to": to_minute_text(window.until, zone),
        }
        return bounds | self.params


def period_of(
    since: datetime | date,
    until: datetime | date | None,
    dialect: Dialect,
    *,
    user_id: str | None,
    status: Statuses,
    types: Iterable[MediaType | str],
    search: Expression | str | None,
    key_fields: Iterable[str] = (),
) -> Period:
    """Return a checked period.

    Raises:
        InvalidRequest: every problem of the arguments.
    """
    zone = dialect.server_tz
    end = until if until is not None else datetime.now(UTC)
    codes, kinds, columns = listed(status), listed(types), listed(key_fields)
    refuse(
        [
            *period_problems(since, end, zone),
            *status_problems(codes),
            *_type_problems(kinds),
            *column_problems("key_fields", columns),
            *_user_problems(user_id),
            *_search_problems(search, dialect),
        ]
    )
    first, last = period_bounds(since, end, zone)
    params = {
        "userID": user_id,
        "status": status_text(codes or (), dialect.period_status_separator),
        "types": ";".join(kinds or ()),
        "keyField": ";".join(columns or ()),
        "search": _search_text(search, dialect),
    }
    windows = split_period(first, last, zone=zone, window=dialect.window, overlap=dialect.overlap)
    return Period(
        windows=tuple(windows),
        params={name: text for name, text in params.items() if text},
        dialect=dialect,
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
