"""What the resources need of a session, and nothing more."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, Unpack

from mediasflow_async._core.calls import CallParts, Operation
from mediasflow_async._core.responses import ApiResponse
from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import ResponseInvalid

__all__ = ["Api", "ByteStream", "CallParts", "put_parts"]


class ByteStream(Protocol):
    """The body of an answer that is read piece by piece."""

    def aiter_bytes(self) -> AsyncGenerator[bytes, None]:
        """Return the decoded bytes as they arrive."""
        ...

    def aiter_array(self, *, may_be_empty: bool = False) -> AsyncGenerator[list[Any], None]:
        """Return the elements of the JSON array that it is or wraps, in blocks."""
        ...

    def invalid(self, message: str, wire_path: str = "$") -> ResponseInvalid:
        """Return the error for a body that cannot be understood, without any of it."""
        ...


class Api(Protocol):
    """A session, as the resources see it."""

    @property
    def dialect(self) -> Dialect:
        """The choices that the guide leaves open."""
        ...

    @property
    def max_in_flight(self) -> int:
        """How many requests may be under way at once."""
        ...

    async def call(self, operation: Operation, **parts: Unpack[CallParts]) -> ApiResponse:
        """Make a call and return the answer."""
        ...

    def stream(
        self, operation: Operation, **parts: Unpack[CallParts]
    ) -> AbstractAsyncContextManager[ByteStream]:
        """Make a call and give the body of the answer to be read."""
        ...


def put_parts(params: Mapping[str, str], campaign_id: int, dialect: Dialect) -> CallParts:
    """Return the parameters of a PUT where the dialect wants them (Guide: 2.2, 2.3)."""
    if dialect.put_params == "query":
        return {"campaign_id": campaign_id, "params": params}
    if dialect.put_params == "form":
        return {"campaign_id": campaign_id, "form": params}
    return {"campaign_id": campaign_id, "json": dict(params)}
