"""The body of an answer, read piece by piece, with its failures in our own terms."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

import httpx

from mediasflow_async.calls import Call
from mediasflow_async.decoding import decoded_pieces
from mediasflow_async.errors import MediasflowError, value_of
from mediasflow_async.failures import FAILURES, Progress, failed

__all__ = ["ResponseStream", "closing"]


class ResponseStream:
    """An open answer; whoever opened it closes it.

    Args:
        response: httpx's response, with its body still to be read.
        call: the call that it answers.
        progress: how far the call has come.
    """

    def __init__(self, response: httpx.Response, call: Call, progress: Progress) -> None:
        self._response = response
        self._call = call
        self._progress = progress

    async def aiter_bytes(self) -> AsyncGenerator[bytes, None]:
        """Yield the decoded bytes as they arrive.

        Raises:
            ConnectionFailed, RequestTimeout: when the answer breaks off.
            ResponseInvalid: when its compression is damaged.
        """
        async with aclosing(decoded_pieces(self._response)) as pieces:
            while (piece := value_of(await self._next(pieces))) is not None:
                yield piece

    async def _next(self, pieces: AsyncIterator[bytes]) -> bytes | MediasflowError | None:
        try:
            return await anext(pieces, None)
        except FAILURES as failure:
            return failed(failure, self._call, self._progress)


@asynccontextmanager
async def closing(response: httpx.Response) -> AsyncGenerator[httpx.Response, None]:
    """Close a response at the end, and cut the reference cycle that httpx makes of it."""
    try:
        yield response
    finally:
        try:
            await response.aclose()
        finally:
            # The stream refers back to the response, and with it to the request and its bearer.
            response.stream = httpx.ByteStream(b"")
