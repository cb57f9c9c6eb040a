"""The log of the requests that came in, for users to assert on.

Credentials are masked before anything is kept, so that a failing assertion prints none.
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from attrs import evolve, field, frozen

from mediasflow_async.sandbox.http import HttpError
from mediasflow_async.sandbox.rules import JSON
from mediasflow_async.sandbox.users import LOGIN, login_data

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mediasflow_async.sandbox.http import Request
    from mediasflow_async.sandbox.rules import ServerRules

__all__ = ["RecordedRequest", "RequestLog"]

_MAX_BODY_BYTES = 1 << 20
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
    """Every request since the start or the last `clear`. Threads may share it.

    Args:
        rules: say which field of a login holds the password.
    """

    def __init__(self, rules: ServerRules) -> None:
        self._rules = rules
        self._lock = threading.Lock()
        self._requests: dict[int, RecordedRequest] = {}
        self._last_number = 0

    def receive(self, request: Request, operation: str, now: datetime) -> int:
        """Record a request and return its number for `finish`."""
        # What is none of the API's may be a login that went to the wrong path.
        if operation in (LOGIN, ""):
            request = _without_password(request, self._rules)
        recorded = RecordedRequest(
            method=request.method,
            path=request.path,
            query=request.query,
            headers=_masked(request.headers),
            body=request.body[:_MAX_BODY_BYTES],
            operation=operation,
            received_at=now,
        )
        with self._lock:
            self._last_number += 1
            self._requests[self._last_number] = recorded
            return self._last_number

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


def _without_password(request: Request, rules: ServerRules) -> Request:
    secret = rules.login_fields[1]
    query = {name: _MASK if name == secret else value for name, value in request.query.items()}
    return evolve(request, query=query, body=_masked_body(request, rules))


def _masked_body(request: Request, rules: ServerRules) -> bytes:
    """Return a login's body without its password; nothing of a body that is no login."""
    try:
        data = dict(login_data(request, rules))
    except HttpError:
        return _MASK.encode() if request.body else b""
    if rules.login_fields[1] in data:
        data[rules.login_fields[1]] = _MASK
    text = json.dumps(data) if request.content_type == JSON else urlencode(data, safe="*")
    return text.encode()


def _masked(headers: Mapping[str, str]) -> dict[str, str]:
    return {
        name: f"{value.partition(' ')[0]} {_MASK}" if name == "authorization" else value
        for name, value in headers.items()
    }
