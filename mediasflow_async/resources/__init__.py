"""The four sub-clients of a session: one request and one model per method."""

from __future__ import annotations

from mediasflow_async.resources.blacklist import Blacklist
from mediasflow_async.resources.campaigns import Campaigns
from mediasflow_async.resources.lists import Lists
from mediasflow_async.resources.reports import Reports

__all__ = ["Blacklist", "Campaigns", "Lists", "Reports"]
