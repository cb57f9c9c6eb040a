"""Delivery reports of a campaign and of a period, as JSON and as CSV (Guide: 2.4 to 2.7).

A method of `Reports` checks its arguments and makes no request: what it returns asks the server
each time it is awaited or iterated over, and decodes the rows as they arrive.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Generator, Hashable, Iterable, Mapping
from contextlib import aclosing
from datetime import date, datetime, timedelta
from functools import partial
from math import inf
from typing import Any, Final
from zoneinfo import ZoneInfo

import anyio
from attrs import evolve

from mediasflow_async._core.calls import Operation, OperationKind
from mediasflow_async._core.judgement import Expected
from mediasflow_async._core.not_given import Duration
from mediasflow_async._core.options import seconds_of
from mediasflow_async.converter.rows import json_rows
from mediasflow_async.dates import Window
from mediasflow_async.errors import ApiError, ConfigurationError, MediasflowError
from mediasflow_async.models import DeliveryCategory, MediaType, ReportRow, ReportSummary
from mediasflow_async.resources.api import Api, name_window
from mediasflow_async.resources.csv_reports import (
    CsvReport,
    CsvSource,
    tells_of_no_rows,
    without_status,
)
from mediasflow_async.resources.pages import Asked, arrays
from mediasflow_async.resources.periods import (
    Blocks,
    Filters,
    Period,
    Statuses,
    WindowedRows,
    column_problems,
    period_of,
    status_problems,
    status_text,
)
from mediasflow_async.search import Expression, may_match
from mediasflow_async.validation import campaign_id_problems, listed, refuse

__all__ = ["ReportRows", "Reports", "RowsOutsideWarning"]

_READ: Final = OperationKind.READ
_CAMPAIGN: Final = Operation(_READ, "GET", "campaigns/reportjson/{campaign_id}", Expected.ROWS)
_CAMPAIGN_CSV: Final = Operation(_READ, "GET", "campaigns/report/{campaign_id}")
_PERIOD: Final = Operation(_READ, "GET", "campaigns/reportjson/", Expected.ROWS)
_PERIOD_CSV: Final = Operation(_READ, "GET", "campaigns/report/")
_ROWS: Final = frozenset({dict})


class Reports:
    """The delivery reports of the account; reached as `session.reports`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def campaign(self, campaign_id: int, *, status: Statuses = ()) -> ReportRows:
        """Return the report of one campaign: `await` it, or `async for` through it.

        Guide: 2.5.

        Args:
            campaign_id: the campaign.
            status: only rows with these status codes.

        Raises:
            InvalidRequest: an argument is wrong; no request was made.
            NotFound: when it is read, for a campaign that is unknown or was not launched.
        """
        params = self._campaign_params(campaign_id, status)
        return ReportRows(partial(self._blocks, _CAMPAIGN, params, campaign_id))

    def campaign_csv(
        self, campaign_id: int, *, status: Statuses = (), details: Iterable[str] = ()
    ) -> CsvReport:
        """Return the CSV report of one campaign: `async for` through it, or `save` it.

        Guide: 2.4.

        Args:
            campaign_id: the campaign.
            status: only rows with these status codes.
            details: which of your own columns it holds; all by default.

        Raises:
            InvalidRequest: an argument is wrong; no request was made.
            NotFound: when it is read, for a campaign that is unknown or was not launched.
        """
        params = self._campaign_params(campaign_id, status, details)
        return CsvReport(
            CsvSource(
                api=self._api, operation=_CAMPAIGN_CSV, params=params, campaign_id=campaign_id
            )
        )

    def period(
        self,
        since: datetime | date,
        until: datetime | date | None = None,
        *,
        user_id: str | None = None,
        status: Statuses = (),
        types: Iterable[MediaType | str] = (),
        search: Expression | str | None = None,
        windows_at_once: int = 3,
    ) -> ReportRows:
        """Return the report of a period of any length: `await` it, or `async for` through it.

        Guide: 2.6. The period is asked for in windows of at most 7 days, and its rows come in
        the order of these; a row that two windows have is given once. Bounds in the hour that
        comes twice when the clocks go back are widened: the server could not tell which of the
        two is meant.

        Args:
            since: its start, an aware datetime; a date is the start of that day in the zone of
                the server, `Dialect.server_tz`.
            until: its end, in the same forms; a date is the end of that day; now by default.
            user_id: only messages of this account.
            status: only rows with these status codes.
            types: only these media.
            search: only what this finds: an expression of `mediasflow_async.search`, or the
                text of one.
            windows_at_once: how many windows may be asked for at the same time, the next ones
                while one is read; never more than one less than the `max_in_flight` of the
                session, so that other calls can be made meanwhile.

        Raises:
            InvalidRequest: every problem of the arguments; no request was made.
        """
        filters = Filters(user_id=user_id, status=status, types=types, search=search)
        period = self._period(since, until, filters, windows_at_once)
        blocks_of = partial(self._window, period, search)
        rows = WindowedRows(period.windows, blocks_of, _identity, period.dialect.server_tz)
        return ReportRows(partial(rows.blocks, period.windows_at_once))

    def period_csv(
        self,
        since: datetime | date,
        until: datetime | date | None = None,
        *,
        key_fields: Iterable[str] = (),
        user_id: str | None = None,
        status: Statuses = (),
        types: Iterable[MediaType | str] = (),
        search: Expression | str | None = None,
        windows_at_once: int = 3,
    ) -> CsvReport:
        """Return the CSV report of a period of any length: `async for` through it, or `save` it.

        Guide: 2.7. Windows and arguments are those of `period`.

        Args:
            since: its start.
            until: its end; now by default.
            key_fields: which of your own columns it holds.
            user_id: only messages of this account.
            status: only rows with these status codes.
            types: only these media.
            search: only what this finds, as the server finds it: where it writes a prefix in
                the guide's way, that can be more than the prefix (see `search.may_match`).
            windows_at_once: how many windows may be asked for at the same time.

        Raises:
            InvalidRequest: every problem of the arguments; no request was made.
        """
        filters = Filters(
            user_id=user_id, status=status, types=types, search=search, key_fields=key_fields
        )
        period = self._period(since, until, filters, windows_at_once)
        return CsvReport(CsvSource(api=self._api, operation=_PERIOD_CSV, period=period))

    def watch(
        self,
        campaign_id: int,
        *,
        every: float | timedelta = timedelta(seconds=5),
        settled_after: Duration = timedelta(minutes=10),
    ) -> AsyncGenerator[ReportSummary, None]:
        """Yield the summary of a campaign again and again, until every status is final.

        Guide: 2.5. A code that the guide does not list may be final or not. When only such
        codes are left besides final ones, the watch ends after no count has changed for
        `settled_after`, and the last summary's `is_final` is False. While a message is known to
        be on its way, or there is no row yet, the watch goes on: the platform tries for up to 48
        hours (Guide: 3). To watch for a given time, put the loop into `asyncio.timeout` or
        `anyio.move_on_after`.

        Args:
            campaign_id: the campaign.
            every: the wait between two requests, in seconds or as a timedelta; 5 s by default.
            settled_after: how long the counts must stay the same, in seconds or as a timedelta;
                10 minutes by default, None for no end.

        Raises:
            InvalidRequest: for a wrong `campaign_id`.
            ConfigurationError: for a wrong `every` or `settled_after`.
        """
        wait_seconds = seconds_of(every, "every")
        if wait_seconds is None:
            raise ConfigurationError("every is a positive number of seconds or a timedelta")
        settled_seconds = seconds_of(settled_after, "settled_after") or inf
        return _summaries(self.campaign(campaign_id), wait_seconds, settled_seconds)

    def _campaign_params(
        self, campaign_id: int, status: Statuses, details: Iterable[str] = ()
    ) -> dict[str, str]:
        codes, columns = listed(status), listed(details)
        refuse(
            [
                *campaign_id_problems(campaign_id),
                *status_problems(codes),
                *column_problems("details", columns),
            ]
        )
        params = {
            "status": status_text(codes or (), self._api.dialect.campaign_status_separator),
            "details": ";".join(columns or ()),
        }
        return {name: text for name, text in params.items() if text}

    def _period(
        self,
        since: datetime | date,
        until: datetime | date | None,
        filters: Filters,
        windows_at_once: int,
    ) -> Period:
        period = period_of(since, until, filters, self._api.dialect, windows_at_once)
        # One request is left to other calls: the consumer of the report may make some meanwhile.
        most = max(self._api.max_in_flight - 1, 1)
        return evolve(period, windows_at_once=min(period.windows_at_once, most))

    async def _window(
        self, period: Period, search: Expression | str | None, window: Window
    ) -> Blocks[ReportRow]:
        days = _whole_days(window, period.dialect.server_tz)
        try:
            async with aclosing(self._blocks(_PERIOD, period.params_of(window))) as blocks:
                async for block in blocks:
                    _warn_of_rows_outside(block, days)
                    yield _fitting(block, search)
        except MediasflowError as error:
            name_window(error, _PERIOD, window)
            raise

    async def _blocks(
        self, operation: Operation, params: Mapping[str, str], campaign_id: int | None = None
    ) -> Blocks[ReportRow]:
        dialect = self._api.dialect
        count, has_status, body = 0, False, None
        asked = Asked(operation=operation, params=params, campaign_id=campaign_id)
        try:
            async with aclosing(arrays(self._api, asked)) as blocks:
                async for body, first, block in blocks:
                    if not _ROWS.issuperset(map(type, block)):
                        wrong = next(at for at, row in enumerate(block) if type(row) is not dict)
                        raise body.invalid("expected a report row", f"$[{first + wrong}]")
                    rows = json_rows(block, dialect.server_tz, campaign_id, dialect.report_columns)
                    count += len(rows)
                    has_status = has_status or any(row.status_code is not None for row in rows)
                    yield rows
        except ApiError as error:
            if count or not tells_of_no_rows(error, operation, dialect):
                raise
        if count and not has_status and body:
            raise without_status(body.invalid(f"it has {count} rows, and no status in any of them"))


