"""The colour and the name of each delivery category."""

from __future__ import annotations

from typing import Final

from mediasflow_async.models import DeliveryCategory

__all__ = ["COLOURS", "NAMES"]

COLOURS: Final = {
    DeliveryCategory.DELIVERED: "green",
    DeliveryCategory.PENDING: "yellow",
    DeliveryCategory.FAILED: "red",
    DeliveryCategory.NOT_SENT: "magenta",
    DeliveryCategory.BLOCKED: "bright_black",
    DeliveryCategory.UNKNOWN: "cyan",
}
"""Terminal colour by category, in the order in which categories are shown."""

NAMES: Final = {
    DeliveryCategory.DELIVERED: "delivered",
    DeliveryCategory.PENDING: "on the way",
    DeliveryCategory.FAILED: "failed",
    DeliveryCategory.NOT_SENT: "not sent",
    DeliveryCategory.BLOCKED: "blocked",
    DeliveryCategory.UNKNOWN: "unknown",
}
"""What a category is called in a legend."""
