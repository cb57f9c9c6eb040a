"""Arguments that are taken as they are when they are wrong, for the validation to report.

A model never refuses to be made: all problems of a request are told at once, when it is sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Self, TypeVar, cast

__all__ = ["OpenEnum", "member", "size_only", "tuple_of"]


_Item = TypeVar("_Item")
_Enum = TypeVar("_Enum", bound=StrEnum)


def member(enum: type[_Enum], value: _Enum | str | None) -> Any:
    """Return the member of an enumeration, or the value itself when it is none."""
    if value is None or type(value) is enum:
        return value
    try:
        return enum(value)
    except ValueError:
        return value


def tuple_of(value: Iterable[_Item] | None) -> tuple[_Item, ...]:
    """Return the items as a tuple, or what is no list as it is."""
    if value is None:
        return ()
    if type(value) is tuple:
        return value
    if type(value) is list:
        return tuple(value)
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        # A tuple of the characters of a text would hide the mistake from the validation.
        return cast("tuple[_Item, ...]", value)
    return tuple(value)


def size_only(data: object) -> str:
    """Return what a repr shows of a text or an attachment."""
    if data is None:
        return "None"
    return f"<{len(data)} long>" if isinstance(data, str | bytes) else f"<{type(data).__name__}>"


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
