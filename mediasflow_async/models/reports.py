"""Rows of delivery reports, and their sums (Guide: 2.4 to 2.7, 4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from attrs import field, frozen

from mediasflow_async.masking import mask_phone
from mediasflow_async.models.statuses import DeliveryCategory, DeliveryStatus

__all__ = ["MediaType", "ReportRow", "ReportSummary", "Track"]


class MediaType(StrEnum):
    """Media that a report of a period covers (Guide: 2.6, `types`)."""

    SMS = "SMS"
    EMAIL = "EMAIL"
    VOCAL = "VOCAL"


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


def _masked_or_none(number: str | None) -> str:
    return "None" if number is None else mask_phone(number)


@frozen(kw_only=True, slots=False)
class ReportRow:
    """What became of one message to one recipient.

    Guide: 4. A CSV report and a JSON report give the same rows; what one of them does not
    hold is None.

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


@frozen(kw_only=True)
class ReportSummary:
    """How many messages are in which state.

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
        """Return the summary of any number of status codes, most frequent first."""
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
