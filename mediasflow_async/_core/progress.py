"""How far a call has come, which calls of a task are under way, and what a failure means for one.

A call can end without a result of its own: its deadline passes, or its task is cancelled.
Cancellation is no error, and cannot carry one. So each call keeps here what is known of it, and
whoever watches the calls of a task, as a worker of a map does, asks for it. Transports fail with
httpx's exceptions, ours included, which are caught and read here alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from contextvars import ContextVar
from functools import partial
from time import perf_counter
from typing import Any, Final, TypeVar

import httpx
from attrs import mutable

from mediasflow_async._core.calls import Call
from mediasflow_async._core.proof import Proof
from mediasflow_async.errors import (
    ConnectionFailed,
    DeliveryUnknown,
    MediasflowError,
    RequestTimeout,
    ResponseInvalid,
    Sent,
    ServerError,
)
from mediasflow_async.secrecy import LOGGER, hidden, mask_text

__all__ = [
    "FAILURES",
    "CallState",
    "Progress",
    "collect_calls",
    "ended",
    "failed",
    "hide",
    "log_end",
    "note_begin",
    "note_call",
    "note_end",
    "too_late",
    "unreadable",
]

_Result = TypeVar("_Result")


@mutable
class Progress:
    """How far a call has come, for the error that a deadline or a failure ends it with.

    Attributes:
        attempts: attempts begun.
        proof: what is known of the latest request, or None before it.
        may_be_done: whether an earlier attempt may have been executed.
        last_error: what the latest attempt ended with, while the next one is waited for.
    """

    attempts: int = 0
    proof: Proof | None = None
    may_be_done: bool = False
    last_error: MediasflowError | None = None

    def begin(self) -> None:
        """Note that an attempt begins."""
        self.attempts += 1
        self.proof = None
        self.last_error = None

    def begin_request(self, call: Call, *, is_trusted: bool) -> Proof:
        """Return the proof for the next request; `is_trusted` as `Proof` has it."""
        self.proof = proof = Proof(is_trusted=is_trusted, guard=call.guard)
        if call.guard and not is_trusted:
            # It may never say when the first byte leaves: this is the latest known moment.
            call.guard()
        return proof

    def failed_with(self, error: MediasflowError) -> MediasflowError:
        """Note the error that an attempt ended with, and return it."""
        self.last_error = error
        is_failure_of_server = isinstance(error, ServerError) and error.sent is Sent.ANSWERED
        self.may_be_done |= error.sent is Sent.UNKNOWN or is_failure_of_server
        return error

    def failed_without_bearer(self, error: MediasflowError, call: Call) -> MediasflowError:
        """Note the error of the login that an attempt needed, and return it as the call's."""
        error.attempts = self.attempts
        error.campaign_id = call.campaign_id
        error.sent = self.verdict
        return self.failed_with(error)

    @property
    def is_answered(self) -> bool:
        """Whether an answer to the latest request has begun."""
        return self.proof is not None and self.proof.is_answered

    @property
    def verdict(self) -> Sent:
        """Whether the call may have been executed, by any of its attempts."""
        latest = Sent.NOT_SENT if self.proof is None else self.proof.verdict
        return Sent.UNKNOWN if latest is Sent.NOT_SENT and self.may_be_done else latest


CallState = Callable[[], MediasflowError]
"""Gives what is known of a call when it is asked, for one that is under way or has ended."""

_collectors: ContextVar[tuple[list[CallState], ...]] = ContextVar("collectors", default=())


def collect_calls() -> list[CallState]:
    """Return a list that takes, from now on, the state of each call that begins in this task.

    A map that is stopped tells from them which of its items may have sent SMS. Lists that were
    asked for earlier, in this task or the one that started it, go on taking them, too.
    """
    calls: list[CallState] = []
    _collectors.set((*_collectors.get(), calls))
    return calls


def note_begin(call: Call, progress: Progress) -> CallState:
    """Note that a call begins, and return what tells of it."""
    state = partial(_interrupted, call, progress)
    note_call(state)
    return state


def ended(
    state: CallState,
    call: Call,
    progress: Progress,
    result: _Result,
    block: AsyncExitStack | None = None,
) -> _Result:
    """Note that a call has ended, and pass on with what. A stream ends with its block."""
    if block is not None and not isinstance(result, MediasflowError):
        block.push(partial(_note_end_of_block, state, call, progress))
    else:
        _note_end_of(state, call, progress)
    return result


def _note_end_of_block(
    state: CallState, call: Call, progress: Progress, kind: type[BaseException] | None, *_: object
) -> None:
    # A cancellation is no end of the call's own.
    if kind is None or issubclass(kind, Exception):
        _note_end_of(state, call, progress)


def _note_end_of(state: CallState, call: Call, progress: Progress) -> None:
    """Note that a call has ended by itself, well or not."""
    is_in_doubt = call.operation.may_send and progress.verdict is not Sent.NOT_SENT
    note_end(state, is_in_doubt=is_in_doubt)


def note_call(state: CallState) -> None:
    """Note that a call begins."""
    for calls in _collectors.get():
        calls.append(state)


def note_end(state: CallState, *, is_in_doubt: bool) -> None:
    """Note that a call has ended.

    What may have sent SMS is kept, the latest alone: an action may make any number of calls.
    """
    for calls in _collectors.get():
        if is_in_doubt:
            calls[:] = [state]
        elif state in calls:
            calls.remove(state)


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


def _interrupted(call: Call, progress: Progress) -> MediasflowError:
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


def log_end(call: Call, result: object, progress: Progress, began: float) -> None:
    """Log a request that has ended: with which status or error, and how long it took."""
    LOGGER.debug(
        "%s %s: %s, attempt %d, %.1f ms, request id %s",
        call.operation.method,
        call.operation.shown_path,
        getattr(result, "status", None) or type(result).__name__,
        progress.attempts,
        (perf_counter() - began) * 1000,
        getattr(result, "request_id", None),
    )


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
