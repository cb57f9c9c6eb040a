"""What is sent and what comes back, as frozen classes that know nothing of the wire."""

from __future__ import annotations

from mediasflow_async.models.blacklist import BlacklistEntry, BlacklistKind
from mediasflow_async.models.campaign_requests import CampaignRequest
from mediasflow_async.models.campaign_values import (
    CampaignStatus,
    CampaignType,
    Renderer,
    TinyUrlType,
)
from mediasflow_async.models.campaigns import Campaign
from mediasflow_async.models.links import TinyUrl
from mediasflow_async.models.lists import ListType, RecipientList
from mediasflow_async.models.recipients import Recipient
from mediasflow_async.models.reports import MediaType, ReportRow, ReportSummary, Track
from mediasflow_async.models.statuses import DeliveryCategory, DeliveryStatus

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
