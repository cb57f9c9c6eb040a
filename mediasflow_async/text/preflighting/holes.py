"""Fields of a message without a value (Guide: 2.1, `defaultForHeader`)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from mediasflow_async.text.preflighting.codes import WarningCode
from mediasflow_async.text.preflighting.composing import Composer
from mediasflow_async.text.preflighting.notices import Notice, notice
from mediasflow_async.text.preflighting.tallies import Tally

__all__ = ["Holes"]


class Holes:
    """Counts, for each field of a message, the rows that leave it without a value.

    Attributes:
        missing: rows that have no such column, and there is no default.
        empty: rows whose cell is empty, and there is no default.
        defaulted: how many rows get the default.
    """

    def __init__(self, composer: Composer) -> None:
        self.missing = defaultdict[str, Tally](Tally)
        self.empty = defaultdict[str, Tally](Tally)
        self.defaulted = Counter[str]()
        self._composer = composer

    def look(self, number: int, row: Mapping[str, Any]) -> None:
        """Count the row with this number."""
        for name in self._composer.fields:
            if not row.get(name):
                self._count(number, name, row)

    def _count(self, number: int, name: str, row: Mapping[str, Any]) -> None:
        value = row.get(name)
        if value is not None and value != "":
            return
        if self._composer.defaults.get(name) is not None:
            self.defaulted[name] += 1
        else:
            (self.empty if name in row else self.missing)[name].add(number)

    def notices(self) -> Iterator[Notice]:
        """Yield a notice for each field that is empty somewhere; the missing ones need names."""
        for name, tally in self.empty.items():
            yield notice(WarningCode.EMPTY_FIELD, name, tally.count, tally.rows)
