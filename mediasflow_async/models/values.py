"""What the models have in common: enumerations that stay open, and converters that never raise.

A wrong argument is kept as it is, so that the validation can report it with all others. Text is
wrong that no request can carry: a `str` may hold half of a surrogate pair, and UTF-8 may not.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, Final, Self, TypeVar, cast

__all__ = [
    "ENCODABLE_RULE",
    "LARGEST_EXACT_FLOAT",
    "PLAIN",
    "OpenEnum",
    "is_encodable",
    "is_file_name",
    "is_nothing",
    "member",
    "plain_cell",
    "readable_id",
    "size_only",
    "tuple_of",
]

_Item = TypeVar("_Item")
_Enum = TypeVar("_Enum", bound=StrEnum)


class OpenEnum(StrEnum):
    """An enumeration of texts that accepts unknown values, which a server may send any day.

    An unknown value becomes an instance that iteration over the class does not list: it equals
    its text, it pickles, and its `is_known` is False.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = value
        member._value_ = value
        return member

    # By value, since some releases of Python 3.11 pickle a member by its name.
    def __reduce_ex__(self, _protocol: object) -> tuple[Any, ...]:
        return type(self), (self.value,)

    @property
    def is_known(self) -> bool:
        """Whether the guide names this value."""
        return self.value in {member.value for member in type(self)}


def member(enum: type[_Enum], value: _Enum | str | None) -> Any:
    """Return the member of an enumeration, or the value itself when it is none."""
    if value is None or type(value) is enum:
        return value
    try:
        return enum(value)
    except ValueError:
        return value


def tuple_of(value: Iterable[_Item] | None) -> tuple[_Item, ...]:
    """Return the items as a tuple, or a value that is no list as it is."""
    if value is None:
        return ()
    if type(value) is tuple:
        return value
    if type(value) is list:
        return tuple(value)
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        # A text as a tuple of its characters would look like a list to the validation.
        return cast("tuple[_Item, ...]", value)
    return tuple(value)


LARGEST_EXACT_FLOAT: Final = 2**53
"""The largest whole number up to which no float stands for its neighbours as well."""

_LARGEST_ID: Final = 2**63 - 1
_ID_TEXT: Final = re.compile(r"[0-9]{1,19}")


def readable_id(value: object) -> int | None:
    """Return a number that the server may have given, or None: from 1 to 2**63 - 1."""
    if type(value) is not int:
        is_text = isinstance(value, str) and _ID_TEXT.fullmatch(value)
        if not is_text and not (isinstance(value, float) and _is_exact(value)):
            return None
        value = int(cast("str | float", value))
    return value if 0 < value <= _LARGEST_ID else None


def _is_exact(value: float) -> bool:
    return value.is_integer() and abs(value) <= LARGEST_EXACT_FLOAT


ENCODABLE_RULE: Final = "is text that UTF-8 can encode, without half of a surrogate pair"


def is_encodable(text: str) -> bool:
    """Whether UTF-8 can encode a text."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_file_name(path: str | os.PathLike[str]) -> bool:
    """Whether the system can have a file of this name; it may have some that UTF-8 has not."""
    try:
        return b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        return False


def size_only(data: object) -> str:
    """Return what a repr shows of a text or an attachment: its length."""
    if data is None:
        return "None"
    return f"<{len(data)} long>" if isinstance(data, str | bytes) else f"<{type(data).__name__}>"


# Of pandas; the first has no truth value, so that comparing it tells nothing.
_NOTHING: Final = frozenset({"NAType", "NaTType"})


def is_nothing(value: object) -> bool:
    """Whether a cell is empty: None, or a NaN, NaT or NA, as tables of pandas and numpy have it."""
    if value is None or type(value).__name__ in _NOTHING:
        return True
    try:
        return bool(value != value)  # noqa: PLR0124 - that is what a NaN is
    except (TypeError, ValueError):
        return False


PLAIN: Final = frozenset({str, int, bool})
"""Types of cells that `plain_cell` returns as they are."""


def plain_cell(value: Any) -> Any:
    """Return a cell as it was meant: None for what is empty, and an integer for a whole float.

    A column of integers becomes one of floats when a cell of it is empty, and a number in it
    would be written as `33612345678.0`.
    """
    if type(value) in PLAIN:
        return value
    if is_nothing(value):
        return None
    # Floats of numpy have it too, and are no floats of Python.
    is_integer: Callable[[], bool] | None = getattr(value, "is_integer", None)
    return int(value) if is_integer is not None and is_integer() else value
