"""Counts as coloured bars."""

from __future__ import annotations

from io import StringIO

from rich.console import Console, RenderableType

from mediasflow_async.cli.views import StackedBar, by_outcome, legend, status_bars
from mediasflow_async.models import DeliveryCategory, ReportSummary

DELIVERED, PENDING, FAILED = (
    DeliveryCategory.DELIVERED,
    DeliveryCategory.PENDING,
    DeliveryCategory.FAILED,
)


def drawn(content: RenderableType, width: int = 40, *, colour: bool = False) -> str:
    file = StringIO()
    console = Console(
        file=file,
        width=width,
        color_system="standard" if colour else None,
        force_terminal=colour,
    )
    console.print(content)
    return file.getvalue()


def test_whatever_can_still_change_is_on_the_way() -> None:
    counts = by_outcome(ReportSummary.of([16, 16, 10, 31, 777, 20]))
    assert counts == {DELIVERED: 2, PENDING: 3, FAILED: 1}


def test_a_stacked_bar_is_parted_in_proportion_with_the_rest_at_its_end() -> None:
    bar = drawn(StackedBar({DELIVERED: 2, PENDING: 1, FAILED: 1})).strip("\n")
    assert bar == "━" * 30 + "╌" * 10


def test_a_stacked_bar_fills_its_width_whatever_the_counts() -> None:
    for counts in ({DELIVERED: 1, FAILED: 2}, {DELIVERED: 997, PENDING: 1, FAILED: 1}):
        assert len(drawn(StackedBar(counts)).strip("\n")) == 40


def test_a_bar_of_nothing_is_empty() -> None:
    assert not drawn(StackedBar({DELIVERED: 0})).strip()


def test_the_parts_have_the_colours_of_their_categories() -> None:
    shown = drawn(StackedBar({DELIVERED: 1, FAILED: 1}), colour=True)
    assert f"\x1b[32m{'━' * 20}\x1b[0m\x1b[31m{'━' * 20}\x1b[0m" in shown


def test_each_status_has_its_count_and_its_part_of_all() -> None:
    lines = drawn(status_bars(ReportSummary.of([16] * 3 + [20])), width=60).splitlines()
    assert [line.split()[1] for line in lines] == ["16", "20"]
    assert lines[0].split()[-2:] == ["3", "75.0%"]
    assert lines[1].split()[-2:] == ["1", "25.0%"]
    assert lines[0].count("█") > 2 * lines[1].count("█")


def test_a_report_without_rows_has_no_bars() -> None:
    assert not drawn(status_bars(ReportSummary.of([]))).strip()


def test_the_legend_names_each_category_that_occurs() -> None:
    text = legend({FAILED: 1, DELIVERED: 1200}).plain
    assert text == "● delivered 1,200   ● failed 1"
