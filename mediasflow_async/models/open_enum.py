"""Enumerations that keep a value that nobody has seen yet."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Self

__all__ = ["OpenEnum"]


class OpenEnum(StrEnum):
    """A text enumeration that keeps unknown values, so that a new one never breaks a reader.

    An unknown value becomes a member of the class that is not listed by it: it compares equal
    to its text and to itself, it pickles, and `is_known` is False.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = value
        member._value_ = value
        return member

    # By value: some releases of Python 3.11 would look an unknown member up by its name.
    def __reduce_ex__(self, _protocol: object) -> tuple[Any, ...]:
        return type(self), (self.value,)

    @property
    def is_known(self) -> bool:
        """Whether the guide names this value."""
        return self.value in {member.value for member in type(self)}
