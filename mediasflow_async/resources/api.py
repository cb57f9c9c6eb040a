"""What the resources need of a session, and nothing more.

`Session` is above the resources: it imports them, and they know it by this protocol alone.
"""

from __future__ import annotations

from collections.abc import Awaitable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, Unpack

from mediasflow_async._core.calls import CallParts, Operation
from mediasflow_async._core.responses import ApiResponse
from mediasflow_async._core.streaming import ResponseStream
from mediasflow_async.dialect import Dialect

__all__ = ["Api"]


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
