"""Report rows as polars frames, a block at a time (Guide: 4). Needs the extra `frames`.

    async for block in frames(session.reports.period_csv(since)):
        block.write_parquet(...)

A report of a million rows as one frame takes memory for all of them, and more while it is built:
so the frames of a report come one after the other, each with a bounded number of rows.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from operator import attrgetter
from typing import Any, Final

import polars as pl

from mediasflow_async._core.options import count_of
from mediasflow_async.models import ReportRow, Track

__all__ = ["frame", "frames"]

_MOMENT: Final = pl.Datetime("us", "UTC")
_COLUMNS: Final[dict[str, Any]] = {
    "campaign_id": pl.Int64,
    "line": pl.Int64,
    "mobile": pl.String,
    "status_code": pl.Int64,
    "status_text": pl.String,
    "sent_at": _MOMENT,
    "delivered_at": _MOMENT,
    "reply": pl.String,
    "list_name": pl.String,
    "message": pl.String,
    "type": pl.String,
    "previewed_at": _MOMENT,
    "preview_count": pl.Int64,
}
_TRACKS: Final = pl.List(pl.Struct({"index": pl.Int64, "clicked_at": _MOMENT, "count": pl.Int64}))
_values_of: Final = attrgetter(*_COLUMNS)


async def frames(
    report: AsyncIterable[ReportRow], *, rows_at_once: int = 50_000
) -> AsyncGenerator[pl.DataFrame, None]:
    """Yield the rows of a report as frames; one of them is in memory at a time.

    Guide: 4. The columns are named after the attributes of `ReportRow`: numbers, texts, times in
    UTC, and `tracks` as a list of structs. The columns of your own lists follow as texts, named
    as in the search language: ``fields.<column>``. A frame has those that its rows have, so that
    the frames of one report can differ in them.

    Args:
        report: rows, as `session.reports` gives them, of a CSV or a JSON report.
        rows_at_once: rows of a frame, 50,000 by default; the last one may have fewer.

    Yields:
        At least one frame, without rows when the report has none.

    Raises:
        ConfigurationError: `rows_at_once` is no positive whole number.
        MediasflowError: what the report raises.
    """
    count_of(rows_at_once, "rows_at_once")
    rows: list[ReportRow] = []
    is_empty = True
    async for row in report:
        rows.append(row)
        if len(rows) == rows_at_once:
            yield _frame_of(rows)
            rows, is_empty = [], False
    if rows or is_empty:
        yield _frame_of(rows)


async def frame(report: AsyncIterable[ReportRow]) -> pl.DataFrame:
    """Return all rows of a report as one frame, which must fit in memory.

    Guide: 4. The columns are those of `frames`; a row without one of the own columns has null.

    Args:
        report: rows, as `session.reports` gives them, of a CSV or a JSON report.

    Raises:
        MediasflowError: what the report raises.
    """
    return pl.concat([block async for block in frames(report)], how="diagonal")


def _frame_of(rows: Sequence[ReportRow]) -> pl.DataFrame:
    columns = zip(*map(_values_of, rows), strict=True) if rows else ((),) * len(_COLUMNS)
    known = [
        # A number that 64 bits cannot hold becomes null.
        pl.Series(name, list(values), dtype=kind, strict=False)
        for (name, kind), values in zip(_COLUMNS.items(), columns, strict=True)
    ]
    tracks = pl.Series("tracks", [_tracks_of(row.tracks) for row in rows], dtype=_TRACKS)
    names = dict.fromkeys(name for row in rows for name in row.fields)
    own = (
        pl.Series(f"fields.{name}", [_text(row.fields.get(name)) for row in rows], dtype=pl.String)
        for name in names
    )
    return pl.DataFrame([*known, tracks, *own])


def _tracks_of(tracks: Sequence[Track]) -> list[dict[str, Any]]:
    return [
        {"index": track.index, "clicked_at": track.clicked_at, "count": track.count}
        for track in tracks
    ]


def _text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else str(value)
