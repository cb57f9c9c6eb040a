"""Counts as coloured bars."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Final

from attrs import frozen
from rich.bar import Bar
from rich.console import Console, ConsoleOptions
from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text

from mediasflow_async.cli.palette import COLOURS, NAMES
from mediasflow_async.models import DeliveryCategory, DeliveryStatus, ReportSummary

__all__ = ["StackedBar", "by_outcome", "legend", "status_bars"]

_ORDER: Final = tuple(COLOURS)


def by_outcome(summary: ReportSummary) -> dict[DeliveryCategory, int]:
    """Return how many messages ended in which category; all that can still change are PENDING."""
    counts = dict.fromkeys(_ORDER, 0)
    for status, count in summary.by_status.items():
        outcome = status.category if status.is_final else DeliveryCategory.PENDING
        counts[outcome] += count
    return {category: count for category, count in counts.items() if count}


@frozen
class StackedBar:
    """One bar that is parted by category.

    Attributes:
        counts: how many of each.
    """

    counts: Mapping[DeliveryCategory, int]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        """Yield the parts; what is on the way comes last, so that the rest fills up."""
        shown = sorted(self.counts, key=lambda each: each is DeliveryCategory.PENDING)
        total = sum(self.counts.values()) or 1
        sums = accumulate((self.counts[category] for category in shown), initial=0)
        ends = [round(value * options.max_width / total) for value in sums]
        for category, start, end in zip(shown, ends, ends[1:], strict=False):
            waits = category is DeliveryCategory.PENDING
            style = Style.parse("bright_black" if waits else COLOURS[category])
            yield Segment(("╌" if waits else "━") * (end - start), style)


def legend(counts: Mapping[DeliveryCategory, int]) -> Text:
    """Return the counts in words, with the colours of a `StackedBar`."""
    parts = (
        Text.assemble(("● ", COLOURS[category]), f"{NAMES[category]} {counts[category]:,}")
        for category in _ORDER
        if category in counts
    )
    return Text("   ").join(parts)


def status_bars(summary: ReportSummary) -> Table:
    """Return a bar for each status, in the colour of its category, with count and percentage."""
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    table.add_column(justify="right")
    table.add_column(justify="right", style="dim")
    largest = max(summary.by_status.values(), default=0)
    for status, count in sorted(summary.by_status.items(), key=_position):
        colour = COLOURS[status.category]
        table.add_row(
            Text.assemble(("● ", colour), f"{status.code or 0:>2} {status.label}"),
            Bar(largest, 0, count, color=colour),
            f"{count:,}",
            f"{count / summary.total:.1%}",
        )
    return table


def _position(item: tuple[DeliveryStatus, int]) -> tuple[int, int]:
    status, count = item
    return _ORDER.index(status.category), -count
