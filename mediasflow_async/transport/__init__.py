"""HTTP/1.1 on asyncio and uvloop, below httpx: few steps per request, and proof of what left."""

from mediasflow_async.transport.answers import Answer
from mediasflow_async.transport.asyncio_transport import AsyncioTransport
from mediasflow_async.transport.connection import Origin
from mediasflow_async.transport.outgoing import SMALL_BYTES, Outgoing, outgoing_of

__all__ = ["SMALL_BYTES", "Answer", "AsyncioTransport", "Origin", "Outgoing", "outgoing_of"]
