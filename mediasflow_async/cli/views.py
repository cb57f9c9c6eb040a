"""Tables and bars that show what the platform answers: lists, drafts, deliveries, preflights.

Commands print them on their own console. All of them name delivery categories in the same words
and colours, `CATEGORY_NAMES` and `CATEGORY_COLOURS`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from types import TracebackType
from typing import Final, Self

from attrs import frozen
from rich.bar import Bar
from rich.console import Console, ConsoleOptions, Group
from rich.live import Live
from rich.padding import Padding
from rich.progress import (
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.segment import Segment
from rich.style import Style
from rich.table import Column, Table
from rich.text import Text

from mediasflow_async.models import (
    Campaign,
    DeliveryCategory,
    DeliveryStatus,
    RecipientList,
    ReportSummary,
)
from mediasflow_async.text import Notice, ProblemCode

__all__ = [
    "CATEGORY_COLOURS",
    "CATEGORY_NAMES",
    "DeliveryProgress",
    "Fact",
    "ShareBar",
    "StackedBar",
    "by_outcome",
    "campaign_table",
    "facts_table",
    "legend",
    "list_table",
    "notices_table",
    "share_bars",
    "status_bars",
]

Fact = tuple[str, str, str]
"""A line of a table of facts: a name, a figure, and what it means."""

_MAX_LINE_NUMBERS: Final = 6
# Why recipients of a draft get nothing, by counter of the answer (Guide: 2.1).
_LEFT_OUT: Final = {
    "count_duplicate_recipient": "duplicates",
    "count_invalid_recipient": "invalid numbers",
    "count_in_black_list_recipient": "blacklisted",
    "count_error_rendering": "without personalisation",
    "count_not_allow": "not allowed",
    "count_max_credit_over": "too long",
}


def facts_table(facts: Iterable[Fact]) -> Table:
    """Return a table with a line for each fact."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(style="bold", justify="right")
    table.add_column()
    for fact in facts:
        table.add_row(*map(Text, fact))
    return table


def list_table(uploaded: RecipientList) -> Table:
    """Return what the platform says of an uploaded list (Guide: 2.11.1)."""
    return facts_table(
        [
            ("Lines", _figure(uploaded.size), f"columns {', '.join(uploaded.header)}"),
            ("Valid numbers", _figure(uploaded.valid_number_mobile), _countries(uploaded)),
            (
                "Invalid numbers",
                _figure(uploaded.invalid_number_mobile),
                _lines(uploaded.invalid_line_list),
            ),
            (
                "Duplicates",
                _figure(uploaded.count_duplicate_mobile),
                _lines(uploaded.line_duplicate_mobile),
            ),
            ("Empty cells in", "", ", ".join(uploaded.empty_keys) or "no column"),
            ("Character set", "", uploaded.charset_detected or "unknown"),
        ]
    )


def _countries(uploaded: RecipientList) -> str:
    allowed = [f"{code} {count:,}" for code, count in uploaded.valid_country_counter.items()]
    refused = [
        f"{code} {count:,} not allowed" for code, count in uploaded.invalid_country_counter.items()
    ]
    return ", ".join([*allowed, *refused])


def _lines(numbers: Sequence[int]) -> str:
    if not numbers:
        return ""
    shown = ", ".join(map(str, numbers[:_MAX_LINE_NUMBERS]))
    more = len(numbers) - _MAX_LINE_NUMBERS
    return f"lines {shown}" + (f" and {more} more" if more > 0 else "")


def campaign_table(draft: Campaign, message_facts: Iterable[Fact]) -> Table:
    """Return how many recipients a draft goes to, and what it costs.

    Args:
        draft: the answer to its preparation.
        message_facts: what is known of its message, shown between the two.
    """
    left_out = {text: getattr(draft, name) or 0 for name, text in _LEFT_OUT.items()}
    reasons = ", ".join(f"{count:,} {text}" for text, count in left_out.items() if count)
    after_launch = f"{_figure(draft.credit_after_injection)} left after the launch"
    return facts_table(
        [
            ("Will get it", _figure(draft.count_valid), f"of {_figure(draft.count_recipient)}"),
            ("Left out", f"{sum(left_out.values()):,}", reasons),
            *message_facts,
            ("Credits", _figure(draft.credit_count), after_launch),
        ]
    )


def _figure(value: float | None) -> str:
    return "?" if value is None else f"{value:,.0f}"


_MARKS: Final = {True: ("✗ ", "bold red"), False: ("! ", "bold yellow")}


def notices_table(notices: Iterable[Notice], *, with_rows: bool = True) -> Table:
    """Return the problems and warnings of a preflight, each with how many people it concerns.

    Args:
        notices: them, in the order in which they are shown.
        with_rows: whether each is followed by its first rows.
    """
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(style="bold", justify="right")
    table.add_column()
    for each in notices:
        mark, style = _MARKS[isinstance(each.code, ProblemCode)]
        count = f"{each.count:,}:" if each.count else ""
        rows = _rows(each) if with_rows else ""
        table.add_row(Text(mark, style=style), count, Text.assemble(_sentence(each), (rows, "dim")))
    return table


def _sentence(notice: Notice) -> str:
    return str(notice) if notice.code is ProblemCode.INVALID_REQUEST else notice.message


def _rows(notice: Notice) -> str:
    if not notice.rows:
        return ""
    name = "row" if notice.count == 1 else "rows"
    more = notice.count - len(notice.rows)
    shown = ", ".join(f"{row:,}" for row in notice.rows)
    return f"\n{name} {shown}" + (f" and {more:,} more" if more else "")


