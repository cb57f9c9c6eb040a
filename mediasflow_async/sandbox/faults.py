"""Fault injection: what a network or a failing server does to a request, on demand."""

from __future__ import annotations

import gzip
import io
import json
import threading
from datetime import timedelta
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal

from attrs import field, frozen

from mediasflow_async.errors import ConfigurationError
from mediasflow_async.sandbox.http import Answer, HttpError, Request
from mediasflow_async.sandbox.shaping import refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mediasflow_async.sandbox.rules import ErrorStyle

__all__ = ["Fault", "Faults"]


def _bytes(body: str | bytes | None) -> bytes | None:
    return body.encode() if isinstance(body, str) else body


@frozen(kw_only=True)
class Fault:
    """Something that goes wrong with a request.

    A fault without any outcome (`status`, `body`, `html`, `refusal`, `gzip_bomb`, `redirect`,
    `drop`, `reset`) only delays, and the request is answered as usual.

    With `truncate`, the answer is cut short, whichever it is.

    Attributes:
        operation: of the requests to hit: `login`, `inject`, `sender`, `test`, `cancel`,
            `report_csv`, `report_json`, `period_csv`, `period_json`, `blacklist_add`,
            `blacklist`, `upload`; `inject` is also `prepare`, or with startNow `send`, or
            `launch` where there is a campaignId too. None hits every one.
        method: HTTP method to hit, None for every one.
        path: beginning of the paths to hit, below the base URL, as `campaigns/`.
        when: whether the fault comes `before` the request is processed, which then is not,
            `after`, so that only the answer is lost or wrong, or the request is processed
            `late`, `delay` after the client had its fault, if its token is still good then.
        delay: how long to wait, by the machine's clock: before processing, or after; when
            `late`, by the sandbox's clock.
        status: HTTP status code to answer with.
        headers: to answer with.
        body: to answer with.
        html: answer with an application server's error page.
        refusal: refuse in this style of `ServerRules.error_style`, with `status` or else 409.
        gzip_bomb: answer with a small gzip body that grows to so many bytes.
        redirect: answer with 307 to this address.
        drop: close the connection without an answer.
        reset: reset the connection without an answer.
        truncate: send only so many bytes of the answer's body, then close the connection.
        skip: how many requests to spare first.
        times: how many requests to hit, None for all.

    Raises:
        ConfigurationError: for what would hit no request, or break the sandbox instead of it.
    """

    operation: str | None = None
    method: str | None = None
    path: str | None = None
    when: Literal["before", "after", "late"] = "before"
    delay: timedelta = timedelta()
    status: int | None = None
    headers: Mapping[str, str] = field(factory=dict)
    body: bytes | None = field(default=None, converter=_bytes)
    html: bool = False
    refusal: ErrorStyle | None = None
    gzip_bomb: int | None = None
    redirect: str | None = None
    drop: bool = False
    reset: bool = False
    truncate: int | None = None
    skip: int = 0
    times: int | None = 1

    def __attrs_post_init__(self) -> None:
        if problems := list(_problems(self)):
            raise ConfigurationError(f"a Fault's {'; '.join(problems)}")

    @property
    def breaks_connection(self) -> bool:
        """Whether there is no answer at all."""
        return self.drop or self.reset

    @property
    def replaces_answer(self) -> bool:
        """Whether the client gets another answer than the request's own."""
        parts = (self.status, self.body, self.refusal, self.gzip_bomb, self.redirect)
        return self.html or any(part is not None for part in parts)

    @property
    def processes(self) -> bool:
        """Whether the request is processed while the client waits."""
        spoils = self.breaks_connection or self.replaces_answer
        return self.when == "after" or (self.when == "before" and not spoils)

    def matches(self, request: Request, operations: frozenset[str]) -> bool:
        """Tell whether this fault hits a request."""
        return (
            (self.operation is None or self.operation in operations)
            and (self.method is None or self.method.upper() == request.method)
            and (self.path is None or request.path.startswith(self.path.strip("/")))
        )

    def answer(self, usual: Answer | None) -> Answer:
        """Return what the client gets.

        Args:
            usual: the request's own answer, None when it was not processed.
        """
        if self.gzip_bomb is not None:
            packed = {"Content-Encoding": "gzip"}
            return Answer(200, _bomb(self.gzip_bomb), headers=packed | dict(self.headers))
        if self.redirect is not None:
            status = self.status or HTTPStatus.TEMPORARY_REDIRECT
            return Answer(status, headers={"Location": self.redirect} | dict(self.headers))
        if self.refusal is not None:
            return refusal(self.refusal, self._error())
        if self.html:
            return self._page()
        if usual is not None and not self.replaces_answer:
            return usual
        return self._substitute()

    def _error(self) -> HttpError:
        status = self.status or HTTPStatus.CONFLICT
        return HttpError(status, "FAULT", f"a fault of the sandbox: {status}", headers=self.headers)

    def _page(self) -> Answer:
        status = HTTPStatus(self.status or HTTPStatus.BAD_GATEWAY)
        text = f"<html><head><title>{status} {status.phrase}</title></head><body></body></html>"
        return Answer(status, text.encode(), "text/html; charset=utf-8", self.headers)

    def _substitute(self) -> Answer:
        status = self.status or 200
        body = {"error": "FAULT", "message": f"a fault of the sandbox: {status}"}
        data = json.dumps(body).encode() if self.body is None else self.body
        return Answer(status, data, headers=self.headers)


