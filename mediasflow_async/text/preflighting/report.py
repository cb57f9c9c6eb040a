"""What a preflight gives: the price of a campaign, and what may go wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import asdict, evolve, field, frozen

from mediasflow_async.text.encoding import Encoding
from mediasflow_async.text.preflighting.codes import NoticeCode, ProblemCode, WarningCode
from mediasflow_async.text.preflighting.culprits import CulpritSource
from mediasflow_async.text.preflighting.notices import Notice, in_order
from mediasflow_async.text.preflighting.sizes import LongMessage

__all__ = ["Preflight", "report_of"]


@frozen(kw_only=True)
class Preflight:
    """A campaign before it is sent. `str(preflight)` is the report for a person to read.

    Attributes:
        recipients: recipients looked at.
        histogram: how many messages would be sent, by encoding and number of segments.
        credits: what they cost, at one credit a segment. Guide: 2.1, `msg`.
        credit: what there is, as it was given; None when it is not known.
        is_exact: whether every row was read; else the histogram and the credits are the worst
            case, from what an upload answered.
        problems: what would be refused, and the recipients that would get nothing.
        warnings: what would be sent, and might surprise.
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
        """Recipients that would get a message."""
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
    """Return a preflight with its notices sorted, and the credits compared."""
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
