"""What can be said of a campaign without any row, once the names of the columns are known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from mediasflow_async.models import CampaignRequest
from mediasflow_async.text.preflighting.codes import WarningCode
from mediasflow_async.text.preflighting.composing import Composer
from mediasflow_async.text.preflighting.conditions import Conditions
from mediasflow_async.text.preflighting.links import link_notices
from mediasflow_async.text.preflighting.notices import Notice, notice
from mediasflow_async.text.preflighting.schedule import schedule_notices
from mediasflow_async.text.preflighting.stop import stop_notices
from mediasflow_async.text.preflighting.tallies import Tally
from mediasflow_async.text.templates import FindingKind, lint

__all__ = ["NAMING", "request_notices", "template_notices"]

NAMING: Final = frozenset({FindingKind.NEAR_MISS, FindingKind.UNKNOWN_FIELD})


def request_notices(
    request: CampaignRequest, conditions: Conditions, columns: Iterable[str]
) -> Iterator[Notice]:
    """Yield what is wrong with a campaign's date, links and way out."""
    yield from schedule_notices(request, conditions)
    yield from link_notices(request, columns)
    yield from stop_notices(request)


def template_notices(
    composer: Composer, columns: Iterable[str], missing: Mapping[str, Tally]
) -> Iterator[Notice]:
    """Yield what is wrong with the fields of the message.

    Args:
        composer: of the message.
        columns: the names of the columns; empty when they are not known.
        missing: for each field, the rows that have neither it nor a default.
    """
    known = tuple(columns)
    unnamed: set[str] = set()
    for finding in lint(composer.template, (*known, *composer.defaults), composer.renderer):
        tally = Tally()
        if finding.kind in NAMING:
            unnamed.add(finding.placeholder)
            tally = missing.get(finding.placeholder, tally)
        if known or finding.kind not in NAMING:
            code = WarningCode(finding.kind)
            message, about = str(finding), finding.placeholder
            yield Notice(code, message, about, tally.count, tuple(tally.rows))
    for name, tally in missing.items():
        if name not in unnamed:
            yield notice(WarningCode.MISSING_FIELD, name, tally.count, tally.rows)