_OPERATIONS = (
    "login inject prepare send launch sender test cancel report_csv report_json period_csv "
    "period_json blacklist_add blacklist upload"
).split()


def _problems(fault: Fault) -> Iterator[str]:
    if fault.operation is not None and fault.operation not in _OPERATIONS:
        yield f"operation is one of {', '.join(_OPERATIONS)}"
    if fault.when not in {"before", "after", "late"}:
        yield "when is before, after or late"
    if not isinstance(fault.delay, timedelta) or fault.delay < timedelta():
        yield "delay is a timedelta that is not negative"
    for name in ("status", "gzip_bomb", "truncate", "times"):
        number = getattr(fault, name)
        if number is not None and (type(number) is not int or number < 0):
            yield f"{name} is a whole number that is not negative, or None"
    if type(fault.skip) is not int or fault.skip < 0:
        yield "skip is a whole number that is not negative"


class Faults:
    """The faults that wait for requests; the first that matches a request hits it.

    Threads may share it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[_PendingFault] = []

    def add(self, fault: Fault) -> None:
        """Let `fault` hit the requests to come."""
        with self._lock:
            self._waiting.append(_PendingFault(fault))

    def clear(self) -> None:
        """Let no fault hit any request."""
        with self._lock:
            self._waiting.clear()

    @property
    def waiting(self) -> tuple[Fault, ...]:
        """The faults that can still hit a request."""
        with self._lock:
            return tuple(pending.fault for pending in self._waiting)

    def take(self, request: Request, operations: frozenset[str]) -> Fault | None:
        """Return the fault that hits a request, None to let it pass."""
        with self._lock:
            hit = self._first(request, operations)
            self._waiting = [pending for pending in self._waiting if not pending.is_spent]
            return hit

    def _first(self, request: Request, operations: frozenset[str]) -> Fault | None:
        for pending in self._waiting:
            if pending.fault.matches(request, operations) and pending.fires():
                return pending.fault
        return None


class _PendingFault:
    """A fault, and how many of its requests have come."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self._seen = 0

    def fires(self) -> bool:
        """Count a matching request, and tell whether it is hit."""
        self._seen += 1
        return self._seen > self.fault.skip

    @property
    def is_spent(self) -> bool:
        return self.fault.times is not None and self._seen >= self.fault.skip + self.fault.times


_CHUNK = bytes(1 << 20)


@lru_cache(maxsize=2)
def _bomb(size: int) -> bytes:
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1) as file:
        for start in range(0, size, len(_CHUNK)):
            file.write(_CHUNK[: size - start])
    return packed.getvalue()
