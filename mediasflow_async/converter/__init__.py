"""Between the wire and the models: wire names, dates, numbers as text, unknown keys."""

from __future__ import annotations

from mediasflow_async.converter.reading import ModelReader, Unreadable, reader_for
from mediasflow_async.converter.writing import (
    TwelveOClockWarning,
    is_twelve_oclock,
    write_blacklist_entry,
    write_campaign,
)

__all__ = [
    "ModelReader",
    "TwelveOClockWarning",
    "Unreadable",
    "is_twelve_oclock",
    "reader_for",
    "write_blacklist_entry",
    "write_campaign",
]
