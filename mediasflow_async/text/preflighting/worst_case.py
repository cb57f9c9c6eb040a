"""The worst case of an uploaded list, from the upload's answer alone (Guide: 2.11)."""

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

__all__ = [
    "Extremes",
    "UploadedColumn",
    "count_notices",
    "extremes",
    "sendable_count",
    "uploaded_columns",
    "worst_case",
]

# Of the request's own recipients, what a list beside them makes untrue.
_WITHOUT_LISTS: Final = frozenset({WarningCode.LISTS_NOT_EXAMINED, ProblemCode.NOT_ENOUGH_CREDIT})


def worst_case(plan: Plan, uploaded: RecipientList, inline: Preflight) -> Preflight:
    """Return the most that sending to an uploaded list can take.

    Every valid recipient is taken to have the longest cell of each column, made of characters
    that take two units, or more where the renderer or a replacement makes them longer. So no row
    can take more than that; what the longest cells really hold is in `longest`.

    Args:
        plan: the campaign.
        uploaded: what the upload answered.
        inline: the report on the request's own recipients, which is added.
    """
    columns = uploaded_columns(uploaded)
    sizes = extremes(plan, columns)
    sources = CulpritSources(plan.composer)
    longest = {name: column.longest for name, column in columns.items()}
    sources.look(1, longest)
    refusals = list(_refusals(plan, sizes, sources, uploaded.size or 0))
    count = sendable_count(uploaded, skips_duplicates=plan.skips_duplicates)
    histogram = Counter(inline.histogram)
    if not refusals and count:
        segments = min(sizes.heaviest.segments, plan.max_segments)
        histogram[sizes.heaviest.encoding, segments] += count
    notices = [
        *(each for each in inline.problems + inline.warnings if each.code not in _WITHOUT_LISTS),
        *request_notices(plan.request, plan.conditions, columns),
        *template_notices(plan.composer, columns, _missing(plan.composer, columns, count)),
        *count_notices(uploaded, skips_duplicates=plan.skips_duplicates),
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


@frozen
class Extremes:
    """Sizes between which every message of a list lies.

    Attributes:
        lightest: with every cell empty.
        shown: with the longest cell of each column, as it is.
        longest: that message.
        heaviest: with cells of the same length, of the characters that take most.
        are_bounds: whether that is certain; not for a template that computes.
    """

    lightest: Size
    shown: Size
    longest: LongMessage
    heaviest: Size
    are_bounds: bool


def extremes(plan: Plan, columns: Mapping[str, UploadedColumn]) -> Extremes:
    """Return the extremes of the messages that a list with these columns can give."""
    composer = plan.composer
    syntax = SYNTAXES[composer.renderer]
    longest = _text(composer, {name: column.longest for name, column in columns.items()})
    shown = size_of(longest)
    others = {name: text for name, text in composer.defaults.items() if name not in columns}
    lightest = _text(evolve(composer, defaults=others), dict.fromkeys(columns, ""))
    return Extremes(
        size_of(lightest),
        shown,
        LongMessage(None, shown.encoding, shown.units, shown.segments, longest),
        max(shown, size_of(_text(composer, _heaviest_row(plan, columns)))),
        are_bounds=not composer.fields or syntax.is_plain(composer.template),
    )


def _text(composer: Composer, row: Mapping[str, str]) -> str:
    return composer.settle(composer.compose(row))


_HEAVY: Final = {Encoding.GSM7: "€", Encoding.UCS2: "\N{GRINNING FACE}"}
"""A character of two units that no segment may part."""

_MOST_ESCAPED: Final = '"'
"""The character with the longest of HTML's escapes, `&quot;`."""


def _heaviest_row(plan: Plan, columns: Mapping[str, UploadedColumn]) -> dict[str, str]:
    composer = plan.composer
    cell = _HEAVY[Encoding.UCS2 if plan.allows(Encoding.UCS2) else Encoding.GSM7]
    if composer.replaces:
        cell *= 2  # as for an ellipsis, which becomes three dots
    if SYNTAXES[composer.renderer].escapes:
        cell = _MOST_ESCAPED + cell
    defaults = {name: len(composer.defaults.get(name, "")) for name in columns}
    return {
        name: cell * (max(column.length, defaults[name]) if column.length else 0)
        for name, column in columns.items()
    }


def _refusals(plan: Plan, sizes: Extremes, sources: CulpritSources, count: int) -> Iterator[Notice]:
    if sources.remain_in_message and not plan.allows(Encoding.UCS2):
        yield notice(ProblemCode.UCS2_IN_MESSAGE, count=count)
    elif not plan.fits(sizes.lightest):
        yield notice(ProblemCode.TOO_LONG, count=count)


def sendable_count(uploaded: RecipientList, *, skips_duplicates: bool) -> int:
    """Return how many recipients of a list can get a message; a duplicate counts as valid."""
    valid = uploaded.valid_number_mobile
    count = uploaded.size or 0 if valid is None else valid
    repeated = uploaded.count_duplicate_mobile or 0
    return max(count - repeated, 0) if skips_duplicates else count


def _missing(
    composer: Composer, columns: Mapping[str, UploadedColumn], count: int
) -> dict[str, RowCount]:
    absent = (name for name in composer.fields if name not in columns)
    return {name: RowCount(count) for name in absent if composer.defaults.get(name) is None}


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


def _empty_notices(composer: Composer, columns: Mapping[str, UploadedColumn]) -> Iterator[Notice]:
    for name, count in _empty(composer, columns).items():
        if composer.defaults.get(name) is None:
            yield notice(WarningCode.EMPTY_FIELD, name, count)


def _character_notices(
    plan: Plan, sources: CulpritSources, row: Mapping[str, str]
) -> Iterator[Notice]:
    """Yield what the longest cells show: of each column one cell, in a row that nobody knows."""
    for each in sources.notices(1):
        yield evolve(each, rows=())
    if not plan.allows(Encoding.UCS2):
        for column in sources.remaining_in(row):
            yield notice(ProblemCode.UCS2_IN_FIELD, column, count=1)


def _size_notices(plan: Plan, sizes: Extremes) -> Iterator[Notice]:
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
    composer: Composer, columns: Mapping[str, UploadedColumn], count: int
) -> dict[str, int]:
    absent = {name: count for name in composer.fields if name not in columns}
    holes = absent | _empty(composer, columns)
    return {name: count for name, count in holes.items() if name in composer.defaults}


def _empty(composer: Composer, columns: Mapping[str, UploadedColumn]) -> dict[str, int]:
    shown = (name for name in composer.fields if name in columns)
    return {name: columns[name].empty for name in shown if columns[name].empty}
