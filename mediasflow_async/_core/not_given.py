"""The difference between an option that is not given and one that is None."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum
from typing import Final

__all__ = ["NOT_GIVEN", "Duration", "NotGiven"]


class NotGiven(Enum):
    """The type of `NOT_GIVEN`, which means the default where None means no limit."""

    NOT_GIVEN = "NOT_GIVEN"

    def __repr__(self) -> str:
        return "NOT_GIVEN"


NOT_GIVEN: Final = NotGiven.NOT_GIVEN

Duration = float | timedelta | None
"""A time option: seconds, a timedelta, or None for no limit."""
