"""Tables, bars and panels."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from itertools import accumulate
from types import TracebackType
from typing import Any, Final, Self

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

from mediasflow_async.cli.console import COLOURS, NAMES, done, hint, indented
from mediasflow_async.cli.demo_message import Longest
from mediasflow_async.delivery import Parked
from mediasflow_async.models import (
    Campaign,
    DeliveryCategory,
    DeliveryStatus,
    RecipientList,
    ReportSummary,
)
from mediasflow_async.text import Encoding, Notice, Preflight, ProblemCode, TextSize

__all__ = [
    "DeliveryProgress",
    "Row",
    "StackedBar",
    "by_outcome",
    "campaign_table",
    "facts_table",
    "legend",
    "list_table",
    "magic_numbers_table",
    "notices_table",
    "print_json",
    "show",
    "show_parked",
    "size_bars",
    "status_bars",
]


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


class _OutcomeColumn(ProgressColumn):
    """The bar of a task, parted by what became of the messages."""

    max_refresh = None

    def render(self, task: Task) -> StackedBar:
        return StackedBar(task.fields["counts"])


class DeliveryProgress:
    """A bar that fills as statuses become final; use it in a `with` block.

    Args:
        console: where it is shown; nothing is, where that is no terminal.
        total: how many messages there are.
    """

    def __init__(self, console: Console, total: int) -> None:
        self._bar = Progress(
            SpinnerColumn(),
            _OutcomeColumn(Column(ratio=1)),
            TextColumn("{task.completed:,.0f}/{task.total:,.0f}"),
            TimeElapsedColumn(),
            expand=True,
        )
        counts = {DeliveryCategory.PENDING: total}
        self._task = self._bar.add_task("", total=total, counts=counts)
        self._live = Live(self._view(counts), console=console, transient=True)

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
        """Show where the campaign stands."""
        counts = by_outcome(summary)
        self._bar.update(
            self._task, total=summary.total, completed=summary.final_count, counts=counts
        )
        self._live.update(self._view(counts))

    def _view(self, counts: dict[DeliveryCategory, int]) -> Padding:
        return Padding(Group(self._bar, "", legend(counts)), (0, 3))


async def show_parked(
    screen: Console, parked: AsyncGenerator[Parked, None], *, as_json: bool
) -> int:
    """Print what waits for a person, as lines of JSON too where asked for, and count it."""
    count = 0
    async with aclosing(parked) as campaigns:
        async for campaign in campaigns:
            count += 1
            if as_json:
                print_json(_data(campaign))
            else:
                _show(screen, campaign)
    return count


def print_json(data: Mapping[str, Any]) -> None:
    """Print an object as a line of JSON."""
    sys.stdout.write(json.dumps(data, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _data(campaign: Parked) -> dict[str, Any]:
    launched_at = campaign.launched_at
    return {
        "kind": "parked",
        "key": campaign.key,
        "campaign_id": campaign.campaign_id,
        "reason": campaign.reason,
        "since": campaign.since.isoformat(),
        "launched_at": None if launched_at is None else launched_at.isoformat(),
        "advice": campaign.advice,
    }


def _show(screen: Console, campaign: Parked) -> None:
    since = f"{campaign.since:%Y-%m-%d %H:%M} UTC"
    screen.print(
        Text.assemble(
            ("? ", "bold yellow"),
            (campaign.key, "bold"),
            f"  campaign {campaign.campaign_id}, {campaign.reason}, since {since}",
        ),
        soft_wrap=True,
    )
    screen.print(Padding(Text(_on_the_command_line(campaign.advice), style="dim"), (0, 2)))


def _on_the_command_line(advice: str) -> str:
    """Return the advice with the options of `batch resolve` for the arguments of `resolve`."""
    yes, no = "resolve it with --launched", "resolve it with --not-launched"
    told = advice.replace("resolve the key with launched=True", yes)
    return told.replace("resolve the key with launched=False", no)


_SHOWN_LINES: Final = 6
_CODES: Final = range(100)
# Why recipients of a draft get nothing, by counter.
_LEFT_OUT: Final = {
    "count_duplicate_recipient": "duplicates",
    "count_invalid_recipient": "invalid numbers",
    "count_in_black_list_recipient": "blacklisted",
    "count_error_rendering": "without personalisation",
    "count_not_allow": "not allowed",
    "count_max_credit_over": "too long",
}
Row = tuple[str, str, str]
"""A name, a figure, and what it means."""


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
    shown = ", ".join(map(str, numbers[:_SHOWN_LINES]))
    more = len(numbers) - _SHOWN_LINES
    return f"lines {shown}" + (f" and {more} more" if more > 0 else "")


def campaign_table(draft: Campaign, longest: Longest) -> Table:
    """Return whom a draft goes to, how long it gets and what it costs."""
    left_out = {text: getattr(draft, name) or 0 for name, text in _LEFT_OUT.items()}
    reasons = ", ".join(f"{count:,} {text}" for text, count in left_out.items() if count)
    return facts_table(
        [
            ("Will get it", _figure(draft.count_valid), f"of {_figure(draft.count_recipient)}"),
            ("Left out", f"{sum(left_out.values()):,}", reasons),
            ("Longest message", f"{longest.size.units:,}", _size(longest.size)),
            *_replacements(longest),
            (
                "Credits",
                _figure(draft.credit_count),
                f"{_figure(draft.credit_after_injection)} left after the launch",
            ),
        ]
    )


def _size(size: TextSize) -> str:
    return f"characters in {size.encoding}: {size.segments} SMS, room for {size.remaining} more"


def _replacements(longest: Longest) -> Iterator[Row]:
    if longest.replaced:
        pairs = (f"{each.character} → {each.replacement}" for each in longest.replaced)
        instead = longest.unreplaced
        note = f"(else {instead.encoding}: {instead.segments} SMS)"
        yield "Replaced", str(len(longest.replaced)), f"{', '.join(pairs)}  {note}"


def magic_numbers_table() -> Table:
    """Return which numbers end in which status on the sandbox."""
    table = Table.grid(padding=(0, 2))
    statuses = [status for status in map(DeliveryStatus, _CODES) if status.is_known]
    for category, colour in COLOURS.items():
        of_category = [status for status in statuses if status.category is category]
        if of_category:
            name = Text(f"● {NAMES[category]}", style=colour, no_wrap=True)
            table.add_row(name, Text(", ").join(map(_coded, of_category)))
    return table


def _coded(status: DeliveryStatus) -> Text:
    return Text.assemble((f"{status.code:02}", "bold"), f" {status.label}")


def facts_table(rows: Iterable[Row]) -> Table:
    """Return a line for each fact: what it is, its figure, and what there is to say of it."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(style="bold", justify="right")
    table.add_column()
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _figure(value: float | None) -> str:
    return "?" if value is None else f"{value:,.0f}"


