"""`preflight`: from a campaign and its rows to a report."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Mapping
from typing import Any, Final

from mediasflow_async.models import CampaignRequest, RecipientList
from mediasflow_async.text.preflighting.conditions import Conditions
from mediasflow_async.text.preflighting.report import Preflight
from mediasflow_async.text.preflighting.run import PreflightRun
from mediasflow_async.text.preflighting.worst_case import worst_case

__all__ = ["apreflight", "preflight"]

_ROWS_AT_ONCE: Final = 500


def preflight(
    request: CampaignRequest,
    rows: Iterable[Mapping[str, Any]] | RecipientList | None = None,
    *,
    credit: float | None = None,
    max_segments: int = 1,
    conditions: Conditions | None = None,
) -> Preflight:
    """Return what a campaign would cost, and what may go wrong with it. Nothing is sent.

    Args:
        request: the campaign; its own recipients are looked at first.
        rows: the recipients of its lists, as mappings from column to value, any number of them,
            read once and not kept; or the answer to an upload, for the worst case without rows.
        credit: credits at hand, None when they are not known.
        max_segments: segments that the account allows in a message, 1 to 6.
        conditions: legal hours, the length of short links, the present.

    Raises:
        ValueError: `max_segments` is out of range, or the renderer is none of the six.
        PreviewNotInstalled: the template needs an engine that is not installed.

    Guide: 2.1 and 2.11.
    """
    run = PreflightRun(request, credit=credit, max_segments=max_segments, conditions=conditions)
    if isinstance(rows, RecipientList):
        return worst_case(run.plan, rows, inline=run.report())
    for row in rows or ():
        run.feed(row)
    return run.report()


async def apreflight(
    request: CampaignRequest,
    rows: AsyncIterable[Mapping[str, Any]],
    *,
    credit: float | None = None,
    max_segments: int = 1,
    conditions: Conditions | None = None,
) -> Preflight:
    """Return the `preflight` of rows that come asynchronously; other tasks run meanwhile.

    Raises:
        ValueError: as in `preflight`.
        PreviewNotInstalled: as in `preflight`.
    """
    from anyio.lowlevel import checkpoint

    run = PreflightRun(request, credit=credit, max_segments=max_segments, conditions=conditions)
    count = 0
    async for row in rows:
        run.feed(row)
        count += 1
        if count % _ROWS_AT_ONCE == 0:
            await checkpoint()
    return run.report()
