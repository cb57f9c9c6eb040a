"""Tolerant readers of single values: numbers, booleans and ids that come as text and back."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final, TypeVar

__all__ = [
    "extended_keys",
    "optional",
    "read_bool",
    "read_enum_or_text",
    "read_float",
    "read_int",
    "read_text",
    "read_text_or_none",
]

_Value = TypeVar("_Value")
_DIGITS: Final = re.compile(r"[+-]?[0-9]{1,20}")
_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}


def read_bool(value: object, _: object = None) -> bool:
    """Return a boolean from ``true``, ``"TRUE"``, ``1`` or ``"1"`` and their opposites."""
    try:
        return _BOOLEANS[str(value).strip().lower()]
    except KeyError:
        raise ValueError("expected a boolean") from None


def read_int(value: object, _: object = None) -> int:
    """Return an integer from ``12``, ``12.0`` or ``"12"``."""
    if type(value) is int:
        return value
    if isinstance(value, str) and _DIGITS.fullmatch(value.strip()):
        return int(value)
    number = read_float(value)
    if not number.is_integer():
        raise ValueError("expected an integer")
    return int(number)


def read_float(value: object, _: object = None) -> float:
    """Return a finite number from a number or its text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("expected a number")
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise ValueError("expected a number") from None
    if number - number != 0:
        raise ValueError("expected a finite number")
    return number


def read_text(value: object, _: object = None) -> str:
    """Return text; a number is taken as its digits, an object or an array is refused."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise ValueError("expected text")


def read_text_or_none(value: object, _: object = None) -> str | None:
    """Return text, or None as it is."""
    return value if type(value) is str or value is None else read_text(value)


def read_enum_or_text(enum: type[StrEnum]) -> Callable[[object, object], StrEnum | str]:
    """Return a reader of an enumeration that keeps a value it does not know as text."""
    members: dict[str, StrEnum | str] = {member.value: member for member in enum}

    def read(value: object, _: object) -> StrEnum | str:
        text = read_text(value)
        return members.get(text, text)

    return read


def optional(
    kind: type[_Value], read: Callable[[object, object], _Value]
) -> Callable[[object, object], _Value | None]:
    """Return a reader that takes an empty text for None, and what is of its kind as it is."""

    def read_optional(value: object, target: object) -> _Value | None:
        if type(value) is kind:
            return value
        return None if value == "" else read(value, target)

    return read_optional


def extended_keys(value: object, _: object = None) -> dict[str, Any]:
    """Return a recipient's own fields from either shape that the guide prints (Guide: 2.1).

    An array of ``{"keyName": ..., "keyValue": ...}``, an array of objects, or one object.
    """
    parts = value if isinstance(value, list) else [value]
    fields: dict[str, Any] = {}
    for part in parts:
        if not isinstance(part, Mapping):
            raise ValueError("expected an object")
        fields.update({part["keyName"]: part.get("keyValue")} if "keyName" in part else part)
    return fields
