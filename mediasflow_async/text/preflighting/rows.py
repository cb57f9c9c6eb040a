"""The rows of a list: their columns, and the phone number in each. Guide: 2.1 and 2.11.

A row is a mapping from column to value. The recipients of a request are made into rows too, so that
a preflight looks at both in one way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from mmap import mmap
from typing import Any, Final

from mediasflow_async.models import Recipient
from mediasflow_async.text.phones import (
    FRENCH_CODES,
    NOT_KNOWN,
    InvalidPhone,
    check_phone,
    clean_number,
    is_machine,
    is_mobile,
    is_spoiled,
    to_e164,
)
from mediasflow_async.text.preflighting.notices import NoticeCode, ProblemCode, WarningCode

__all__ = [
    "Columns",
    "SeenNumbers",
    "judge_number",
    "number_column",
    "recipient_row",
]


def recipient_row(recipient: Recipient) -> dict[str, Any]:
    """Return a recipient of a request as a row, under the column names of the API."""
    values = {column: getattr(recipient, name) for column, name in _RECIPIENT_COLUMNS.items()}
    given = {column: value for column, value in values.items() if value is not None}
    return {"mobile": recipient.mobile, **given, **recipient.fields}


_RECIPIENT_COLUMNS: Final = {
    "title": "title",
    "lastName": "last_name",
    "firstName": "first_name",
    "email": "email",
    "phone": "phone",
}


class Columns:
    """The columns of all rows so far. A row is searched only if its columns are not those before.

    Attributes:
        names: the names of the columns, in the order in which they came.
    """

    def __init__(self) -> None:
        self.names: dict[str, None] = {}
        self._latest: frozenset[str] = frozenset()
        self._number: str | None = None

    def number_column(self, row: Mapping[str, Any]) -> str | None:
        """Return the name of the row's column of numbers, None when it has none."""
        if row.keys() != self._latest:
            self._learn(row)
        return self._number

    def _learn(self, row: Mapping[str, Any]) -> None:
        self._latest = frozenset(row)
        self._number = number_column(row)
        self.names |= dict.fromkeys(row)


_NUMBER_COLUMNS: Final = ("mobile", "sms", "portable", "gsm")
"""The names that the column of numbers can have, in any letter case. Guide: 2.11."""


def number_column(columns: Mapping[str, Any]) -> str | None:
    """Return the name of the column of numbers, None when there is none.

    Of several, the first in the order of `_NUMBER_COLUMNS` counts.
    """
    by_name = {name.strip().lower(): name for name in reversed(list(columns))}
    return next((by_name[name] for name in _NUMBER_COLUMNS if name in by_name), None)


_FRANCE_CODE: Final = 33_000_000_000

# Metropolitan mobile numbers, by far the most frequent, are read by this one pattern: `to_e164`
# takes several times as long. Prefixes that overseas departments have too are left to it.
_MOBILE: Final = re.compile(r"(?:(?:\+|00)?33|0)?((?!639|69|709)[67][0-9]{8})")

_SPACING: Final = re.compile(r"[ .\u00a0-]+")
_FEWEST_DIGITS: Final = 9


def judge_number(value: object) -> tuple[int | None, tuple[NoticeCode, ...]]:
    """Return the number in a cell, its E.164 digits as an integer, and the codes of its notices.

    The number is None when no message can be sent to it.
    """
    text = "" if value is None else str(value)
    found = _MOBILE.fullmatch(text) or _MOBILE.fullmatch(_SPACING.sub("", text))
    if found:
        return _FRANCE_CODE + int(found[1]), ()
    if not text.strip():
        return None, (ProblemCode.MISSING_NUMBER,)
    try:
        e164 = to_e164(text)
    except InvalidPhone:
        if is_spoiled(clean_number(text)):
            return None, (ProblemCode.SPOILED_NUMBER,)
        short = sum(map(str.isdigit, text)) < _FEWEST_DIGITS
        return None, (ProblemCode.SHORT_NUMBER if short else ProblemCode.INVALID_NUMBER,)
    return int(e164[1:]), tuple(_doubts(e164))


def _doubts(e164: str) -> Iterator[NoticeCode]:
    if e164.startswith(FRENCH_CODES):
        if is_machine(e164):
            yield WarningCode.MACHINE_NUMBER
        elif not is_mobile(e164):
            yield WarningCode.LANDLINE
        return
    check = check_phone(e164)
    yield WarningCode.FOREIGN_NUMBER
    if check.is_mobile is False:
        yield WarningCode.LANDLINE
    if NOT_KNOWN in check.warnings:
        yield WarningCode.DOUBTFUL_NUMBER


_FIRST_MOBILE: Final = _FRANCE_CODE + 600_000_000
_MOBILE_COUNT: Final = 200_000_000


class SeenNumbers:
    """The set of numbers in the rows so far.

    A French mobile number takes one bit of a bitmap in anonymous memory, whose pages the system
    allocates on first use: 25 MB with every French mobile number in it, and never more. Any other
    number takes about 70 bytes.
    """

    def __init__(self) -> None:
        self._mobiles = mmap(-1, _MOBILE_COUNT // 8)
        self._others: set[int] = set()

    def add(self, number: int) -> bool:
        """Add a number; tell whether it is new."""
        place = number - _FIRST_MOBILE
        if not 0 <= place < _MOBILE_COUNT:
            known = number in self._others
            self._others.add(number)
            return not known
        byte, bit = place >> 3, 1 << (place & 7)
        bits = self._mobiles[byte]
        self._mobiles[byte] = bits | bit
        return not bits & bit
