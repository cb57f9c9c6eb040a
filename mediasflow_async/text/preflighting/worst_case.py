"""The worst case of an uploaded list, from the answer to its upload alone. Guide: 2.11.

The answer has no rows, but the longest cell of each column, how many cells have which length
(2.11.1 and 2.11.2), and how many numbers are valid. That is enough for an upper bound of the price.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from attrs import evolve, frozen

from mediasflow_async.models import RecipientList
from mediasflow_async.text.encoding import Encoding
from mediasflow_async.text.preflighting.french_rules import STOP_LENGTH, lacks_stop
from mediasflow_async.text.preflighting.messages import (
    Composer,
    CulpritSources,
    LongMessage,
    Size,
    size_of,
)
from mediasflow_async.text.preflighting.notices import (
    Notice,
    NoticeCode,
    ProblemCode,
    RowCount,
    WarningCode,
    notice,
)
from mediasflow_async.text.preflighting.report import (
    Plan,
    Preflight,
    report_of,
    request_notices,
    template_notices,
)
from mediasflow_async.text.preflighting.rows import number_column
from mediasflow_async.text.templates.syntax import SYNTAXES

__all__ = ["worst_case"]

# Notices on the request's own recipients that do not hold once a list is added to them.
_WITHOUT_LISTS: Final = frozenset({WarningCode.LISTS_NOT_EXAMINED, ProblemCode.NOT_ENOUGH_CREDIT})


def worst_case(plan: Plan, uploaded: RecipientList, inline: Preflight) -> Preflight:
    """Return a report with the most that sending to an uploaded list can cost.

    Every valid recipient is assumed to have a cell of the greatest length in each column, made of
    characters of two units, or more where the renderer or a replacement makes them longer. So no
    row can cost more. The message with the longest cells as they are is in `longest`.

    Args:
        plan: the arguments of the preflight.
        uploaded: the answer to the upload.
        inline: the report on the request's own recipients, which is included.
    """
    columns = _uploaded_columns(uploaded)
    sizes = _extremes(plan, columns)
    sources = CulpritSources(plan.composer)
    longest = {name: column.longest for name, column in columns.items()}
    sources.add(1, longest)
    refusals = list(_refusals(plan, sizes, sources, uploaded.size or 0))
    count = _sendable_count(uploaded, skips_duplicates=plan.skips_duplicates)
    histogram = Counter(inline.histogram)
    if not refusals and count:
        segments = min(sizes.heaviest.segments, plan.max_segments)
        histogram[sizes.heaviest.encoding, segments] += count
    notices = [
        *(each for each in inline.problems + inline.warnings if each.code not in _WITHOUT_LISTS),
        *request_notices(plan.request, plan.conditions, columns),
        *template_notices(plan.composer, columns, _missing(plan.composer, columns, count)),
        *_count_notices(uploaded, columns, skips_duplicates=plan.skips_duplicates),
        *_empty_notices(plan.composer, columns),
        *_character_notices(plan, sources, longest),
        *(refusals or _size_notices(plan, sizes)),
    ]
    return report_of(
        dict.fromkeys(notices),
        recipients=inline.recipients + (uploaded.size or 0),
        histogram=dict(histogram),
        credit=plan.credit,
        is_exact=False,
        longest=(sizes.longest, *inline.longest),
        culprits=tuple(evolve(each, rows=()) for each in sources.found(uploaded.size or 0)),
        defaulted=_defaulted(plan.composer, columns, count),
    )


@frozen
class _UploadedColumn:
    """A column of an uploaded list.

    Attributes:
        longest: its longest cell, as far as the answer shows it.
        length: characters of the longest cell.
        empty: how many cells are empty.
    """

    longest: str
    length: int
    empty: int


def _uploaded_columns(uploaded: RecipientList) -> dict[str, _UploadedColumn]:
    """Return the columns of a list: name to column."""
    names = uploaded.header or tuple(uploaded.computed_header_size)
    return {name: _column(uploaded, name) for name in names}


def _column(uploaded: RecipientList, name: str) -> _UploadedColumn:
    longest = uploaded.max_datas_map.get(name, "")
    counts = uploaded.computed_header_size.get(name, {})
    length = max([len(longest), *(length for length, count in counts.items() if count)])
    return _UploadedColumn(longest, length, counts.get(0, 0))


@frozen
class _Extremes:
    """The sizes between which every message to a list lies.

    Attributes:
        lightest: the size with every cell empty.
        shown: the size with the longest cell of each column, as it is.
        longest: the message of that size.
        heaviest: the size with cells of the same lengths, made of the characters that take most.
        are_bounds: whether every message is sure to lie between them; not if the template computes.
    """

    lightest: Size
    shown: Size
    longest: LongMessage
    heaviest: Size
    are_bounds: bool


def _extremes(plan: Plan, columns: Mapping[str, _UploadedColumn]) -> _Extremes:
    """Return the extremes of the messages to a list with these columns."""
    composer = plan.composer
    syntax = SYNTAXES[composer.renderer]
    longest = _text(composer, {name: column.longest for name, column in columns.items()})
    shown = size_of(longest)
    others = {name: text for name, text in composer.defaults.items() if name not in columns}
    lightest = _text(evolve(composer, defaults=others), dict.fromkeys(columns, ""))
    return _Extremes(
        size_of(lightest),
        shown,
        LongMessage(None, shown.encoding, shown.units, shown.segments, longest),
        max(shown, size_of(_text(composer, _heaviest_row(plan, columns)))),
        are_bounds=not composer.fields or syntax.is_plain(composer.template),
    )


def _text(composer: Composer, row: Mapping[str, str]) -> str:
    return composer.apply_replacements(composer.compose(row))


_HEAVY: Final = {Encoding.GSM7: "€", Encoding.UCS2: "\N{GRINNING FACE}"}
"""A character of two units, which no segment may split."""

_MOST_ESCAPED: Final = '"'
"""The character with the longest escape in HTML: `&quot;`."""


def _heaviest_row(plan: Plan, columns: Mapping[str, _UploadedColumn]) -> dict[str, str]:
    composer = plan.composer
    cell = _HEAVY[Encoding.UCS2 if plan.allows(Encoding.UCS2) else Encoding.GSM7]
    if composer.replaces:
        cell *= 2  # an ellipsis becomes three dots, and other replacements take up to four septets
    if SYNTAXES[composer.renderer].escapes:
        cell = _MOST_ESCAPED + cell
    defaults = {name: len(composer.defaults.get(name, "")) for name in columns}
    return {
        name: cell * (max(column.length, defaults[name]) if column.length else 0)
        for name, column in columns.items()
    }


def _refusals(
    plan: Plan, sizes: _Extremes, sources: CulpritSources, count: int
) -> Iterator[Notice]:
    if sources.remain_in_message and not plan.allows(Encoding.UCS2):
        yield notice(ProblemCode.UCS2_IN_MESSAGE, count=count)
    elif not plan.fits(sizes.lightest):
        yield notice(ProblemCode.TOO_LONG, count=count)


def _sendable_count(uploaded: RecipientList, *, skips_duplicates: bool) -> int:
    """Return how many recipients of a list can get a message.

    The platform counts a duplicate as valid, so duplicates that are skipped are subtracted.
    """
    valid = uploaded.valid_number_mobile
    count = uploaded.size or 0 if valid is None else valid
    repeated = uploaded.count_duplicate_mobile or 0
    return max(count - repeated, 0) if skips_duplicates else count


def _missing(
    composer: Composer, columns: Mapping[str, _UploadedColumn], count: int
) -> dict[str, RowCount]:
    absent = (name for name in composer.fields if name not in columns)
    return {name: RowCount(count) for name in absent if composer.defaults.get(name) is None}


def _count_notices(
    uploaded: RecipientList, columns: Mapping[str, _UploadedColumn], *, skips_duplicates: bool
) -> Iterator[Notice]:
    """Yield notices on the recipients that the platform counted as invalid or as duplicates."""
    if number_column(columns) is None:
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


def _empty_notices(composer: Composer, columns: Mapping[str, _UploadedColumn]) -> Iterator[Notice]:
    for name, count in _empty(composer, columns).items():
        if composer.defaults.get(name) is None:
            yield notice(WarningCode.EMPTY_FIELD, name, count)


def _character_notices(
    plan: Plan, sources: CulpritSources, row: Mapping[str, str]
) -> Iterator[Notice]:
    """Yield notices on the characters of the longest cells; their row numbers are not known."""
    for each in sources.notices(1):
        yield evolve(each, rows=())
    if not plan.allows(Encoding.UCS2):
        for column in sources.remaining_in(row):
            yield notice(ProblemCode.UCS2_IN_FIELD, column, count=1)


def _size_notices(plan: Plan, sizes: _Extremes) -> Iterator[Notice]:
    if not plan.fits(sizes.heaviest):
        yield Notice(
            WarningCode.MAY_BE_TOO_LONG,
            f"the longest cells make {sizes.shown.segments} segment(s), and others of their "
            f"length up to {sizes.heaviest.segments}: the account allows {plan.max_segments}",
        )
    if sizes.shown.encoding is Encoding.UCS2:
        yield notice(WarningCode.UCS2_USED)
    elif sizes.heaviest.encoding is Encoding.UCS2:
        yield notice(WarningCode.UCS2_POSSIBLE)
    if not sizes.are_bounds:
        yield notice(WarningCode.NOT_BOUNDED)
    if lacks_stop(plan.request) and sizes.shown.remaining < STOP_LENGTH:
        yield notice(WarningCode.STOP_WOULD_NOT_FIT)


def _defaulted(
    composer: Composer, columns: Mapping[str, _UploadedColumn], count: int
) -> dict[str, int]:
    absent = {name: count for name in composer.fields if name not in columns}
    unfilled = absent | _empty(composer, columns)
    return {name: count for name, count in unfilled.items() if name in composer.defaults}


def _empty(composer: Composer, columns: Mapping[str, _UploadedColumn]) -> dict[str, int]:
    shown = (name for name in composer.fields if name in columns)
    return {name: columns[name].empty for name in shown if columns[name].empty}