CATEGORY_COLOURS: Final = {
    DeliveryCategory.DELIVERED: "green",
    DeliveryCategory.PENDING: "yellow",
    DeliveryCategory.FAILED: "red",
    DeliveryCategory.NOT_SENT: "magenta",
    DeliveryCategory.BLOCKED: "bright_black",
    DeliveryCategory.UNKNOWN: "cyan",
}
"""Terminal colour by category, in the order in which categories are shown."""

CATEGORY_NAMES: Final = {
    DeliveryCategory.DELIVERED: "delivered",
    DeliveryCategory.PENDING: "on the way",
    DeliveryCategory.FAILED: "failed",
    DeliveryCategory.NOT_SENT: "not sent",
    DeliveryCategory.BLOCKED: "blocked",
    DeliveryCategory.UNKNOWN: "unknown",
}
"""What a category is called in a legend."""

_ORDER: Final = tuple(CATEGORY_COLOURS)


def status_bars(summary: ReportSummary) -> Table:
    """Return a bar for each status, in the colour of its category, with count and percentage."""
    counts = sorted(summary.by_status.items(), key=_position)
    return share_bars(
        [
            ShareBar(f"{status.code or 0:>2} {status.label}", CATEGORY_COLOURS[status.category], n)
            for status, n in counts
        ],
        summary.total,
    )


def _position(item: tuple[DeliveryStatus, int]) -> tuple[int, int]:
    status, count = item
    return _ORDER.index(status.category), -count


@frozen
class ShareBar:
    """A line of `share_bars`.

    Attributes:
        name: what is counted.
        colour: the colour of the bar.
        count: how many there are.
    """

    name: str
    colour: str
    count: int


def share_bars(bars: Sequence[ShareBar], total: int) -> Table:
    """Return a bar for each count, the largest over the full width, with count and percentage.

    Args:
        bars: the lines, in the order in which they are shown.
        total: the count that is 100 %.
    """
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    table.add_column(justify="right")
    table.add_column(justify="right", style="dim")
    largest = max((bar.count for bar in bars), default=0)
    for bar in bars:
        table.add_row(
            Text.assemble(("● ", bar.colour), bar.name),
            Bar(largest, 0, bar.count, color=bar.colour),
            f"{bar.count:,}",
            f"{bar.count / total:.1%}",
        )
    return table


class DeliveryProgress:
    """A live bar that fills as statuses become final; use it in a `with` block.

    Args:
        screen: where it is shown; nothing is shown where that is no terminal.
        total: how many messages there are.
    """

    def __init__(self, screen: Console, total: int) -> None:
        self._bar = Progress(
            SpinnerColumn(),
            _OutcomeColumn(Column(ratio=1)),
            TextColumn("{task.completed:,.0f}/{task.total:,.0f}"),
            TimeElapsedColumn(),
            expand=True,
        )
        counts = {DeliveryCategory.PENDING: total}
        self._task = self._bar.add_task("", total=total, counts=counts)
        self._live = Live(self._view(counts), console=screen, transient=True)

    def __enter__(self) -> Self:
        self._live.start(refresh=True)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._live.stop()

    def show(self, summary: ReportSummary) -> None:
        """Show how far the delivery has come."""
        counts = by_outcome(summary)
        self._bar.update(
            self._task, total=summary.total, completed=summary.final_count, counts=counts
        )
        self._live.update(self._view(counts))

    def _view(self, counts: dict[DeliveryCategory, int]) -> Padding:
        return Padding(Group(self._bar, "", legend(counts)), (0, 3))


class _OutcomeColumn(ProgressColumn):
    """The bar of a task, with a part for each category."""

    max_refresh = None

    def render(self, task: Task) -> StackedBar:
        return StackedBar(task.fields["counts"])


def by_outcome(summary: ReportSummary) -> dict[DeliveryCategory, int]:
    """Return how many messages ended in which category; all that can still change are PENDING."""
    counts = dict.fromkeys(_ORDER, 0)
    for status, count in summary.by_status.items():
        outcome = status.category if status.is_final else DeliveryCategory.PENDING
        counts[outcome] += count
    return {category: count for category, count in counts.items() if count}


@frozen
class StackedBar:
    """One bar with a part for each category, as wide as its share.

    Attributes:
        counts: how many messages each category has.
    """

    counts: Mapping[DeliveryCategory, int]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        """Yield the parts; PENDING comes last, so that the bar fills from the left."""
        shown = sorted(self.counts, key=lambda each: each is DeliveryCategory.PENDING)
        total = sum(self.counts.values()) or 1
        sums = accumulate((self.counts[category] for category in shown), initial=0)
        ends = [round(value * options.max_width / total) for value in sums]
        for category, start, end in zip(shown, ends, ends[1:], strict=False):
            is_pending = category is DeliveryCategory.PENDING
            style = Style.parse("bright_black" if is_pending else CATEGORY_COLOURS[category])
            yield Segment(("╌" if is_pending else "━") * (end - start), style)


def legend(counts: Mapping[DeliveryCategory, int]) -> Text:
    """Return the counts in words, in the colours of a `StackedBar`."""
    parts = (
        Text.assemble(
            ("● ", CATEGORY_COLOURS[category]), f"{CATEGORY_NAMES[category]} {counts[category]:,}"
        )
        for category in _ORDER
        if category in counts
    )
    return Text("   ").join(parts)
