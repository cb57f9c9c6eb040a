"""The records of a CSV report that are rows, told from what else may stand among them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from mediasflow_async.converter.csv_records import CsvDecoder
from mediasflow_async.converter.names import folded

__all__ = ["ReportTable"]

_STATUS: Final = "statuscode"
_TOTAL: Final = re.compile(r"(?:grand|sous|sub)?tota(?:l|ux)(?:general|messages?|sms|lignes?)?\d*")
_NUMBER: Final = re.compile(r"\+?[0-9 .()-]{6,24}")
_CODE: Final = re.compile(r"-?[0-9]{1,19}(?:\.0+)?")


class ReportTable:
    """Tells the rows of a report from totals, repeated headers and what is no row.

    Args:
        columns: the names of the columns.
        decoder: gives the records; it knows their lines.
    """

    def __init__(self, columns: tuple[str, ...], decoder: CsvDecoder) -> None:
        self.columns = columns
        self._decoder = decoder
        self._names = [folded(name) for name in columns]
        self._status_at = self._names.index(_STATUS)
        self._mobile_at = self._index_of("intmobile")
        self._line_at = self._index_of("idline")
        self._has_status = False
        self._count_without = 0

    def _index_of(self, name: str) -> int | None:
        return self._names.index(name) if name in self._names else None

    def rows(self, records: Iterable[list[str]]) -> Iterator[list[str]]:
        """Yield the records that are rows.

        Raises:
            Exception: that of the decoder, for a record that cannot be one.
        """
        at = self._status_at
        named_at = next(
            place for place in (self._mobile_at, self._line_at, at) if place is not None
        )
        most = max(at, named_at)
        for cells in records:
            # Nearly all rows have a status and a number; a few have fewer cells than columns.
            if len(cells) > most and cells[at].isdecimal() and cells[named_at]:
                self._has_status = True
                yield cells
            elif self._is_row(cells):
                yield cells

    def problem(self) -> str:
        """Return what is wrong with the report as a whole, or an empty text."""
        if self._has_status or not self._count_without:
            return ""
        return f"it has {self._count_without} rows, and no status in any of them"

    def _is_row(self, cells: Sequence[str]) -> bool:
        if self._is_header(cells):
            return False
        is_named = self._has(cells, self._mobile_at, _NUMBER)
        if not is_named and self._is_total(cells):
            return False
        if self._has(cells, self._status_at, _CODE):
            self._has_status = True
            return True
        if is_named or self._has(cells, self._line_at, _CODE) or self._is_whole(cells):
            self._count_without += 1
            return True
        reason = "it is no row of a report: it has neither a status nor a number"
        raise self._decoder.invalid(reason, self._decoder.line, "")

    def _has(self, cells: Sequence[str], at: int | None, what: re.Pattern[str]) -> bool:
        return at is not None and at < len(cells) and bool(what.fullmatch(cells[at].strip()))

    def _is_header(self, cells: Sequence[str]) -> bool:
        return [folded(cell) for cell in cells] == self._names

    def _is_total(self, cells: Sequence[str]) -> bool:
        first = next(filter(None, map(folded, cells)), "")
        return bool(_TOTAL.fullmatch(first)) and not self._has(cells, self._line_at, _CODE)

    def _is_whole(self, cells: Sequence[str]) -> bool:
        """Whether a record has all its cells, in a report that does not say of whom it is."""
        is_anonymous = self._mobile_at is None and self._line_at is None
        return is_anonymous and len(cells) >= len(self.columns)