class ReportRows:
    """The rows of a report: `await` it for all, `async for` to have them one by one.

    Each use asks the server anew. Rows are decoded as they arrive: however many there are, few
    are in memory. While it is read, a report counts as a request under way (`max_in_flight`),
    until its last row or until its iterator is closed: put a loop that may be left early into
    `contextlib.aclosing`. A report that breaks off raises `ConnectionFailed` or `RequestTimeout`
    where it does.
    """

    def __init__(self, blocks: Callable[[], Blocks[ReportRow]]) -> None:
        self._blocks = blocks

    def __await__(self) -> Generator[Any, None, list[ReportRow]]:
        return self._all().__await__()

    async def __aiter__(self) -> AsyncGenerator[ReportRow, None]:
        async with aclosing(self._blocks()) as blocks:
            async for block in blocks:
                for row in block:
                    yield row

    async def summary(self) -> ReportSummary:
        """Return how many rows have which status; no row is kept."""
        counts: Counter[int | None] = Counter()
        async with aclosing(self._blocks()) as blocks:
            async for block in blocks:
                counts.update(row.status_code for row in block)
        # A Counter of these, as `of` makes one, takes the counts over.
        return ReportSummary.of(counts)

    async def _all(self) -> list[ReportRow]:
        rows: list[ReportRow] = []
        async with aclosing(self._blocks()) as blocks:
            async for block in blocks:
                rows += block
        return rows


