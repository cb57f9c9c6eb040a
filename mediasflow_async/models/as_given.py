"""Arguments that are taken as they are when they are wrong, for the validation to report.

A model never refuses to be made: all problems of a request are told at once, when it is sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, TypeVar, cast

__all__ = ["member", "size_only", "tuple_of"]

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
