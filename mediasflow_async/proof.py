"""Whether a request left this machine, from what the transport itself reports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mediasflow_async.errors import Sent

__all__ = ["Proof"]


class Proof:
    """Follows one request through the trace events of httpx's transport.

    The events are the ones of the `trace` request extension. The first byte of a request
    leaves after ``send_request_headers.started``; the CONNECT of a proxy has that event too,
    and does not count.

    Args:
        is_trusted: whether the transport is known to report. One that is not known is believed
            from its first event on; without any event nothing is proven.
    """

    __slots__ = ("_has_left", "_is_trusted")

    def __init__(self, *, is_trusted: bool) -> None:
        self._is_trusted = is_trusted
        self._has_left = False

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Take an event of the transport."""
        self._is_trusted = True
        if event.endswith("send_request_headers.started"):
            request = info.get("request")
            self._has_left |= getattr(request, "method", None) != b"CONNECT"

    @property
    def verdict(self) -> Sent:
        """What is known while there is no whole answer."""
        return Sent.NOT_SENT if self._is_trusted and not self._has_left else Sent.UNKNOWN
