"""A schedule: every choice of a simulated run, as bytes that Hypothesis makes and shrinks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

__all__ = ["LENGTH", "Schedule"]

_Choice = TypeVar("_Choice")

LENGTH: Final = 96
"""Bytes of a schedule: enough for two workers to go wrong several times over."""


class Schedule:
    """Choices in the order in which a run asks for them.

    Zero is the harmless choice of each, and what all are after the last byte: what goes wrong
    ends by itself, and shrinking leads to the shortest story.

    Args:
        choices: the bytes.
    """

    def __init__(self, choices: bytes) -> None:
        self._choices = iter(choices)
        self.is_over = False

    def number(self) -> int:
        """Return the next byte, 0 after the last one."""
        choice = next(self._choices, None)
        self.is_over = choice is None
        return choice or 0

    def pick(self, options: Sequence[_Choice], rare: Sequence[_Choice] = ()) -> _Choice:
        """Return one of the options, the first for zero; each of the rare ones once in 32."""
        number = self.number()
        from_end = (255 - number) // 8
        return rare[from_end] if from_end < len(rare) else options[number % len(options)]
