"""What a preflight tells: problems and warnings, with the rows that they concern."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from attrs import frozen

from mediasflow_async.text.preflighting.codes import NoticeCode, ProblemCode, WarningCode
from mediasflow_async.text.preflighting.tallies import ROWS_SHOWN

__all__ = ["Notice", "in_order", "notice"]

_ORDER: Final[dict[NoticeCode, int]] = {
    code: place for place, code in enumerate((*ProblemCode, *WarningCode))
}

_SENTENCES: Final[dict[NoticeCode, str]] = {
    ProblemCode.SCHEDULE_WITHOUT_ZONE: "schedule_on needs a time zone",
    ProblemCode.SCHEDULE_IN_PAST: "schedule_on has passed",
    ProblemCode.SCHEDULE_TOO_SOON: "schedule_on is at least 5 minutes ahead",
    ProblemCode.NO_NUMBER_COLUMN: (
        "no column is called mobile, sms, portable or gsm: rename the one with the numbers"
    ),
    ProblemCode.UNREADABLE_LINE: "lines of the list could not be read: check its delimiters",
    ProblemCode.MISSING_NUMBER: "the cell of the number is empty: not sent",
    ProblemCode.SHORT_NUMBER: "too few digits for a phone number: not sent",
    ProblemCode.INVALID_NUMBER: "not a phone number: not sent",
    ProblemCode.REFUSED_COUNTRY: "the account may not send to {about}",
    ProblemCode.RENDERING_FAILED: "the message cannot be personalised: not sent",
    ProblemCode.UCS2_IN_MESSAGE: (
        "the message has characters outside of GSM-7, and nothing is sent: replace them, "
        "or set allow_ucs2=True"
    ),
    ProblemCode.UCS2_IN_FIELD: (
        "{about} has characters outside of GSM-7: not sent, unless replace_to_gsm7 knows them or "
        "allow_ucs2=True"
    ),
    ProblemCode.TOO_LONG: "longer than the account allows: not sent",
    WarningCode.LISTS_NOT_EXAMINED: (
        "the lists are on the platform: give their rows, or what their upload answered"
    ),
    WarningCode.DUPLICATE_SKIPPED: "the same number came before: it gets the message once",
    WarningCode.DUPLICATE_SENT: (
        "the same number came before: it gets the message again, with check_duplicate=False"
    ),
    WarningCode.LANDLINE: "no mobile number: it will hardly receive an SMS",
    WarningCode.FOREIGN_NUMBER: (
        "number of another country: the account has to allow it, and its price may differ"
    ),
    WarningCode.DOUBTFUL_NUMBER: "in no range known to be in use: mistyped, or very new",
    WarningCode.MISSING_FIELD: "no column {about}: the message has a hole there; give a default",
    WarningCode.EMPTY_FIELD: "{about} is empty: the message has a hole there; give a default",
    WarningCode.REPLACED: "characters of {about} are replaced by their likes in GSM-7",
    WarningCode.UCS2_USED: "UCS-2, which takes 70 characters in a segment instead of 160",
    WarningCode.UCS2_POSSIBLE: (
        "one cell outside of GSM-7 makes its message UCS-2; the worst case counts on it everywhere"
    ),
    WarningCode.NOT_BOUNDED: (
        "the template computes, so the figures are those of the longest cells and no upper bound"
    ),
    WarningCode.MISSING_LINK: "{about} is in the message, but tiny_urls has no such link",
    WarningCode.UNUSED_LINK: "the link of {about} is not in the message",
    WarningCode.LINK_PARAMETER_CASE: (
        "the guide wants parameter names in capitals, the same as the field's: {about}"
    ),
    WarningCode.STOP_MISSING: (
        "marketing needs a way out: end the message with STOP and the short code, as in STOP 36184"
    ),
    WarningCode.STOP_WOULD_NOT_FIT: (
        "if the platform adds its STOP, of 11 characters, the message takes another segment"
    ),
    WarningCode.SENDER_WITHOUT_STOP_NUMBER: (
        "nobody can answer to a sender made of letters: name the short code, as in STOP 36184"
    ),
    WarningCode.TWELVE_OCLOCK: (
        "an hour written as 12 may be read as 0, and the campaign sent at once: avoid 12:00-12:59"
    ),
    WarningCode.AMBIGUOUS_TIME: "the clocks go back and this time comes twice: choose another hour",
    WarningCode.NONEXISTENT_TIME: (
        "the clocks go forward and this time does not come: choose another hour"
    ),
}


@frozen
class Notice:
    """One thing that a preflight found. It holds no phone number and no text of a message.

    Attributes:
        code: what it is.
        message: the same as a sentence, in English.
        about: the field, the link or the place that it is about; None for the whole.
        count: recipients concerned; 0 when it is about the request alone.
        rows: the first 10 of them, counted from 1.
    """

    code: NoticeCode
    message: str
    about: str | None = None
    count: int = 0
    rows: tuple[int, ...] = ()

    def __str__(self) -> str:
        if self.code is ProblemCode.INVALID_REQUEST:
            return f"{self.about}: {self.message}"
        if not self.count:
            return self.message
        who = f"{self.count} recipient{'s' if self.count > 1 else ''}"
        return f"{who}{self._places()}: {self.message}"

    def _places(self) -> str:
        if not self.rows:
            return ""
        more = ", ..." if self.count > len(self.rows) else ""
        return f" (row{'s' if self.count > 1 else ''} {', '.join(map(str, self.rows))}{more})"


def notice(
    code: NoticeCode, about: str | None = None, count: int = 0, rows: Iterable[int] = ()
) -> Notice:
    """Return a notice with the sentence of its code."""
    message = _SENTENCES[code].format(about=about or "the message")
    return Notice(code, message, about, count, tuple(rows)[:ROWS_SHOWN])


def in_order(notices: Iterable[Notice]) -> tuple[Notice, ...]:
    """Return notices in the order of their codes."""
    return tuple(sorted(notices, key=lambda each: _ORDER[each.code]))
