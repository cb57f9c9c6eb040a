"""HTTP/1.1 on asyncio and uvloop, below httpx: few steps per request, and proof of what left."""

from mediasflow_async.transport.connection import Origin
from mediasflow_async.transport.http1 import SMALL_BYTES, Answer, Outgoing, outgoing_of
from mediasflow_async.transport.transport import AsyncioTransport

__all__ = ["SMALL_BYTES", "Answer", "AsyncioTransport", "Origin", "Outgoing", "outgoing_of"]
