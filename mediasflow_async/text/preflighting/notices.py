"""What a preflight reports: problems and warnings, each with a code, a sentence and its rows.

A problem means that the campaign is refused, or that a recipient gets no message; a warning means
that what is sent may be a surprise. Rows are counted, and the first 10 of them named, so that a
report has the same size for any number of rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from attrs import define, field, frozen

__all__ = [
    "Notice",
    "NoticeCode",
    "ProblemCode",
    "RowCount",
    "WarningCode",
    "in_order",
    "notice",
]


@frozen
class Notice:
    """One thing that a preflight found. It holds no phone number and no text of a message.

    Attributes:
        code: what was found.
        message: the same as a sentence, in English.
        about: the field, the link or the part of the request that it is about; None for the whole.
        count: how many recipients it concerns; 0 when it is about the request alone.
        rows: the rows of the first 10 of them, counted from 1.
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


class ProblemCode(StrEnum):
    """Why a campaign would be refused, or a recipient would get no message."""

    INVALID_REQUEST = "INVALID_REQUEST"
    """A field of the request breaks a rule of the API. `session.campaigns.preflight` reports it."""
    SCHEDULE_WITHOUT_ZONE = "SCHEDULE_WITHOUT_ZONE"
    """`schedule_on` has no time zone."""
    SCHEDULE_IN_PAST = "SCHEDULE_IN_PAST"
    """`schedule_on` has passed."""
    SCHEDULE_TOO_SOON = "SCHEDULE_TOO_SOON"
    """`schedule_on` is less than 5 minutes ahead."""
    UNKNOWN_FIELD = "UNKNOWN_FIELD"
    """A field of the message or of a link has neither a column nor a default."""
    MISSING_LINK = "MISSING_LINK"
    """The message shows a `track_n` for which there is no `TinyUrl`."""
    MISSING_PAGE = "MISSING_PAGE"
    """The page of a LOCAL link is not in `zip_local`, or that is no zip."""
    NOT_AN_IMAGE = "NOT_AN_IMAGE"
    """`image_preview` is neither a JPEG nor a PNG."""
    NO_NUMBER_COLUMN = "NO_NUMBER_COLUMN"
    """The row has no column called mobile, sms, portable or gsm."""
    UNREADABLE_LINE = "UNREADABLE_LINE"
    """The platform could not read lines of the list."""
    MISSING_NUMBER = "MISSING_NUMBER"
    """The cell with the number is empty."""
    SPOILED_NUMBER = "SPOILED_NUMBER"
    """A spreadsheet has rounded the number, as in 3.36E+10: its digits are lost."""
    SHORT_NUMBER = "SHORT_NUMBER"
    """The number has fewer than 9 digits: a short code, or a number cut off."""
    INVALID_NUMBER = "INVALID_NUMBER"
    """The cell holds no phone number."""
    REFUSED_COUNTRY = "REFUSED_COUNTRY"
    """The account may not send to these countries."""
    RENDERING_FAILED = "RENDERING_FAILED"
    """The template's engine refuses the template or the row."""
    UCS2_IN_MESSAGE = "UCS2_IN_MESSAGE"
    """The message itself has a character outside of GSM-7, and UCS-2 is not allowed."""
    UCS2_IN_FIELD = "UCS2_IN_FIELD"
    """A field has a character outside of GSM-7, and UCS-2 is not allowed."""
    TOO_LONG = "TOO_LONG"
    """The message takes more segments than the account allows."""
    NOT_ENOUGH_CREDIT = "NOT_ENOUGH_CREDIT"
    """The campaign needs more credits than there are."""


