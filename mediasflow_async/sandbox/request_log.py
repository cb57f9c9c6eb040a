"""The requests that came in, to assert on."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from attrs import evolve, field, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mediasflow_async.sandbox.http import Request

KEPT_BYTES = 1 << 20

_MASK = "***"


@frozen(kw_only=True)
class RecordedRequest:
    """One request.

    Attributes:
        method: in capitals.
        path: below the base URL, without slashes at its ends.
        query: parameters of the URL.
        headers: names in lower case; credentials are masked.
        body: its first MiB; a login's password is masked, and so is the whole body where a login
            may have gone to the wrong path.
        operation: its name as in `Fault.operation`, empty for a path that is not the API's.
        status: of the answer; None while there is none, or when a fault took it.
        received_at: by the sandbox's clock.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    operation: str
    status: int | None = None
    received_at: datetime


class RequestLog:
    """Every request since the start or the last `clear`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: dict[int, RecordedRequest] = {}
        self._next = 0

    def receive(self, request: Request, operation: str, now: datetime) -> int:
        """Record a request and return its number for `finish`."""
        recorded = RecordedRequest(
            method=request.method,
            path=request.path,
            query=request.query,
            headers=_masked(request.headers),
            body=request.body[:KEPT_BYTES],
            operation=operation,
            received_at=now,
        )
        with self._lock:
            self._next += 1
            self._requests[self._next] = recorded
            return self._next

    def finish(self, number: int, status: int) -> None:
        """Record the status of an answer."""
        with self._lock:
            if number in self._requests:
                self._requests[number] = evolve(self._requests[number], status=status)

    def clear(self) -> None:
        """Forget every request."""
        with self._lock:
            self._requests.clear()

    @property
    def requests(self) -> tuple[RecordedRequest, ...]:
        """The requests in the order of their arrival."""
        with self._lock:
            return tuple(self._requests.values())


def _masked(headers: Mapping[str, str]) -> dict[str, str]:
    return {
        name: f"{value.partition(' ')[0]} {_MASK}" if name == "authorization" else value
        for name, value in headers.items()
    }
