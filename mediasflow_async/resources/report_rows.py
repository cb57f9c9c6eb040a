"""Rows of a JSON report: awaited for a list, iterated over for a stream."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Callable, Generator, Hashable
from contextlib import aclosing
from typing import Any

from mediasflow_async.models import ReportRow, ReportSummary
from mediasflow_async.resources.prefetching import Blocks
from mediasflow_async.search import Expression, may_match

__all__ = ["ReportRows", "fitting", "row_identity"]


class ReportRows:
    """The rows of a report. `await` it for all, `async for` to have them one by one.

    Each use asks the server anew. Rows are decoded as they arrive: however many there are, few
    are in memory. The report keeps its place among the session's requests until its last row,
    or until its iterator is closed: a loop that is left early belongs in `contextlib.aclosing`.
    A report that breaks off raises `ConnectionFailed` or `RequestTimeout` where it does.
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
        """Return how many rows are in which state; no row is kept."""
        counts: Counter[int | None] = Counter()
        async with aclosing(self._blocks()) as blocks:
            async for block in blocks:
                counts.update(row.status_code for row in block)
        # Counting what is counted already copies the counts.
        return ReportSummary.of(counts)

    async def _all(self) -> list[ReportRow]:
        rows: list[ReportRow] = []
        async with aclosing(self._blocks()) as blocks:
            async for block in blocks:
                rows += block
        return rows


def row_identity(row: ReportRow) -> Hashable:
    """Return what tells a message from every other and never changes."""
    return (row.campaign_id, row.list_name, row.line, row.mobile, row.sent_at)


def fitting(rows: list[ReportRow], search: Expression | str | None) -> list[ReportRow]:
    """Return the rows that a search of ours asked for.

    The guide's way to write a prefix finds more than the prefix (see `search.may_match`).
    """
    if search is None or isinstance(search, str):
        return rows
    return [row for row in rows if may_match(search, _shown(row))]


def _shown(row: ReportRow) -> dict[str, Any]:
    return {"item": row.mobile, "type": row.type, "msg": row.message, "fields": row.fields}
