"""A transport that answers from memory, as our own does over a connection: nothing is sent."""

from __future__ import annotations

from typing import Final

from mediasflow_async.transport import Answer, AsyncioTransport, Outgoing
from parts.workload import ANSWER

__all__ = ["MemoryTransport"]

_HEADERS: Final = [
    (b"Server", b"nginx/1.22.1"),
    (b"Date", b"Sun, 22 Nov 2026 11:42:20 GMT"),
    (b"Content-Type", b"application/json"),
    (b"Content-Length", b"%d" % len(ANSWER)),
    (b"Connection", b"keep-alive"),
]


class _Nowhere:
    """Where an answer comes from that is here already."""

    async def wait(self, seconds: float | None) -> bool:  # noqa: ARG002 - nothing is waited for
        """Wait for nothing."""
        return True

    def resume(self) -> None:
        """Go on with nothing."""

    def abort(self) -> None:
        """Close nothing."""


class MemoryTransport(AsyncioTransport):
    """Gives every request the same answer, and tells the proof of a request what it did.

    It is one of ours by its class, so that a session treats it as it does its own.
    """

    async def send(self, outgoing: Outgoing) -> Answer:
        """Return the answer."""
        if outgoing.observer is not None:
            outgoing.observer.leaving()
            outgoing.observer.answered()
        answer = Answer(_Nowhere(), None)
        answer.set_head(200, b"OK", _HEADERS, "1.1")
        answer.add(ANSWER)
        answer.is_complete = True
        answer.source = None
        return answer
