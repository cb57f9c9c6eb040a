"""Rules that several requests share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from functools import cache
from operator import attrgetter
from typing import Any, Final

from mediasflow_async.errors import InvalidRequest, Problem

__all__ = [
    "campaign_id_problems",
    "enum_problems",
    "flag_problems",
    "is_id",
    "is_plain_number",
    "listed",
    "number_problems",
    "refuse",
    "sender_problems",
    "text_problems",
]

_SENDER: Final = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9]{3,11}")
_PHONE: Final = re.compile(r"(?:tel:)?\+?[\d\s().-]+", re.IGNORECASE | re.ASCII)
_PLAIN_PHONE: Final = re.compile(r"\+?[0-9]{6,17}")
_SHORTEST_PHONE: Final = 6
_LONGEST_PHONE: Final = 17
_INT64_END: Final = 2**63


def refuse(problems: Iterable[Problem], campaign_id: int | None = None) -> None:
    """Raise `InvalidRequest` with the problems, if there are any."""
    if found := tuple(problems):
        raise InvalidRequest(problems=found, campaign_id=campaign_id)


def is_id(value: object) -> bool:
    """Whether a value can be the number of a campaign or a list."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < _INT64_END


def campaign_id_problems(campaign_id: object) -> Iterator[Problem]:
    """Yield what is wrong with the number of a campaign."""
    if not is_id(campaign_id):
        yield Problem("campaign_id", "the positive number that the server gave to the campaign")


def listed(values: object) -> tuple[Any, ...] | None:
    """Return what a list of values holds, or None for what is none: one value, text, a mapping."""
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        return None
    return tuple(values)


def is_plain_number(number: object) -> bool:
    """Whether a phone number is made of digits alone, as many as one can have."""
    return type(number) is str and _PLAIN_PHONE.fullmatch(number) is not None


def number_problems(where: str, number: object) -> Iterator[Problem]:
    """Yield what is wrong with a phone number on its face; what it says is not repeated."""
    if not isinstance(number, str):
        yield Problem(where, "a phone number is text: as a number it would lose its 0 or +")
    elif not _PHONE.fullmatch(number.strip()):
        yield Problem(where, "a phone number holds digits, spaces, dots and hyphens only")
    elif not _SHORTEST_PHONE <= sum(map(str.isdigit, number)) <= _LONGEST_PHONE:
        rule = f"a phone number has {_SHORTEST_PHONE} to {_LONGEST_PHONE} digits"
        yield Problem(where, rule)


def sender_problems(sender: object) -> Iterator[Problem]:
    """Yield what is wrong with a sender; None is the account's short code (Guide: 2.1)."""
    if sender is None or (isinstance(sender, str) and _SENDER.fullmatch(sender)):
        return
    yield Problem("sender", "3 to 11 letters A-Z and digits, not digits only")


def text_problems(where: str, owner: object, names: tuple[str, ...]) -> Iterator[Problem]:
    """Yield a problem for each of several attributes that is neither text nor None."""
    yield from _kind_problems(where, owner, names, str, "is text")


def flag_problems(where: str, owner: object, names: tuple[str, ...]) -> Iterator[Problem]:
    """Yield a problem for each of several attributes that is neither a boolean nor None."""
    yield from _kind_problems(where, owner, names, bool, "is True, False or None")


def _kind_problems(
    where: str, owner: object, names: tuple[str, ...], kind: type[object], rule: str
) -> Iterator[Problem]:
    values = _getter(names)(owner)
    if {kind, type(None)}.issuperset(map(type, values)):
        return
    for name, value in zip(names, values, strict=True):
        if not isinstance(value, kind | None):
            yield Problem(f"{where}{name}", rule)


@cache
def _getter(names: tuple[str, ...]) -> attrgetter[tuple[object, ...]]:
    return attrgetter(*names)


def enum_problems(where: str, value: object, enum: type[StrEnum]) -> Iterator[Problem]:
    """Yield a problem for a value that is neither None nor a member."""
    if value is not None and not isinstance(value, enum):
        yield Problem(where, f"is one of {', '.join(enum)}")
