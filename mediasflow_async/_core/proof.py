"""Whether a request left this machine: what errors, retries and cancelled maps go by.

A request that may have sent SMS is repeated only when it is proven that nothing of it left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mediasflow_async.errors import Sent

__all__ = ["Guard", "Proof"]


Guard = Callable[[], object]
"""Called at the moment before the first byte of a request leaves; what it raises is a veto."""


class Proof:
    """Follows one request through its transport.

    Our own transport calls `leaving` and `answered`. httpx's reports by the events of the
    `trace` request extension: the first byte of a request leaves after
    ``send_request_headers.started``; the CONNECT of a proxy has that event too, and does not
    count.

    Args:
        is_trusted: whether the transport is known to report. One that is not known is believed
            from its first event on; without any event nothing is proven.
        guard: may veto each request before it leaves.

    Attributes:
        is_answered: whether the head of the final answer is complete.
        is_vetoed: whether the guard, or the checksum of a dialect, raised: the error is the
            caller's, whatever its type.
    """

    __slots__ = ("_guard", "_has_left", "_is_trusted", "is_answered", "is_vetoed")

    def __init__(self, *, is_trusted: bool, guard: Guard | None = None) -> None:
        self._is_trusted = is_trusted
        self._guard = guard
        self._has_left = False
        self.is_answered = False
        self.is_vetoed = False

    def leaving(self) -> None:
        """Note that the first byte leaves next, unless the guard raises."""
        if self._guard is not None:
            self.is_vetoed = True
            self._guard()
            self.is_vetoed = False
        self._has_left = True

    def answered(self) -> None:
        """Note that the head of the final answer is complete."""
        self.is_answered = True

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Take an event of httpx's transport."""
        self._is_trusted = True
        if getattr(info.get("request"), "method", None) == b"CONNECT":
            return
        if event.endswith("send_request_headers.started"):
            self.leaving()
        elif event.endswith("receive_response_headers.complete"):
            # Of a tunnel that a proxy has opened, nothing has left yet.
            self.is_answered = self._has_left

    @property
    def verdict(self) -> Sent:
        """What is known while there is no whole answer."""
        return Sent.NOT_SENT if self._is_trusted and not self._has_left else Sent.UNKNOWN
