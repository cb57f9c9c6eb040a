"""What is sent and what comes back, as frozen classes that know nothing of the wire."""

from __future__ import annotations

from mediasflow_async.models.blacklist import BlacklistEntry, BlacklistKind
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
