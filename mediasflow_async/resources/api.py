"""What the resources need of a session, and nothing more.

`Session` is above the resources: it imports them, and they know it by this protocol alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Container, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Final, Protocol, Unpack

from mediasflow_async._core.calls import CallParts, Operation
from mediasflow_async._core.responses import ApiResponse
from mediasflow_async._core.retry import RetryPolicy
from mediasflow_async._core.streaming import ResponseStream
from mediasflow_async.dates import Window
from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import ApiError, DeliveryUnknown, MediasflowError, RequestTimeout

__all__ = ["Api", "is_about", "name_cures", "name_window"]

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
    further_statuses: Container[int] = (),
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
    field = getattr(error, "field", None)
    told = f"{field} {error.code} {error.message}".lower()
    blamed = [
        option for option, words in options.items() if any(word.lower() in told for word in words)
    ]
    is_another = field is not None and field.lower() not in _WHOLE_REQUEST
    # What may have sent SMS is not to be repeated for a guess.
    named = blamed or ([] if is_another or isinstance(error, DeliveryUnknown) else options)
    if shown := " or ".join(f"Dialect({option})" for option in named):
        error.next_step += f" If the request is right, this server may want {shown}."


def _is_about_form(error: MediasflowError, further_statuses: Container[int]) -> bool:
    return (
        error.status in _OF_ANOTHER_FORM
        or error.status in further_statuses
        or _is_refused_under_success(error)
    )


def _is_refused_under_success(error: MediasflowError) -> bool:
    return type(error) is ApiError and (error.status or 0) < _FIRST_ERROR_STATUS


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
    if not isinstance(error, ApiError) or (error.field or "from").lower() not in {"from", "to"}:
        return False
    return error.status in _REFUSED or _is_refused_under_success(error)


_LENGTHS: Final[tuple[tuple[str, timedelta], ...]] = (
    ("timedelta(days=6)", timedelta(days=6)),
    ("timedelta(days=1)", timedelta(days=1)),
    ("timedelta(hours=1)", timedelta(hours=1)),
)
_TOO_MUCH: Final = frozenset({413, 500, 502, 504})
_REFUSED: Final = frozenset({400, 416, 422})
