"""Where the characters outside of GSM-7 come from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from attrs import frozen

from mediasflow_async.text.preflighting.codes import WarningCode
from mediasflow_async.text.preflighting.composing import Composer
from mediasflow_async.text.preflighting.notices import Notice, notice
from mediasflow_async.text.preflighting.tallies import Tally
from mediasflow_async.text.templates.lookup import look_up, look_up_loosely
from mediasflow_async.text.transliteration import Culprit, equivalent, find_culprits

__all__ = ["CulpritSource", "CulpritSources"]

_MOST_SOURCES: Final = 100


@frozen
class CulpritSource:
    """A character outside of GSM-7, and where it comes from.

    Attributes:
        column: the column whose cells hold it; None when it is in the message itself.
        character: the character.
        name: its Unicode name.
        replacement: what `replace_to_gsm7` can be expected to write; None where it has nothing.
        count: recipients whose message it is in.
        rows: the first 10 of them, counted from 1; empty when it is in every message.
    """

    column: str | None
    character: str
    name: str
    replacement: str | None
    count: int
    rows: tuple[int, ...] = ()


class CulpritSources:
    """Counts characters by column: the first hundred pairs of them, so that memory is bounded.

    Attributes:
        remain_in_message: whether the message itself keeps such a character after replacing.
    """

    def __init__(self, composer: Composer) -> None:
        self._composer = composer
        self._cells = dict[tuple[str, str, str], Tally]()
        self._replaced = defaultdict[str, Tally](Tally)
        self.remain_in_message = any(map(composer.remains, composer.culprits))

    def look(self, number: int, row: Mapping[str, Any]) -> None:
        """Count the characters of the row with this number, each once in a cell."""
        for column, culprits in self._culprits(row):
            for each in _distinct(culprits):
                key = column, each.character, each.name
                if key in self._cells or len(self._cells) < _MOST_SOURCES:
                    self._cells.setdefault(key, Tally()).add(number)
            if not all(map(self._composer.remains, culprits)):
                self._replaced[column].add(number)

    def remaining_in(self, row: Mapping[str, Any]) -> list[str]:
        """Return the columns of a row that keep such a character after replacing."""
        return [
            column
            for column, culprits in self._culprits(row)
            if any(map(self._composer.remains, culprits))
        ]

    def found(self, messages: int) -> tuple[CulpritSource, ...]:
        """Return what was found, the message's own characters first: they are in every message."""
        own = (
            CulpritSource(None, each.character, each.name, equivalent(each.character), messages)
            for each in _distinct(self._composer.culprits)
        )
        cells = (
            CulpritSource(*key, equivalent(key[1]), tally.count, tuple(tally.rows))
            for key, tally in self._cells.items()
        )
        return (*own, *cells)

    def notices(self, messages: int) -> Iterator[Notice]:
        """Yield a notice for each place where characters are replaced."""
        if not all(map(self._composer.remains, self._composer.culprits)):
            yield notice(WarningCode.REPLACED, count=messages)
        for column, tally in self._replaced.items():
            yield notice(WarningCode.REPLACED, column, tally.count, tally.rows)

    def _culprits(self, row: Mapping[str, Any]) -> Iterator[tuple[str, tuple[Culprit, ...]]]:
        defaults = self._composer.defaults
        for name in self._composer.fields:
            value = look_up(name, row, defaults)
            if value is None:
                value = look_up_loosely(name, row, defaults)
            if value:
                yield name, find_culprits(str(value))


def _distinct(culprits: Iterable[Culprit]) -> Iterable[Culprit]:
    return {each.character: each for each in culprits}.values()
