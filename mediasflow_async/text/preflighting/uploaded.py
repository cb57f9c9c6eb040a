"""What an upload's answer says of its list (Guide: 2.11.1 and 2.11.2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import frozen

from mediasflow_async.models import RecipientList
from mediasflow_async.text.preflighting.codes import NoticeCode, ProblemCode, WarningCode
from mediasflow_async.text.preflighting.notices import Notice, notice
from mediasflow_async.text.preflighting.rows import number_column

__all__ = ["UploadedColumn", "count_notices", "sendable_count", "uploaded_columns"]


@frozen
class UploadedColumn:
    """A column of an uploaded list.

    Attributes:
        longest: its longest cell.
        length: characters of that cell.
        empty: how many cells are empty.
    """

    longest: str
    length: int
    empty: int


def uploaded_columns(uploaded: RecipientList) -> dict[str, UploadedColumn]:
    """Return the columns of a list by name."""
    names = uploaded.header or tuple(uploaded.computed_header_size)
    return {name: _column(uploaded, name) for name in names}


def _column(uploaded: RecipientList, name: str) -> UploadedColumn:
    longest = uploaded.max_datas_map.get(name, "")
    counts = uploaded.computed_header_size.get(name, {})
    length = max([len(longest), *(length for length, count in counts.items() if count)])
    return UploadedColumn(longest, length, counts.get(0, 0))


def sendable_count(uploaded: RecipientList, *, skips_duplicates: bool) -> int:
    """Return how many recipients of a list can get a message; a duplicate counts as valid."""
    valid = uploaded.valid_number_mobile
    count = uploaded.size or 0 if valid is None else valid
    repeated = uploaded.count_duplicate_mobile or 0
    return max(count - repeated, 0) if skips_duplicates else count


def count_notices(uploaded: RecipientList, *, skips_duplicates: bool) -> Iterator[Notice]:
    """Yield what the platform counted and will not send, or not as expected."""
    if number_column(uploaded_columns(uploaded)) is None:
        yield notice(ProblemCode.NO_NUMBER_COLUMN, count=uploaded.size or 0)
    repeated = WarningCode.DUPLICATE_SKIPPED if skips_duplicates else WarningCode.DUPLICATE_SENT
    counts: list[tuple[NoticeCode, int | None, Iterable[int]]] = [
        (ProblemCode.UNREADABLE_LINE, uploaded.global_invalid_line, ()),
        (ProblemCode.INVALID_NUMBER, uploaded.invalid_number_mobile, uploaded.invalid_line_list),
        (repeated, uploaded.count_duplicate_mobile, uploaded.line_duplicate_mobile),
    ]
    for code, count, rows in counts:
        if count:
            yield notice(code, count=count, rows=rows)
    for country, count in uploaded.invalid_country_counter.items():
        yield notice(ProblemCode.REFUSED_COUNTRY, country, count)
