"""The report of a preflight: what a campaign costs, and what may go wrong with it.

`report_of` makes it, here and in the worst case of a list. `Plan` holds the arguments of a
preflight; `request_notices` and `template_notices` say what can be said without any row, once the
names of the columns are known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import Factory, asdict, evolve, field, frozen
from attrs.validators import ge, le

from mediasflow_async.models import CampaignRequest
from mediasflow_async.text.encoding import MAX_SEGMENTS, Encoding
from mediasflow_async.text.preflighting.french_rules import (
    Conditions,
    schedule_notices,
    stop_notices,
)
from mediasflow_async.text.preflighting.messages import (
    NAME_FINDINGS,
    Composer,
    CulpritSource,
    LongMessage,
    Size,
    attachment_notices,
    composer_of,
    link_notices,
    name_notice,
)
from mediasflow_async.text.preflighting.notices import (
    Notice,
    NoticeCode,
    ProblemCode,
    RowCount,
    WarningCode,
    in_order,
    notice,
)
from mediasflow_async.text.templates import lint

__all__ = ["Plan", "Preflight", "report_of", "request_notices", "template_notices"]


@frozen(kw_only=True)
class Preflight:
    """What a campaign would cost, and what may go wrong. `str(preflight)` is a readable report.

    Attributes:
        recipients: how many recipients were examined.
        histogram: how many messages would be sent, by encoding and number of segments.
        credits: credits that they cost, at one a segment. Guide: 2.1, `msg`.
        credit: credits at hand, as given; None when they are not known.
        is_exact: whether every row was read; otherwise the histogram and the credits are the worst
            case, from the answer to an upload.
        problems: why the campaign would be refused, or recipients would get no message.
        warnings: what would be sent, but perhaps not as intended.
        longest: the five longest messages, too long ones among them, the longest first.
        culprits: the characters outside of GSM-7, and where they come from.
        defaulted: for each field, how many recipients get its default.
    """

    recipients: int
    histogram: Mapping[tuple[Encoding, int], int]
    credit: float | None = None
    is_exact: bool = True
    problems: tuple[Notice, ...] = ()
    warnings: tuple[Notice, ...] = ()
    longest: tuple[LongMessage, ...] = field(default=(), repr=False)
    culprits: tuple[CulpritSource, ...] = field(default=(), repr=False)
    defaulted: Mapping[str, int] = field(factory=dict)

    @property
    def sendable(self) -> int:
        """How many recipients would get a message."""
        return sum(self.histogram.values())

    @property
    def credits(self) -> int:
        """Credits that the campaign takes."""
        return sum(segments * count for (_, segments), count in self.histogram.items())

    def find(self, code: NoticeCode) -> tuple[Notice, ...]:
        """Return the problems or warnings with this code."""
        return tuple(each for each in (*self.problems, *self.warnings) if each.code is code)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain data, ready for JSON, without the text of any message."""
        histogram = [
            {"encoding": encoding, "segments": segments, "count": count}
            for (encoding, segments), count in sorted(self.histogram.items())
        ]
        data = asdict(self, filter=lambda attribute, _: attribute.name != "text")
        return {**data, "histogram": histogram, "sendable": self.sendable, "credits": self.credits}

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"Recipients that would get a message: {self.sendable} of {self.recipients}"
        for (encoding, segments), count in sorted(self.histogram.items()):
            yield f"  {count} in {encoding}, {segments} segment{'s' if segments > 1 else ''}"
        at_hand = "" if self.credit is None else f", of {self.credit:g} at hand"
        yield f"Credits{'' if self.is_exact else ', at most'}: {self.credits}{at_hand}"
        for title, notices in (("Problems", self.problems), ("Warnings", self.warnings)):
            if notices:
                yield f"{title}:"
                yield from (f"  {each}" for each in notices)


def report_of(notices: Iterable[Notice], **figures: Any) -> Preflight:
    """Return a preflight with these figures, its notices in order and one on missing credits."""
    report = Preflight(**figures)
    found = in_order([*notices, *_credit_notices(report)])
    return evolve(
        report,
        problems=tuple(each for each in found if isinstance(each.code, ProblemCode)),
        warnings=tuple(each for each in found if isinstance(each.code, WarningCode)),
    )


def _credit_notices(report: Preflight) -> Iterator[Notice]:
    if report.credit is None or report.credits <= report.credit:
        return
    takes = f"the campaign takes {report.credits} credits, and {report.credit:g} are at hand"
    if report.is_exact:
        yield Notice(ProblemCode.NOT_ENOUGH_CREDIT, takes)
    else:
        yield Notice(WarningCode.CREDIT_MAY_RUN_OUT, f"at worst {takes}")


def _composer(plan: Plan) -> Composer:
    return composer_of(plan.request, plan.conditions)


@frozen(kw_only=True)
class Plan:
    """The arguments of a preflight as one value.

    Attributes:
        request: the campaign.
        credit: credits at hand, None when they are not known.
        max_segments: segments that the account allows in a message, 1 to 6. Guide: 2.1, `msg`.
        conditions: what else a preflight assumes.
        composer: composes the campaign's message for any row.

    Raises:
        ValueError: `max_segments` is out of range, or the renderer is none of the six.
    """

    request: CampaignRequest
    credit: float | None = None
    max_segments: int = field(default=1, validator=[ge(1), le(MAX_SEGMENTS)])
    conditions: Conditions = field(factory=Conditions)
    composer: Composer = field(init=False, default=Factory(_composer, takes_self=True))

    @property
    def skips_duplicates(self) -> bool:
        """Whether each number gets the message only once, which is the default."""
        return self.request.check_duplicate is not False

    def allows(self, encoding: Encoding) -> bool:
        """Tell whether the request allows messages in this encoding."""
        return encoding is Encoding.GSM7 or bool(self.request.allow_ucs2)

    def fits(self, size: Size) -> bool:
        """Tell whether the account allows messages of this size."""
        return size.segments <= self.max_segments


def request_notices(
    request: CampaignRequest, conditions: Conditions, columns: Iterable[str]
) -> Iterator[Notice]:
    """Yield what is wrong with a campaign's date, short links and STOP."""
    yield from schedule_notices(request, conditions)
    yield from link_notices(request, columns)
    yield from attachment_notices(request)
    yield from stop_notices(request)


def template_notices(
    composer: Composer, columns: Iterable[str], missing: Mapping[str, RowCount]
) -> Iterator[Notice]:
    """Yield what is wrong with the fields of the message.

    Args:
        composer: the composer of the campaign.
        columns: the names of the columns; empty when they are not known.
        missing: for each field, the rows that have neither such a column nor a default.
    """
    known = tuple(columns)
    unnamed: set[str] = set()
    for finding in lint(composer.template, (*known, *composer.defaults), composer.renderer):
        if finding.kind in NAME_FINDINGS:
            unnamed.add(finding.placeholder)
            if known:
                yield name_notice(finding)
        else:
            yield Notice(WarningCode(finding.kind), str(finding), finding.placeholder)
    for name, counted in missing.items():
        if name not in unnamed or not known:
            yield notice(WarningCode.MISSING_FIELD, name, counted.count, counted.rows)
