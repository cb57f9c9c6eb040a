"""Between the wire and the models: wire names, dates, numbers as text, unknown keys."""

from __future__ import annotations

from mediasflow_async.converter.reading import ModelReader, Unreadable, reader_for
from mediasflow_async.converter.writing import (
    ModelWriter,
    TwelveOClockWarning,
    is_twelve_oclock,
    writer_for,
)

__all__ = [
    "ModelReader",
    "ModelWriter",
    "TwelveOClockWarning",
    "Unreadable",
    "is_twelve_oclock",
    "reader_for",
    "writer_for",
]
