"""How often a thing was found, and where first: the same memory for any number of rows."""

from __future__ import annotations

from typing import Final

from attrs import define, field

__all__ = ["ROWS_SHOWN", "Tally"]

ROWS_SHOWN: Final = 10


@define
class Tally:
    """Rows that have something in common.

    Attributes:
        count: how many they are.
        rows: the first 10 of them.
    """

    count: int = 0
    rows: list[int] = field(factory=list)

    def add(self, row: int) -> None:
        """Count one more row."""
        self.count += 1
        if len(self.rows) < ROWS_SHOWN:
            self.rows.append(row)
