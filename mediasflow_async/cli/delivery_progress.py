"""The live view of a campaign that is being delivered."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console, Group
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
from rich.table import Column

from mediasflow_async.cli.bars import StackedBar, by_outcome, legend
from mediasflow_async.models import DeliveryCategory, ReportSummary

__all__ = ["DeliveryProgress"]


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
