"""What the resources need of a session, and nothing more.

`Session` is above the resources: it imports them, and they know it by this protocol alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol, Unpack

from mediasflow_async._core.calls import CallParts, Operation
from mediasflow_async._core.responses import ApiResponse
from mediasflow_async._core.streaming import ResponseStream
from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import ApiError

__all__ = ["Api", "name_cures"]

_OF_ANOTHER_FORM: Final = frozenset({400, 415, 422, 500})


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

    def call(self, operation: Operation, **parts: Unpack[CallParts]) -> Awaitable[ApiResponse]:
        """Make a call and return its answer."""
        ...

    def stream(
        self, operation: Operation, **parts: Unpack[CallParts]
    ) -> AbstractAsyncContextManager[ResponseStream]:
        """Make a call and give its answer, with the body still to be read."""
        ...


def name_cures(error: ApiError, options: Iterable[str]) -> None:
    """Name in a refusal the options of a `Dialect` that may help.

    A server that reads a request in another form than the dialect writes it can only say that
    something is wrong: the guide leaves the form open, so nobody else can say what would help.

    Args:
        error: the refusal.
        options: those that change the form of this request, such as ``put_params='form'``.
    """
    if error.status in _OF_ANOTHER_FORM and (named := " or ".join(options)):
        error.next_step += f" If the request is right, this server may want Dialect({named})."
