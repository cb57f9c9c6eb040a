"""Requests and answers as frozen attrs classes, which know nothing of the wire.

They pickle and compare by value, and their repr shows no whole phone number and no message.
"""

from __future__ import annotations

from mediasflow_async.models.campaigns import (
    Campaign,
    CampaignRequest,
    CampaignStatus,
    CampaignType,
    ListType,
    Recipient,
    RecipientList,
    Renderer,
    TinyUrl,
    TinyUrlType,
)
from mediasflow_async.models.reports import (
    BlacklistEntry,
    BlacklistKind,
    DeliveryCategory,
    DeliveryStatus,
    MediaType,
    ReportRow,
    ReportSummary,
    Track,
)

__all__ = [
    "BlacklistEntry",
    "BlacklistKind",
    "Campaign",
    "CampaignRequest",
    "CampaignStatus",
    "CampaignType",
    "DeliveryCategory",
    "DeliveryStatus",
    "ListType",
    "MediaType",
    "Recipient",
    "RecipientList",
    "Renderer",
    "ReportRow",
    "ReportSummary",
    "TinyUrl",
    "TinyUrlType",
    "Track",
]
