"""Facts as tables: a name, a figure, and what it means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from rich.table import Table
from rich.text import Text

from mediasflow_async.cli.demo_message import Longest
from mediasflow_async.cli.palette import COLOURS, NAMES
from mediasflow_async.models import Campaign, DeliveryStatus, RecipientList
from mediasflow_async.text import TextSize

__all__ = ["Row", "campaign_table", "facts_table", "list_table", "magic_numbers_table"]

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
