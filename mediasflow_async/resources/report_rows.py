"""Rows of a JSON report: awaited for a list, iterated over for a stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Hashable
from typing import Any

from mediasflow_async.models import ReportRow, ReportSummary
from mediasflow_async.search import Expression, may_match

__all__ = ["ReportRows", "fitting", "row_identity"]


class ReportRows:
    """The rows of a report. `await` it for all, `async for` to have them one by one.

    Each use asks the server anew.
    """

    def __init__(self, rows: Callable[[], AsyncGenerator[ReportRow, None]]) -> None:
        self._rows = rows

    def __await__(self) -> Generator[Any, None, list[ReportRow]]:
        return self._all().__await__()

    def __aiter__(self) -> AsyncGenerator[ReportRow, None]:  # noqa: PYI058 - to be closed early
        return self._rows()

    async def summary(self) -> ReportSummary:
        """Return how many rows are in which state."""
        return ReportSummary.of([row.status_code async for row in self._rows()])

    async def _all(self) -> list[ReportRow]:
        return [row async for row in self._rows()]


def row_identity(row: ReportRow) -> Hashable:
    """Return what tells a message from every other and never changes."""
    return (row.campaign_id, row.list_name, row.line, row.mobile, row.sent_at)


def fitting(row: ReportRow, search: Expression | str | None) -> bool:
    """Whether a row is one that a search of ours asked for.

    The guide's way to write a prefix finds more than the prefix (see `search.may_match`).
    """
    if search is None or isinstance(search, str):
        return True
    shown = {"item": row.mobile, "type": row.type, "msg": row.message, "fields": row.fields}
    return may_match(search, shown)
