"""HTTP/1.1 on asyncio and uvloop, instead of httpx's: few steps, and proof of what left."""

from mediasflow_async.transport.answers import Answer
from mediasflow_async.transport.outgoing import (
    SMALL_BYTES,
    Head,
    Headers,
    Origin,
    Outgoing,
    head_of,
    outgoing_of,
)
from mediasflow_async.transport.transport import AsyncioTransport

__all__ = [
    "SMALL_BYTES",
    "Answer",
    "AsyncioTransport",
    "Head",
    "Headers",
    "Origin",
    "Outgoing",
    "head_of",
    "outgoing_of",
]
