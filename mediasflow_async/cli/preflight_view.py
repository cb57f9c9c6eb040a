"""A preflight as tables and bars."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from rich.bar import Bar
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mediasflow_async.cli.headings import done, hint, indented
from mediasflow_async.cli.tables import Row, facts_table
from mediasflow_async.text import Encoding, Notice, Preflight, ProblemCode

__all__ = ["notices_table", "show", "size_bars"]

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
