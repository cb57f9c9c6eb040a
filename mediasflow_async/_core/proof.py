"""Whether a request left this machine: what errors, retries and cancelled batches go by.

A request that may have sent SMS is repeated only when it is proven that nothing of it left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

from mediasflow_async.errors import MediasflowError, Sent

__all__ = ["CallState", "Guard", "Proof", "note_call", "note_end", "watch_calls"]


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
        guard: may veto each departure.

    Attributes:
        is_answered: whether the head of the final answer is complete.
        is_vetoed: whether the guard raised: its error is the caller's, whatever its type.
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


CallState = Callable[[], MediasflowError]
"""Gives what is known of a call when it is asked, for one that is under way or has ended."""

_watchers: ContextVar[tuple[list[CallState], ...]] = ContextVar("watchers", default=())


def watch_calls() -> list[CallState]:
    """Return a list that takes, from now on, the state of each call that begins in this task.

    Cancellation is no error, and cannot carry one. A batch that is stopped must know all the
    same which of its calls may have sent SMS. Lists that were asked for earlier, in this task
    or the one that started it, go on taking them, too.
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
