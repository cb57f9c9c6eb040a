"""What a transport's failure means for a call. No I/O.

Transports fail with httpx's exceptions, ours included, which are caught and read here alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import httpx

from mediasflow_async._core.calls import Call
from mediasflow_async._core.progress import Progress
from mediasflow_async.errors import (
    ConnectionFailed,
    DeliveryUnknown,
    MediasflowError,
    RequestTimeout,
    ResponseInvalid,
    Sent,
)
from mediasflow_async.secrecy import hidden, mask_text

__all__ = ["FAILURES", "failed", "hide", "interrupted", "too_late", "unreadable"]

_TEXTS: Final = ("message", "code", "field", "request_id", "body")

FAILURES: Final = (httpx.RequestError, OSError)
"""What a transport raises; TLS errors are OSErrors."""


def failed(failure: Exception, call: Call, progress: Progress) -> MediasflowError:
    """Return our error for what the transport raised, without keeping the original.

    httpx's exceptions hold the request, and with it the bearer.
    """
    _cut_traces(failure)
    if isinstance(failure, httpx.DecodingError):
        return unreadable(f"the answer's compression is damaged: {failure}", call, progress)
    kind = RequestTimeout if isinstance(failure, httpx.TimeoutException) else ConnectionFailed
    reason = mask_text(str(failure)) or "no details"
    return _no_answer(kind, f"{type(failure).__name__}, {reason}", call, progress)


def _cut_traces(failure: BaseException | None) -> None:
    """Take the tracebacks off an exception and those it came from.

    They lead to frames that lead back to them: a cycle of the transport's, in which our own
    error would wait for the collector. A transport of the caller's may say that an exception
    came from itself.
    """
    met: set[int] = set()
    while failure is not None and id(failure) not in met:
        met.add(id(failure))
        failure.__traceback__ = None
        failure = failure.__cause__ or failure.__context__


def too_late(call: Call, progress: Progress) -> MediasflowError:
    """Return the error for a call whose deadline has passed.

    Between two attempts that is the error of the one before, which says more.
    """
    last_error, progress.last_error = progress.last_error, None
    return last_error or _no_answer(
        RequestTimeout, "the deadline of the call has passed", call, progress
    )


def interrupted(call: Call, progress: Progress) -> MediasflowError:
    """Return what is known of a call whose result is lost to a cancellation.

    Between two attempts that is the error of the one before, which says more.
    """
    if progress.last_error is not None:
        return progress.last_error
    kind = RequestTimeout if progress.verdict is Sent.UNKNOWN else ConnectionFailed
    return _no_answer(kind, "cancelled", call, progress)


def _no_answer(
    kind: type[MediasflowError], reason: str, call: Call, progress: Progress
) -> MediasflowError:
    verdict = progress.verdict
    is_in_doubt = call.operation.may_send and verdict is not Sent.NOT_SENT
    happened = "the answer is lost" if progress.is_answered else "no answer"
    return (DeliveryUnknown if is_in_doubt else kind)(
        f"{happened}: {reason}", sent=verdict, **_circumstances(call, progress)
    )


def unreadable(
    reason: str, call: Call, progress: Progress, status: int | None = None
) -> ResponseInvalid:
    """Return the error for an answer that came and cannot be read."""
    error = ResponseInvalid(reason, status=status, **_circumstances(call, progress))
    error.sent = Sent.UNKNOWN if call.operation.may_send else Sent.ANSWERED
    if call.operation.may_send:
        error.next_step = DeliveryUnknown.next_step
    return error


def hide(error: MediasflowError, secrets: Iterable[str]) -> None:
    """Star the exact secrets in an error of the server, which may repeat what it was sent."""
    if error.status is None:
        return
    for name in _TEXTS:
        text = getattr(error, name, None)
        if isinstance(text, str):
            setattr(error, name, hidden(text, secrets))
    error.args = (error.message,)


def _circumstances(call: Call, progress: Progress) -> dict[str, Any]:
    return {
        "method": call.operation.method,
        "path": call.operation.shown_path,
        "attempts": progress.attempts,
        "campaign_id": call.campaign_id,
    }
