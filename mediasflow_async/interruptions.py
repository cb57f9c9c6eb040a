"""What became of the calls of an action, for whoever must know when the action is cancelled."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

from mediasflow_async.errors import MediasflowError

__all__ = ["Fate", "note_call", "note_end", "watch_calls"]

Fate = Callable[[], MediasflowError]
"""Gives what is known of a call when it is asked, for one that is under way or has ended."""

_watchers: ContextVar[tuple[list[Fate], ...]] = ContextVar("watchers", default=())


def watch_calls() -> list[Fate]:
    """Return a list that takes, from now on, the fate of each call that begins in this task.

    Cancellation is no error, and cannot carry one. A batch that is stopped must know all the
    same which of its calls may have sent SMS. Whoever watches already, around this task, goes
    on doing so.
    """
    calls: list[Fate] = []
    _watchers.set((*_watchers.get(), calls))
    return calls


def note_call(fate: Fate) -> None:
    """Note that a call begins."""
    for calls in _watchers.get():
        calls.append(fate)


def note_end(fate: Fate, *, is_in_doubt: bool) -> None:
    """Note that a call has ended by itself, well or not.

    What may have sent SMS is kept, the latest alone: an action may make any number of calls.
    """
    for calls in _watchers.get():
        if is_in_doubt:
            calls[:] = [fate]
        elif fate in calls:
            calls.remove(fate)
