"""What the server tells of numbers: rows of delivery reports, their sums, and the blacklist.

Guide: 2.4 to 2.7, 3 and 4 for reports; 2.9 and 2.10 for the blacklist.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from attrs import field, frozen

from mediasflow_async.models.values import OpenEnum
from mediasflow_async.secrecy import mask_phone

__all__ = [
    "BlacklistEntry",
    "BlacklistKind",
    "DeliveryCategory",
    "DeliveryStatus",
    "MediaType",
    "ReportRow",
    "ReportSummary",
    "Track",
]


def _masked_or_none(number: str | None) -> str:
    return "None" if number is None else mask_phone(number)


@frozen(kw_only=True, slots=False)
class ReportRow:
    """The delivery of one message to one recipient.

    Guide: 4. CSV and JSON reports give the same rows; what a report does not hold is None.

    Attributes:
        campaign_id: the campaign.
        line: line of the recipient in its list.
        mobile: the number in international form.
        status_code: the status as the server numbers it.
        status_text: the status in the server's words.
        sent_at: when it was sent.
        delivered_at: when it was delivered.
        reply: what the person answered.
        list_name: name of the recipient's list.
        message: the text, where the server gives it.
        type: route of the message, such as ``BCAST_MKG`` or ``P2P``.
        previewed_at: when the preview image was shown.
        preview_count: how often it was shown.
        tracks: clicks on the short links.
        fields: your own columns, and every column that this package does not know.
        raw: the whole row of a JSON report; empty for CSV.
    """

    campaign_id: int | None = None
    line: int | None = None
    mobile: str | None = field(default=None, repr=_masked_or_none)
    status_code: int | None = None
    status_text: str | None = None
    sent_at: datetime | None = None
    delivered_at: datetime | None = None
    reply: str | None = field(default=None, repr=False)
    list_name: str | None = None
    message: str | None = field(default=None, repr=False)
    type: str | None = None
    previewed_at: datetime | None = None
    preview_count: int = 0
    tracks: tuple[Track, ...] = ()
    fields: Mapping[str, Any] = field(factory=dict, repr=False)
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)

    @property
    def status(self) -> DeliveryStatus:
        """The status with its meaning."""
        return DeliveryStatus(self.status_code)


@frozen
class Track:
    """Clicks on one short link by one recipient (Guide: 4, TRACK_n).

    Attributes:
        index: 1 for ``${track_1}``, and so on.
        clicked_at: when it was clicked, None when it was not.
        count: how often it was clicked.
    """

    index: int
    clicked_at: datetime | None = None
    count: int = 0


@frozen(kw_only=True)
class ReportSummary:
    """How many messages have which status.

    Attributes:
        by_status: number of rows, by status.
        by_category: number of rows, by category.
        total: number of rows.
    """

    by_status: Mapping[DeliveryStatus, int]
    by_category: Mapping[DeliveryCategory, int]
    total: int

    @property
    def is_final(self) -> bool:
        """Whether there are rows and none of them can still change."""
        return self.total > 0 and all(status.is_final for status in self.by_status)

    @property
    def final_count(self) -> int:
        """How many rows cannot change any more."""
        return sum(count for status, count in self.by_status.items() if status.is_final)

    @classmethod
    def of(cls, status_codes: Iterable[int | None]) -> ReportSummary:
        """Return the summary of any number of status codes, the most frequent first."""
        codes: Counter[DeliveryStatus] = Counter()
        for code, count in Counter(status_codes).items():
            codes[DeliveryStatus(code)] += count
        by_status = dict(codes.most_common())
        by_category: Counter[DeliveryCategory] = Counter()
        for status, count in by_status.items():
            by_category[status.category] += count
        return cls(
            by_status=by_status,
            by_category=dict(by_category.most_common()),
            total=codes.total(),
        )


def _to_code(code: object) -> int | None:
    try:
        return int(str(code))
    except ValueError:
        return None


@frozen
class DeliveryStatus:
    """A delivery status code with its meaning; every value is accepted.

    Guide: 3.

    Attributes:
        code: the number, or None when the server sent something that is no number.
    """

    code: int | None = field(converter=_to_code)

    @property
    def category(self) -> DeliveryCategory:
        """What the code means; UNKNOWN for a code that the guide does not list.

        0, 1, 9 and 11 are PENDING: two of them are the codes that the guide lost.
        """
        if self.code in _TABLE:
            return _TABLE[self.code][1]
        return _PENDING if self.code in _PENDING_GUESSES else _UNKNOWN

    @property
    def label(self) -> str:
        """The guide's English label; the server's own text may be in another language."""
        if self.code in _TABLE:
            return _TABLE[self.code][0]
        is_pending = self.category is _PENDING
        return "In process" if is_pending else f"Unknown status {self.code}"

    @property
    def is_known(self) -> bool:
        """Whether the guide lists the code."""
        return self.code in _TABLE

    @property
    def is_final(self) -> bool:
        """Whether no later report will change it: False while the platform still tries."""
        return self.category not in {_PENDING, _UNKNOWN} and self.code != _FURTHER_ATTEMPTS

    @property
    def is_delivered(self) -> bool:
        """Whether the message is on the phone."""
        return self.category is _DELIVERED

    @property
    def is_opt_out(self) -> bool:
        """Whether the person answered STOP."""
        return self.code == _STOP_REQUESTED

    @property
    def is_permanent(self) -> bool:
        """Whether the number itself is bad, so that a later campaign would fail as well."""
        return self.code in _PERMANENT

    def __int__(self) -> int:
        return -1 if self.code is None else self.code

    def __str__(self) -> str:
        return f"{self.code} {self.label}" if self.is_known else self.label


class DeliveryCategory(StrEnum):
    """What a delivery status means for the sender of a message."""

    PENDING = "PENDING"
    """On its way; a later report will say more."""
    DELIVERED = "DELIVERED"
    """On the phone."""
    FAILED = "FAILED"
    """Handed to the operator, and it did not arrive."""
    NOT_SENT = "NOT_SENT"
    """Refused by the platform before any operator saw it."""
    BLOCKED = "BLOCKED"
    """Not sent because the number is in a blacklist."""
    UNKNOWN = "UNKNOWN"
    """A code that the guide does not list."""


_PENDING, _DELIVERED, _FAILED, _NOT_SENT, _BLOCKED, _UNKNOWN = DeliveryCategory
# The guide's table is damaged (Guide: 3): the codes were matched with its lines by their order, and
# three codes are lost.
_TABLE: Final[dict[int, tuple[str, DeliveryCategory]]] = {
    2: ("Malformed number", _NOT_SENT),
    3: ("Destination not authorized", _NOT_SENT),
    4: ("Duplicate", _NOT_SENT),
    5: ("Personalization error", _NOT_SENT),
    6: ("UCS2 character not authorized", _NOT_SENT),
    7: ("Message too long", _NOT_SENT),
    8: ("Insufficient credit", _NOT_SENT),
    10: ("Posted", _PENDING),
    12: ("Processing error", _NOT_SENT),
    13: ("Operator refused", _FAILED),
    14: ("Present in your blacklist", _BLOCKED),
    15: ("Present in our global blacklist", _BLOCKED),
    16: ("Delivered", _DELIVERED),
    17: ("Delivered + STOP requested", _DELIVERED),
    19: ("Missing rate", _NOT_SENT),
    20: ("Not delivered", _FAILED),
    21: ("Delivered", _DELIVERED),
    22: ("Message expired", _FAILED),
    23: ("Message deleted", _NOT_SENT),
    24: ("Sent", _PENDING),
    25: ("Not delivered", _FAILED),
    26: ("Unknown error", _FAILED),
    27: ("Operator rejected", _FAILED),
    28: ("Posted", _PENDING),
    29: ("Unassigned number", _FAILED),
    30: ("Unassigned number", _FAILED),
    31: ("Mobile unavailable", _FAILED),
    32: ("SMS rejected", _FAILED),
}
# Codes that the table has nowhere: those of "in process" and "sending in progress" are among them.
# The third lost code, that of "present in your client's blacklist", cannot be guessed.
_PENDING_GUESSES: Final = frozenset({0, 1, 9, 11})
_STOP_REQUESTED: Final = 17
_FURTHER_ATTEMPTS: Final = 31
_PERMANENT: Final = frozenset({2, 29, 30})


class MediaType(StrEnum):
    """The media that a report of a period can be limited to (Guide: 2.6, `types`)."""

    SMS = "SMS"
    EMAIL = "EMAIL"
    VOCAL = "VOCAL"
    """Voice messages."""


class BlacklistKind(OpenEnum):
    """What a blacklisted number is protected from (Guide: 2.9)."""

    MOBILE = "MOBILE"
    """SMS."""
    VMS = "VMS"
    """Voice messages."""


def _kind(value: BlacklistKind | str) -> Any:
    """Return the kind of a text, or any other value as it is, for the validation to report."""
    return BlacklistKind(value) if isinstance(value, str) else value


@frozen
class BlacklistEntry:
    """A number in the account's blacklist.

    Guide: 2.9, 2.10. The guide has no example of the listing: what it holds beyond these fields
    is in `extra`.

    Attributes:
        number: the number, as the server or you write it; ``+33612345678`` is best.
        kind: what it is protected from.
        description: why it was added.
        brand: brand that it is blacklisted for; None for the whole account.
        created_at: when it was added, where the server says so.
        raw: the whole answer; empty when you made it, or when the server gave bare numbers.
        extra: what the answer holds beyond the fields above.
    """

    number: str = field(repr=mask_phone)
    kind: BlacklistKind = field(default=BlacklistKind.MOBILE, converter=_kind, kw_only=True)
    description: str | None = field(default=None, kw_only=True, repr=False)
    brand: str | None = field(default=None, kw_only=True)
    created_at: datetime | None = field(default=None, kw_only=True)
    raw: Mapping[str, Any] = field(factory=dict, kw_only=True, repr=False, eq=False)
    extra: Mapping[str, Any] = field(factory=dict, kw_only=True, repr=False)