class WarningCode(StrEnum):
    """What would be sent, but perhaps not as intended."""

    LISTS_NOT_EXAMINED = "LISTS_NOT_EXAMINED"
    """The recipients are in lists on the platform, whose rows were not given."""
    DUPLICATE_SKIPPED = "DUPLICATE_SKIPPED"
    """The number is in an earlier row, and gets the message once."""
    DUPLICATE_SENT = "DUPLICATE_SENT"
    """The number is in an earlier row, and gets the message again."""
    LANDLINE = "LANDLINE"
    """The number is not a mobile number."""
    MACHINE_NUMBER = "MACHINE_NUMBER"
    """The number is one of those kept for machines: 0700 and 14 digits in all."""
    FOREIGN_NUMBER = "FOREIGN_NUMBER"
    """The number is that of another country."""
    DOUBTFUL_NUMBER = "DOUBTFUL_NUMBER"
    """The number is that of another country, in no range known to be in use (extra `phone`)."""
    NEAR_MISS = "NEAR_MISS"
    """A field of the message has the name of a column but for capitals or blanks."""
    MISSING_FIELD = "MISSING_FIELD"
    """Some rows lack a column, and there is no default."""
    EMPTY_FIELD = "EMPTY_FIELD"
    """Some cells are empty, and there is no default."""
    HTML_ESCAPED = "HTML_ESCAPED"
    """The renderer escapes `&` and `'` for HTML."""
    OTHER_SYNTAX = "OTHER_SYNTAX"
    """A field is written for another renderer, and is sent as it is written."""
    REPLACED = "REPLACED"
    """`replace_to_gsm7` changes characters."""
    UCS2_USED = "UCS2_USED"
    """Messages are sent as UCS-2: 70 characters in a segment, not 160."""
    UCS2_POSSIBLE = "UCS2_POSSIBLE"
    """Cells that were not given could make messages UCS-2."""
    MAY_BE_TOO_LONG = "MAY_BE_TOO_LONG"
    """Cells that were not given could make messages too long."""
    CREDIT_MAY_RUN_OUT = "CREDIT_MAY_RUN_OUT"
    """The worst case needs more credits than there are."""
    NOT_BOUNDED = "NOT_BOUNDED"
    """The template computes, so its longest message cannot be known without the rows."""
    UNUSED_LINK = "UNUSED_LINK"
    """There is a `TinyUrl` whose `track_n` is not in the message."""
    IMAGE_NOT_SHOWN = "IMAGE_NOT_SHOWN"
    """There is an `image_preview`, and the first link has no `is_open_graph=True`."""
    LINK_PARAMETER_CASE = "LINK_PARAMETER_CASE"
    """The name of a link's parameter is not in capitals, as the guide wants it."""
    STOP_MISSING = "STOP_MISSING"
    """A marketing message does not say STOP."""
    STOP_WOULD_NOT_FIT = "STOP_WOULD_NOT_FIT"
    """A STOP that the platform adds would take another segment."""
    SENDER_WITHOUT_STOP_NUMBER = "SENDER_WITHOUT_STOP_NUMBER"
    """The sender is made of letters, and the message names no number to send STOP to."""
    OUTSIDE_LEGAL_HOURS = "OUTSIDE_LEGAL_HOURS"
    """The hour is too early or too late for marketing."""
    QUIET_DAY = "QUIET_DAY"
    """The day is a Sunday or a public holiday."""
    TWELVE_OCLOCK = "TWELVE_OCLOCK"
    """The hour is written as 12, which the server may read as 0."""
    AMBIGUOUS_TIME = "AMBIGUOUS_TIME"
    """The clocks go back, and this time occurs twice."""
    NONEXISTENT_TIME = "NONEXISTENT_TIME"
    """The clocks go forward, and this time does not occur."""


NoticeCode = ProblemCode | WarningCode
_ROWS_SHOWN: Final = 10


def notice(
    code: NoticeCode, about: str | None = None, count: int = 0, rows: Iterable[int] = ()
) -> Notice:
    """Return a notice with the sentence of its code, and the first 10 of `rows`."""
    message = _SENTENCES[code].format(about=about or "the message")
    return Notice(code, message, about, count, tuple(rows)[:_ROWS_SHOWN])


_SENTENCES: Final[dict[NoticeCode, str]] = {
    ProblemCode.SCHEDULE_WITHOUT_ZONE: "schedule_on needs a time zone",
    ProblemCode.SCHEDULE_IN_PAST: "schedule_on has passed",
    ProblemCode.SCHEDULE_TOO_SOON: "schedule_on is at least 5 minutes ahead",
    ProblemCode.NO_NUMBER_COLUMN: (
        "no column is called mobile, sms, portable or gsm: rename the one with the numbers"
    ),
    ProblemCode.UNREADABLE_LINE: "lines of the list could not be read: check its delimiters",
    ProblemCode.MISSING_NUMBER: "the cell of the number is empty: not sent",
    ProblemCode.SPOILED_NUMBER: (
        "a spreadsheet has cut the number short, as in 3.36E+10: not sent; make the column text"
    ),
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
    WarningCode.MACHINE_NUMBER: "number of a machine, such as a modem: check that it is meant",
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
    ProblemCode.MISSING_PAGE: "the page {about} is not in zip_local: its link leads nowhere",
    ProblemCode.NOT_AN_IMAGE: "image_preview is no JPEG and no PNG",
    WarningCode.IMAGE_NOT_SHOWN: "the image is shown where its link has is_open_graph=True",
    ProblemCode.MISSING_LINK: "{about} is in the message, but tiny_urls has no such link",
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


def in_order(notices: Iterable[Notice]) -> tuple[Notice, ...]:
    """Return notices in the order in which `ProblemCode` and `WarningCode` list their codes."""
    return tuple(sorted(notices, key=lambda each: _ORDER[each.code]))


_ORDER: Final[dict[NoticeCode, int]] = {
    code: place for place, code in enumerate((*ProblemCode, *WarningCode))
}


@define
class RowCount:
    """How many rows have something in common, and which.

    Attributes:
        count: how many rows.
        rows: the first 10 of them, counted from 1.
    """

    count: int = 0
    rows: list[int] = field(factory=list)

    def add(self, row: int) -> None:
        """Count one more row."""
        self.count += 1
        if len(self.rows) < _ROWS_SHOWN:
            self.rows.append(row)
