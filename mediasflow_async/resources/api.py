"""What the resources need of a session, and nothing more.

`Session` is above the resources: it imports them, and they know it by this protocol alone.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Container, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Final, Protocol, Unpack

from mediasflow_async._core.bearers import tells_of_token
from mediasflow_async._core.calls import CallParts, Operation
from mediasflow_async._core.responses import ApiResponse
from mediasflow_async._core.retry import RetryPolicy
from mediasflow_async._core.streaming import ResponseStream
from mediasflow_async.dates import Window
from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import (
    MediasflowError,
    RequestTimeout,
    ResponseInvalid,
    Sent,
    is_refused_under_success,
    told_by,
)

__all__ = ["Api", "is_about", "is_under_success", "name_cures", "name_token_life", "name_window"]

_OF_ANOTHER_FORM: Final = frozenset({400, 415, 422, 500})
_FIRST_ERROR_STATUS: Final = 300
_WHOLE_REQUEST: Final = frozenset({"body", "request", "entity", "content-type"})


class Api(Protocol):
    """A session, as the resources see it."""

    @property
    def dialect(self) -> Dialect:
        """The choices that the guide leaves open."""
        ...

    @property
    def base_url(self) -> str:
        """The address of the API, with a closing slash."""
        ...

    @property
    def max_in_flight(self) -> int:
        """The most requests that may be under way at once."""
        ...

    @property
    def retry(self) -> RetryPolicy:
        """How often and after which wait a failed call is tried again."""
        ...

    @property
    def deadline_seconds(self) -> float | None:
        """The longest time for a call with all attempts and waits, None for no limit."""
        ...

    def call(self, operation: Operation, **parts: Unpack[CallParts]) -> Awaitable[ApiResponse]:
        """Make a call and return its answer."""
        ...

    def stream(
        self, operation: Operation, **parts: Unpack[CallParts]
    ) -> AbstractAsyncContextManager[ResponseStream]:
        """Make a call and give its answer, with the body still to be read."""
        ...


def is_about(error: MediasflowError, operation: Operation) -> bool:
    """Whether an error is about a function itself, and not about the login that it needed."""
    return error.path == operation.shown_path


def name_cures(
    error: MediasflowError,
    operation: Operation,
    options: Mapping[str, Iterable[str]],
    *,
    further_statuses: Container[int | None] = (),
) -> None:
    """Name in a refusal the options of a `Dialect` that may help.

    A server that reads a request in another form than the dialect writes it can only say that
    something is wrong: the guide leaves the form open, so nobody else can say what would help.
    Where it blames a field, only the options of that field are named.

    Args:
        error: the refusal.
        operation: the function that was called.
        options: those that change the form of this request, such as ``put_params='form'``, each
            with the words by which a server may speak of what it changes.
        further_statuses: statuses beyond the usual ones that may be about the form.
    """
    if not is_about(error, operation) or not _is_about_form(error, further_statuses):
        return
    field, told = getattr(error, "field", None), told_by(error).lower()
    blamed = [
        option for option, words in options.items() if any(word.lower() in told for word in words)
    ]
    is_another = field is not None and field.lower() not in _WHOLE_REQUEST
    # What may have been done is not to be repeated for a guess.
    is_unclear = error.sent is Sent.UNKNOWN or isinstance(error, ResponseInvalid)
    named = blamed or ([] if is_another or is_unclear else options)
    if shown := " or ".join(f"Dialect({option})" for option in named):
        error.next_step += f" If the request is right, this server may want {shown}."


def _is_about_form(error: MediasflowError, further_statuses: Container[int | None]) -> bool:
    return (
        error.status in _OF_ANOTHER_FORM
        or error.status in further_statuses
        or is_under_success(error)
    )


def is_under_success(error: MediasflowError) -> bool:
    """Whether an answer under a status of success refuses, or cannot be read: it may be either."""
    if isinstance(error, ResponseInvalid):
        return (error.status or _FIRST_ERROR_STATUS) < _FIRST_ERROR_STATUS
    return is_refused_under_success(error)


def name_token_life(error: MediasflowError) -> None:
    """Name what renews a token in time, where a body that is streamed says that it has ended.

    Only an answer that is read whole is looked through for that before it counts.
    """
    if is_under_success(error) and tells_of_token(told_by(error)):
        error.next_step += (
            " The token may have ended: Dialect(token_ttl=timedelta(minutes=5)), or less, renews "
            "it before."
        )


def name_window(error: MediasflowError, operation: Operation, window: Window) -> None:
    """Name in the error of a window the length that may help, where that is shorter.

    Whether 7 days are a duration or as many days of the calendar is not said, nor how many rows
    a server gives at once (Guide: 2.6).
    """
    if not is_about(error, operation):
        return
    if isinstance(error, RequestTimeout) or error.status in _TOO_MUCH:
        lengths = _LENGTHS[1:]
        when = "Where it fails again, ask for less at once"
    elif _refuses_dates(error):
        lengths = _LENGTHS
        when = "If the dates are right, this server may want"
    else:
        return
    own = window.until - window.since
    shown = (text for text, length in lengths if length < own)
    if text := next(shown, ""):
        error.next_step = f"{error.next_step} {when}: Dialect(window={text})."


def _refuses_dates(error: MediasflowError) -> bool:
    if (getattr(error, "field", None) or "from").lower() not in {"from", "to"}:
        return False
    return error.status in _REFUSED or (
        is_under_success(error) and bool(_OF_DATES.search(told_by(error)))
    )


_LENGTHS: Final[tuple[tuple[str, timedelta], ...]] = (
    ("timedelta(days=6)", timedelta(days=6)),
    ("timedelta(days=1)", timedelta(days=1)),
    ("timedelta(hours=1)", timedelta(hours=1)),
)
_TOO_MUCH: Final = frozenset({413, 500, 502, 504})
_REFUSED: Final = frozenset({400, 416, 422})
_OF_DATES: Final = re.compile(r"(?i)p[ée]riod|\bdays?\b|\bjours?\b|\bdates?\b")
