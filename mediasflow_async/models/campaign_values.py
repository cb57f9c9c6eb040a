"""The values that a campaign and its links can take (Guide: 2.1)."""

from __future__ import annotations

from enum import StrEnum

from mediasflow_async.models.open_enum import OpenEnum

__all__ = ["CampaignStatus", "CampaignType", "Renderer", "TinyUrlType"]


class CampaignType(StrEnum):
    """Why a campaign is sent; it decides the short code and the legal rules (Guide: 2.1)."""

    MKG = "MKG"
    """Marketing, the server's default: sent from 36XXX."""
    NOTIFICATION = "NOTIFICATION"
    """Alerts, password reminders and confirmations only: sent from 38XXX."""


class CampaignStatus(OpenEnum):
    """Where a campaign stands (Guide: 2.1.3.1); an unknown state is kept as it is."""

    DRAFT = "DRAFT"
    """Created; nothing is sent. A cancelled campaign comes back here."""
    INPROGRESS = "INPROGRESS"
    """Being processed."""
    INJECTING = "INJECTING"
    """Being injected: short, unless an error keeps it there."""
    INJECTED = "INJECTED"
    """Sent."""
    SCHEDULED = "SCHEDULED"
    """Waiting for its date."""


class Renderer(StrEnum):
    """Syntax of the personalisation fields in a message (Guide: 2.1)."""

    BASIC = "BASIC"
    """``${FIELD}``, the default."""
    MEDIASFLOW = "MEDIASFLOW"
    """``$$[FIELD]``"""
    MEDIASFLOW_B = "MEDIASFLOW_B"
    """``$$[record]FIELD$$``"""
    HANDLEBARS = "HANDLEBARS"
    """``{{FIELD}}``"""
    EJS = "EJS"
    """``<%= FIELD %>``"""
    VELOCITY = "VELOCITY"
    """``$FIELD``"""


class TinyUrlType(StrEnum):
    """Where a short link leads (Guide: 2.1)."""

    REDIRECT = "REDIRECT"
    """To a web site."""
    LOCAL = "LOCAL"
    """To a page in the zip sent with the campaign."""