def _whole_days(window: Window, zone: ZoneInfo) -> Window:
    """Return a window from the start of its first day to the end of its last one.

    A server may read its bounds as days (Guide: 2.6).
    """
    first, last = window.since.astimezone(zone), window.until.astimezone(zone)
    since = datetime(first.year, first.month, first.day, tzinfo=zone)
    until = datetime(last.year, last.month, last.day, tzinfo=zone) + timedelta(days=1)
    return Window(since, until)


def _warn_of_rows_outside(rows: list[ReportRow], days: Window) -> None:
    """Warn of rows of another time than was asked for, by the first and the last of a block."""
    for row in (rows[0], rows[-1]) if rows else ():
        if row.sent_at is not None and not days.since <= row.sent_at <= days.until:
            zone = "Europe/Paris" if days.since.tzname() == "UTC" else "UTC"
            warnings.warn(
                "a report of a period has messages that were sent on other days: the server may "
                "read the period in another time zone than the session writes it in, such as "
                f"Dialect(server_tz={zone!r})",
                RowsOutsideWarning,
                stacklevel=2,
            )


class RowsOutsideWarning(UserWarning):
    """A report of a period has messages of other days, so that some may be missing."""


def _fitting(rows: list[ReportRow], search: Expression | str | None) -> list[ReportRow]:
    """Return the rows that an expression asked for.

    The guide's way to write a prefix finds more than the prefix (see `search.may_match`). The
    text of a search is the caller's own: what the server makes of it is given as it is.
    """
    if search is None or isinstance(search, str):
        return rows
    return [row for row in rows if may_match(search, _shown(row))]


def _shown(row: ReportRow) -> dict[str, Any]:
    return {"item": row.mobile, "type": row.type, "msg": row.message, "fields": row.fields}


def _identity(row: ReportRow) -> Hashable:
    """Return what tells a message from every other and never changes."""
    return (row.campaign_id, row.list_name, row.line, row.mobile, row.sent_at)


async def _summaries(
    rows: ReportRows, wait_seconds: float, settled_seconds: float
) -> AsyncGenerator[ReportSummary, None]:
    last, changed_at = None, -inf
    while True:
        summary = await rows.summary()
        if summary != last:
            last, changed_at = summary, anyio.current_time()
        yield summary
        if summary.is_final:
            return
        if _may_be_over(summary) and anyio.current_time() - changed_at >= settled_seconds:
            return
        await anyio.sleep(wait_seconds)


def _may_be_over(summary: ReportSummary) -> bool:
    """Whether there are rows, and none of them is known to be on its way."""
    return summary.total > 0 and all(
        status.is_final or status.category is DeliveryCategory.UNKNOWN
        for status in summary.by_status
    )
