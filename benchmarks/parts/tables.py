"""Results as a table for people and as JSON for programs."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import orjson
from attrs import asdict, field, frozen

from parts.measuring import Result

__all__ = [
    "Column",
    "Table",
    "aligned",
    "cpu",
    "faults",
    "figure",
    "peak",
    "per_second",
    "publish",
    "ratio",
]

_PACKAGES: Final = (
    "mediasflow-async httpx attrs cattrs anyio tenacity orjson httptools aiohappyeyeballs uvloop "
    "aiohttp httpx2 httpx-aiohttp pyreqwest aiometer aiostream polars pyarrow ijson"
).split()


@frozen
class Column:
    """One column of a table.

    Attributes:
        title: its heading, with the unit.
        value: gives the value, from a contender's result and the reference's.
        digits: digits after the point.
    """

    title: str
    value: Callable[[Result, Result | None], float]
    digits: int = 0


def cpu(unit: str, *, digits: int = 0, scale: float = 1.0) -> Column:
    """Return the column of CPU time for a unit of work, such as "µs CPU/request"."""
    return Column(unit, lambda result, _: result.cpu_microseconds() * scale, digits)


def ratio(title: str = "ratio", *, digits: int = 2) -> Column:
    """Return the column of CPU time over the reference's, the median of the rounds."""
    return Column(title, _ratio, digits)


def per_second(unit: str, *, digits: int = 0) -> Column:
    """Return the column of units done in a second on the clock, such as "requests/s"."""
    return Column(unit, lambda result, _: result.per_second(), digits)


def faults(unit: str, *, digits: int = 2) -> Column:
    """Return the column of minor page faults for a unit of work."""
    return Column(unit, lambda result, _: result.faults(), digits)


def peak(title: str = "memory +MB", *, digits: int = 1) -> Column:
    """Return the column of the growth of resident memory."""
    return Column(title, lambda result, _: result.peak_megabytes(), digits)


def figure(name: str, title: str = "", *, digits: int = 0) -> Column:
    """Return the column of a figure that the work reports of itself."""
    return Column(title or name, lambda result, _: result.figure(name), digits)


def _ratio(result: Result, reference: Result | None) -> float:
    if reference is None or len(reference.readings) != len(result.readings):
        return math.nan
    return result.ratio_to(reference)


@frozen(kw_only=True)
class Table:
    """Results that belong together.

    Attributes:
        title: what was done, in a line.
        columns: what is shown of each contender.
        results: one for each contender.
        reference: name of the contender whose CPU time is 1.
        facts: sizes and counts that the figures depend on.
    """

    title: str
    columns: Sequence[Column]
    results: Sequence[Result]
    reference: str | None = None
    facts: dict[str, Any] = field(factory=dict)

    def text(self) -> str:
        """Return the table for a terminal."""
        heads = ["", *(column.title for column in self.columns)]
        return f"{self.title}\n{aligned([heads, *map(self._cells, self.results)])}"

    def data(self) -> dict[str, Any]:
        """Return the table for JSON, every reading with it."""
        return {
            "title": self.title,
            "reference": self.reference,
            "facts": self.facts,
            "columns": [column.title for column in self.columns],
            "contenders": [self._row(result) for result in self.results],
        }

    def _values(self, result: Result) -> dict[str, float | None]:
        if not result.readings:
            return {}
        reference = next((one for one in self.results if one.name == self.reference), None)
        values = {column.title: column.value(result, reference) for column in self.columns}
        return {title: None if math.isnan(value) else value for title, value in values.items()}

    def _row(self, result: Result) -> dict[str, Any]:
        readings = [asdict(reading) for reading in result.readings]
        values = self._values(result)
        return {
            "name": result.name,
            "problem": result.problem,
            "medians": values,
            "rounds": readings,
        }

    def _cells(self, result: Result) -> list[str]:
        if not result.readings:
            return [result.name, result.problem]
        values = self._values(result)
        shown = (_shown(values[column.title], column.digits) for column in self.columns)
        return [result.name, *shown]


def _shown(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def aligned(rows: Iterable[Sequence[str]]) -> str:
    """Return rows of cells as lines, the first column to the left, the others to the right.

    A row of two cells is a name and a remark, and sets no width.
    """
    lines = [list(row) for row in rows]
    full = [line for line in lines if len(line) == len(lines[0])]
    widths = [max(map(len, column)) for column in zip(*full, strict=True)]
    widths[0] = max(len(line[0]) for line in lines)
    return "\n".join(_line(line, widths) for line in lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = cells
    first = first.ljust(widths[0])
    if len(cells) != len(widths):
        return "  ".join([first, *others])
    cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
    return "  ".join([first, *cells])


def publish(program: str, tables: Sequence[Table], file: Path | None = None) -> None:
    """Print tables, and write them to a file as JSON together with facts of the machine.

    Raises:
        SystemExit: with 1, when a contender failed that is installed.
    """
    print("\n\n".join(table.text() for table in tables))
    if file:
        data = {
            "program": program,
            "machine": _machine_facts(),
            "tables": [table.data() for table in tables],
        }
        file.write_bytes(orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    if any(one.problem.startswith("failed") for table in tables for one in table.results):
        raise SystemExit(1)


def _machine_facts() -> dict[str, Any]:
    """Return what the figures depend on; no name and no path of this machine is in it."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.machine()}",
        "processors": os.cpu_count(),
        "versions": {name: found for name in _PACKAGES if (found := _version(name))},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
