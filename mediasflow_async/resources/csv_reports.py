"""CSV reports: streamed as rows or as they are, and saved to disk."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from os import PathLike
from pathlib import Path

from mediasflow_async.converter.rows import named, row_reader
from mediasflow_async.models import ReportRow
from mediasflow_async.resources.csv_sources import CsvSource
from mediasflow_async.resources.saved_parts import Part, save_parts
from mediasflow_async.saving import SaveProgress, save_bytes
from mediasflow_async.windows import Window

__all__ = ["CsvReport", "CsvSource"]


class CsvReport:
    """A CSV report. `async for` gives `ReportRow`s; however many there are, few are in memory.

    Each use asks the server anew.
    """

    def __init__(self, source: CsvSource) -> None:
        self._source = source

    async def __aiter__(self) -> AsyncGenerator[ReportRow, None]:
        source = self._source
        zone = source.api.dialect.server_tz
        async with aclosing(source.blocks()) as blocks:
            async for block in blocks:
                read = row_reader(block.columns, zone, source.campaign_id).of_cells
                for cells in block.records:
                    yield read(cells)

    async def dicts(self) -> AsyncGenerator[dict[str, str], None]:
        """Yield each record as it is, from column to text; a column given twice is numbered."""
        async with aclosing(self._source.blocks()) as blocks:
            async for block in blocks:
                for cells in block.records:
                    yield named(block.columns, cells)

    async def save(
        self, path: str | PathLike[str], *, progress: SaveProgress | None = None
    ) -> Path:
        """Save the report as a CSV file that only its owner can read.

        The file appears whole or not at all. Where one request is enough, its bytes are the
        server's own. The windows of a longer period are kept in a hidden folder beside it until
        all are there, so that `save`, called again after an interruption, goes on where it
        stood; then they are joined, in UTF-8 with semicolons. As many of them as the report's
        `windows_at_once` are on their way at the same time.

        Args:
            path: the file to write; an older one is replaced.
            progress: called after each window with the windows done and the windows in all.

        Returns:
            The path.
        """
        source, target = self._source, Path(path)
        windows = source.windows
        if len(windows) <= 1:
            async with aclosing(source.pieces(*windows)) as pieces:
                await save_bytes(target, pieces)
            if progress:
                progress(1, 1)
            return target
        folder = target.with_name(f".{target.name}.{source.digest()}.parts")
        parts = [
            Part(_part_name(window), partial(source.part, index))
            for index, window in enumerate(windows)
        ]
        return await save_parts(target, folder, parts, progress, source.windows_at_once)


def _part_name(window: Window) -> str:
    return f"{window.since:%Y%m%dT%H%M}-{window.until:%Y%m%dT%H%M}.csv"
