"""`preflight`: a campaign and its rows in, a report out. Nothing is sent. Guide: 2.1 and 2.11.

`PreflightRun` does the work, one row at a time: it looks for the row's number, composes and
measures its message, and counts what it finds. `preflight` and `apreflight` feed it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterable, Iterable, Iterator, Mapping
from typing import Any, Final

from mediasflow_async.models import CampaignRequest, RecipientList
from mediasflow_async.models.values import PLAIN, plain_cell
from mediasflow_async.text.encoding import Encoding
from mediasflow_async.text.preflighting.french_rules import STOP_LENGTH, Conditions, lacks_stop
from mediasflow_async.text.preflighting.messages import (
    CulpritSources,
    LongestMessages,
    Size,
    UnfilledFields,
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
from mediasflow_async.text.preflighting.rows import (
    Columns,
    SeenNumbers,
    judge_number,
    recipient_row,
)
from mediasflow_async.text.preflighting.worst_case import worst_case
from mediasflow_async.text.templates import PreviewNotInstalled, TemplateError

__all__ = ["PreflightRun", "apreflight", "preflight"]


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
        request: the campaign; its own recipients are the first rows.
        rows: the recipients of its lists, as mappings from column to value: any number of them,
            read once and not kept. Or the answer to an upload, for the worst case without rows.
        credit: credits at hand, None when they are not known.
        max_segments: segments that the account allows in a message, 1 to 6. Guide: 2.1, `msg`.
        conditions: legal hours, length of short links and the present time; None for the defaults.

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


_ROWS_PER_CHECKPOINT: Final = 500


async def apreflight(
    request: CampaignRequest,
    rows: AsyncIterable[Mapping[str, Any]],
    *,
    credit: float | None = None,
    max_segments: int = 1,
    conditions: Conditions | None = None,
) -> Preflight:
    """Return the `preflight` of rows from an asynchronous iterable; other tasks run meanwhile.

    Its other arguments are those of `preflight`.

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
        if count % _ROWS_PER_CHECKPOINT == 0:
            await checkpoint()
    return run.report()


class PreflightRun:
    """A preflight that is fed one row at a time, where the rows do not come from one iterable.

    It keeps counts, the five longest messages and one bit for each French mobile number, but
    neither the rows nor the other messages. The recipients of the request are its first rows.
    Guide: 2.1 and 2.11.

    Args:
        request: the campaign.
        credit: credits at hand, None when they are not known.
        max_segments: segments that the account allows in a message, 1 to 6. Guide: 2.1, `msg`.
        conditions: what else a preflight assumes; None for the defaults.

    Attributes:
        plan: the arguments as one value.

    Raises:
        ValueError: `max_segments` is out of range, or the renderer is none of the six.
    """

    def __init__(
        self,
        request: CampaignRequest,
        *,
        credit: float | None = None,
        max_segments: int = 1,
        conditions: Conditions | None = None,
    ) -> None:
        self.plan = Plan(
            request=request,
            credit=credit,
            max_segments=max_segments,
            conditions=conditions or Conditions(),
        )
        self._composer = self.plan.composer
        self._would_add_stop = lacks_stop(request)
        self._row = 0
        self._composed = 0
        self._columns = Columns()
        self._seen = SeenNumbers()
        self._unfilled = UnfilledFields(self._composer)
        self._sources = CulpritSources(self._composer)
        self._longest = LongestMessages()
        self._histogram = Counter[tuple[Encoding, int]]()
        self._problems: list[ProblemCode] = []  # of the row that is being examined
        self._row_counts = defaultdict[tuple[NoticeCode, str | None], RowCount](RowCount)
        for recipient in request.recipients:
            self.feed(recipient_row(recipient))

    def feed(self, row: Mapping[str, Any]) -> tuple[ProblemCode, ...]:
        """Examine one more recipient, a mapping from column to value.

        Returns:
            Why it would get no message; empty where it would, or where an earlier row has its
            number. What concerns all rows alike is in the `report` only.

        Raises:
            PreviewNotInstalled: the template needs an engine that is not installed.
        """
        if None in row:  # csv.DictReader puts the cells beyond its header under None
            row = {name: cell for name, cell in row.items() if name is not None}
        if not PLAIN.issuperset(map(type, row.values())):
            row = {name: plain_cell(cell) for name, cell in row.items()}
        self._row += 1
        self._problems.clear()
        if self._gets_message(row):
            self._examine_message(row)
        return tuple(self._problems)

    def report(self) -> Preflight:
        """Return the report on the rows so far; more rows may follow."""
        return report_of(
            [
                *request_notices(self.plan.request, self.plan.conditions, self._columns.names),
                *template_notices(self._composer, self._columns.names, self._unfilled.missing),
                *self._unfilled.notices(),
                *self._sources.notices(self._composed),
                *self._row_notices(),
            ],
            recipients=self._row,
            histogram=dict(self._histogram),
            credit=self.plan.credit,
            longest=self._longest.messages(),
            culprits=self._sources.found(self._composed),
            defaulted=dict(self._unfilled.defaulted),
        )

    def _gets_message(self, row: Mapping[str, Any]) -> bool:
        column = self._columns.number_column(row)
        if column is None:
            self._note(ProblemCode.NO_NUMBER_COLUMN)
            return False
        number, codes = judge_number(row[column])
        for code in codes:
            self._note(code)
        if number is None or self._seen.add(number):
            return number is not None
        sends_again = not self.plan.skips_duplicates
        self._note(WarningCode.DUPLICATE_SENT if sends_again else WarningCode.DUPLICATE_SKIPPED)
        return sends_again

    def _examine_message(self, row: Mapping[str, Any]) -> None:
        try:
            text = self._composer.compose(row)
        except PreviewNotInstalled:
            raise
        except TemplateError:
            self._note(ProblemCode.RENDERING_FAILED)
            return
        self._composed += 1
        self._unfilled.add(self._row, row)
        size = size_of(text)
        if size.encoding is Encoding.UCS2 or self._composer.adds_emoji:
            text = self._composer.apply_replacements(text)
            self._sources.add(self._row, row)
            size = size_of(text)
        self._longest.add(self._row, size, text)
        self._judge_size(row, size)

    def _judge_size(self, row: Mapping[str, Any], size: Size) -> None:
        if not self.plan.allows(size.encoding):
            self._refuse_ucs2(row)
        elif not self.plan.fits(size):
            self._note(ProblemCode.TOO_LONG)
        else:
            self._histogram[size.encoding, size.segments] += 1
            if size.encoding is Encoding.UCS2:
                self._note(WarningCode.UCS2_USED)
            if self._would_add_stop and size.remaining < STOP_LENGTH:
                self._note(WarningCode.STOP_WOULD_NOT_FIT)

    def _refuse_ucs2(self, row: Mapping[str, Any]) -> None:
        columns = self._sources.remaining_in(row)
        if self._sources.remain_in_message or not columns:
            self._note(ProblemCode.UCS2_IN_MESSAGE)
            return
        for column in columns:
            self._note(ProblemCode.UCS2_IN_FIELD, column)

    def _note(self, code: NoticeCode, about: str | None = None) -> None:
        self._row_counts[code, about].add(self._row)
        if isinstance(code, ProblemCode):
            self._problems.append(code)

    def _row_notices(self) -> Iterator[Notice]:
        if self.plan.request.list_ids and self._row == len(self.plan.request.recipients):
            yield notice(WarningCode.LISTS_NOT_EXAMINED)
        for (code, about), counted in self._row_counts.items():
            yield notice(code, about, counted.count, counted.rows)