_COLOURS: Final = {Encoding.GSM7: "green", Encoding.UCS2: "yellow"}
_MARKS: Final = {True: ("✗ ", "bold red"), False: ("! ", "bold yellow")}


def show(console: Console, report: Preflight) -> None:
    """Print a report: who gets the message, in how many SMS, and what stands in the way."""
    console.print()
    indented(console, facts_table(_facts(report)))
    if report.histogram:
        console.print()
        indented(console, size_bars(report))
    console.print()
    notices = (*report.problems, *report.warnings)
    if not notices:
        done(console, "Nothing stands in its way")
        return
    indented(console, notices_table(notices))
    if any(each.rows for each in notices):
        hint(console, "Row 1 is the line below the header.")


def _facts(report: Preflight) -> Iterator[Row]:
    left_out = report.recipients - report.sendable
    yield "Will get it", f"{report.sendable:,}", f"of {report.recipients:,}"
    yield "Will not", f"{left_out:,}", "for the reasons below" if left_out else ""
    at_most = "" if report.is_exact else "at most "
    at_hand = "" if report.credit is None else f"of {report.credit:,.0f} at hand"
    yield "Credits", f"{report.credits:,}", f"{at_most}{at_hand}"
    for longest in report.longest[:1]:
        where = "" if longest.row is None else f", row {longest.row:,}"
        size = f"characters in {longest.encoding}: {longest.segments} SMS{where}"
        yield "Longest message", f"{longest.units:,}", size


def size_bars(report: Preflight) -> Table:
    """Return a bar for each encoding and number of SMS, with count and percentage."""
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    table.add_column(justify="right")
    table.add_column(justify="right", style="dim")
    largest = max(report.histogram.values())
    for (encoding, segments), count in sorted(report.histogram.items()):
        colour = _COLOURS[encoding]
        table.add_row(
            Text.assemble(("● ", colour), f"{encoding}, {segments} SMS"),
            Bar(largest, 0, count, color=colour),
            f"{count:,}",
            f"{count / report.sendable:.1%}",
        )
    return table


def notices_table(notices: Iterable[Notice], *, with_rows: bool = True) -> Table:
    """Return problems and warnings: how many people each concerns, what it is, and in which rows.

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
