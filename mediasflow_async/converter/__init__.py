"""Between the wire and the models: a strict writer and a tolerant reader.

The models know nothing of the wire. Here are its names, its dates, its numbers as text and the
members that no model has; rows of reports are read by `rows`, answers as they arrive are cut by
`streams`.
"""

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
