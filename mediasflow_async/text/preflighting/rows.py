"""Rows: their columns, and the recipients of a request as rows (Guide: 2.1, 2.11)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from mmap import mmap
from typing import Any, Final

from mediasflow_async.models import Recipient
from mediasflow_async.text.phones import NOT_KNOWN, InvalidPhone, check_phone, is_mobile, to_e164
from mediasflow_async.text.preflighting.notices import NoticeCode, ProblemCode, WarningCode

__all__ = [
    "NUMBER_COLUMNS",
    "Columns",
    "SeenNumbers",
    "judge_number",
    "number_column",
    "recipient_row",
]


def recipient_row(recipient: Recipient) -> dict[str, Any]:
    """Return a recipient as the row of a list, under the names that the API gives to columns."""
    own = {column: getattr(recipient, name) for column, name in _OWN_COLUMNS.items()}
    given = {column: value for column, value in own.items() if value is not None}
    return {"mobile": recipient.mobile, **given, **recipient.fields}


_OWN_COLUMNS: Final = {
    "title": "title",
    "lastName": "last_name",
    "firstName": "first_name",
    "email": "email",
    "phone": "phone",
}


class Columns:
    """The columns of the rows met so far; rows of one list have the same, others need not."""

    def __init__(self) -> None:
        self.names: dict[str, None] = {}
        self._latest: frozenset[str] = frozenset()
        self._number: str | None = None

    def number_column(self, row: Mapping[str, Any]) -> str | None:
        """Return the name of the row's column of numbers."""
        if row.keys() != self._latest:
            self._learn(row)
        return self._number

    def _learn(self, row: Mapping[str, Any]) -> None:
        self._latest = frozenset(row)
        self._number = number_column(row)
        self.names |= dict.fromkeys(row)


NUMBER_COLUMNS: Final = ("mobile", "sms", "portable", "gsm")
"""The names of the column with the numbers, whatever their case. Guide: 2.11."""


def number_column(columns: Mapping[str, Any]) -> str | None:
    """Return the column that holds the numbers, by its name; None when there is none."""
    by_name = {name.strip().lower(): name for name in reversed(list(columns))}
    return next((by_name[name] for name in NUMBER_COLUMNS if name in by_name), None)


_FRANCE: Final = 33_000_000_000

# Metropolitan mobile numbers, by far the most frequent, are read without a second look.
_MOBILE: Final = re.compile(r"(?:(?:\+|00)?33|0)?((?!639|69|709)[67][0-9]{8})")

_SPACING: Final = re.compile(r"[ .\u00a0-]+")
_FEWEST_DIGITS: Final = 9


def judge_number(value: object) -> tuple[int | None, tuple[NoticeCode, ...]]:
    """Return a cell's number, its E.164 digits as an integer, and what is to be said of it.

    The number is None when nothing can be sent to it.
    """
    text = "" if value is None else str(value)
    found = _MOBILE.fullmatch(text) or _MOBILE.fullmatch(_SPACING.sub("", text))
    if found:
        return _FRANCE + int(found[1]), ()
    if not text.strip():
        return None, (ProblemCode.MISSING_NUMBER,)
    try:
        e164 = to_e164(text)
    except InvalidPhone:
        short = sum(map(str.isdigit, text)) < _FEWEST_DIGITS
        return None, (ProblemCode.SHORT_NUMBER if short else ProblemCode.INVALID_NUMBER,)
    return int(e164[1:]), tuple(_doubts(e164))


_FRENCH_CODES: Final = ("+33", "+590", "+594", "+596", "+262")


def _doubts(e164: str) -> Iterator[NoticeCode]:
    if e164.startswith(_FRENCH_CODES):
        if not is_mobile(e164):
            yield WarningCode.LANDLINE
        return
    check = check_phone(e164)
    yield WarningCode.FOREIGN_NUMBER
    if check.is_mobile is False:
        yield WarningCode.LANDLINE
    if NOT_KNOWN in check.warnings:
        yield WarningCode.DOUBTFUL_NUMBER


_FIRST_MOBILE: Final = _FRANCE + 600_000_000
_MOBILES: Final = 200_000_000


class SeenNumbers:
    """The numbers met so far, exactly.

    A French mobile number is one bit of a map that the system fills as it is used: 25 MB when
    every number of France is in it, and never more. Others take about 70 bytes each.
    """

    def __init__(self) -> None:
        self._mobiles = mmap(-1, _MOBILES // 8)
        self._others: set[int] = set()

    def add(self, number: int) -> bool:
        """Remember a number; tell whether it is new."""
        place = number - _FIRST_MOBILE
        if not 0 <= place < _MOBILES:
            known = number in self._others
            self._others.add(number)
            return not known
        byte, bit = place >> 3, 1 << (place & 7)
        bits = self._mobiles[byte]
        self._mobiles[byte] = bits | bit
        return not bits & bit
