"""How far a call has come, and which calls of a task are under way.

A call can end without a result of its own: its deadline passes, or its task is cancelled.
Cancellation is no error, and cannot carry one. So each call keeps here what is known of it, and
whoever watches the calls of a task, as a worker of a map does, asks for it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

from attrs import mutable

from mediasflow_async._core.calls import Call
from mediasflow_async._core.proof import Proof
from mediasflow_async.errors import MediasflowError, Sent, ServerError

__all__ = ["CallState", "Progress", "note_call", "note_end", "watch_calls"]


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

_watchers: ContextVar[tuple[list[CallState], ...]] = ContextVar("watchers", default=())


def watch_calls() -> list[CallState]:
    """Return a list that takes, from now on, the state of each call that begins in this task.

    A map that is stopped tells from them which of its items may have sent SMS. Lists that were
    asked for earlier, in this task or the one that started it, go on taking them, too.
    """
    calls: list[CallState] = []
    _watchers.set((*_watchers.get(), calls))
    return calls


def note_call(state: CallState) -> None:
    """Note that a call begins."""
    for calls in _watchers.get():
        calls.append(state)


def note_end(state: CallState, *, is_in_doubt: bool) -> None:
    """Note that a call has ended by itself, well or not.

    What may have sent SMS is kept, the latest alone: an action may make any number of calls.
    """
    for calls in _watchers.get():
        if is_in_doubt:
            calls[:] = [state]
        elif state in calls:
            calls.remove(state)
