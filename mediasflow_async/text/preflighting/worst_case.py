"""The worst case of an uploaded list, from the upload's answer alone (Guide: 2.11)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from attrs import evolve

from mediasflow_async.models import RecipientList
from mediasflow_async.text.encoding import Encoding
from mediasflow_async.text.preflighting.codes import ProblemCode, WarningCode
from mediasflow_async.text.preflighting.composing import Composer
from mediasflow_async.text.preflighting.culprits import CulpritSources
from mediasflow_async.text.preflighting.extremes import Extremes, extremes
from mediasflow_async.text.preflighting.findings import request_notices, template_notices
from mediasflow_async.text.preflighting.notices import Notice, notice
from mediasflow_async.text.preflighting.plan import Plan
from mediasflow_async.text.preflighting.report import Preflight, report_of
from mediasflow_async.text.preflighting.stop import STOP_LENGTH, lacks_stop
from mediasflow_async.text.preflighting.tallies import Tally
from mediasflow_async.text.preflighting.uploaded import (
    UploadedColumn,
    count_notices,
    sendable_count,
    uploaded_columns,
)

__all__ = ["worst_case"]

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


def _missing(
    composer: Composer, columns: Mapping[str, UploadedColumn], count: int
) -> dict[str, Tally]:
    absent = (name for name in composer.fields if name not in columns)
    return {name: Tally(count) for name in absent if composer.defaults.get(name) is None}


def _empty(composer: Composer, columns: Mapping[str, UploadedColumn]) -> dict[str, int]:
    shown = (name for name in composer.fields if name in columns)
    return {name: columns[name].empty for name in shown if columns[name].empty}


def _empty_notices(composer: Composer, columns: Mapping[str, UploadedColumn]) -> Iterator[Notice]:
    for name, count in _empty(composer, columns).items():
        if composer.defaults.get(name) is None:
            yield notice(WarningCode.EMPTY_FIELD, name, count)


def _defaulted(
    composer: Composer, columns: Mapping[str, UploadedColumn], count: int
) -> dict[str, int]:
    absent = {name: count for name in composer.fields if name not in columns}
    holes = absent | _empty(composer, columns)
    return {name: count for name, count in holes.items() if name in composer.defaults}


def _refusals(plan: Plan, sizes: Extremes, sources: CulpritSources, count: int) -> Iterator[Notice]:
    if sources.remain_in_message and not plan.allows(Encoding.UCS2):
        yield notice(ProblemCode.UCS2_IN_MESSAGE, count=count)
    elif not plan.fits(sizes.lightest):
        yield notice(ProblemCode.TOO_LONG, count=count)


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
