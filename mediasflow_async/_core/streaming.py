"""The body of an answer, read piece by piece, with its failures in our own terms."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC
from itertools import islice
from time import perf_counter
from typing import Any, Final

import httpx
from anyio.lowlevel import checkpoint

from mediasflow_async._core.bearers import is_page
from mediasflow_async._core.calls import Call
from mediasflow_async._core.judgement import Tells
from mediasflow_async._core.progress import FAILURES, Progress, failed, hide
from mediasflow_async._core.responses import (
    ApiResponse,
    decoded_pieces,
    error_of,
    invalid,
    media_type_of,
    response_of,
    retry_after_of,
)
from mediasflow_async._core.routes import Answer
from mediasflow_async.converter import Unreadable, reader_for
from mediasflow_async.converter.streams import (
    ELSEWHERE,
    JsonArrayDecoder,
    Utf8,
    array_in,
    charset_of,
    is_nothing,
)
from mediasflow_async.errors import MediasflowError, ResponseInvalid, Sent, ServerError, value_of

__all__ = ["ResponseStream", "looked_at"]

_LONGEST_HOLD_SECONDS: Final = 0.001
_ACCEPTED: Final = 202


class ResponseStream:
    """An open answer; whoever opened it closes it.

    Args:
        answer: the answer, with its body still to be read.
        call: the call that it answers.
        progress: how far the call has come.
        secrets: what an error of the server may repeat, and must not show.
    """

    def __init__(
        self, answer: Answer, call: Call, progress: Progress, secrets: Iterable[str]
    ) -> None:
        self._open = answer
        self._call = call
        self._progress = progress
        self._secrets = secrets
        self.around: Mapping[str, Any] = {}
        """What stood around the array that was read, once it was read to its end."""

    @property
    def status(self) -> int:
        """The HTTP status of the answer."""
        return self._open.status

    @property
    def target(self) -> bytes:
        """Path and query of the request."""
        return self._call.target

    @property
    def headers(self) -> httpx.Headers:
        """The HTTP headers of the answer."""
        return httpx.Headers(self._open.headers)

    @property
    def charset(self) -> str:
        """The charset that is announced; empty for UTF-8 and where there is none."""
        return charset_of(media_type_of(self._open))

    async def aclose(self) -> None:
        """Close the answer, and its connection if the body is not at its end."""
        await self._open.aclose()

    async def aiter_bytes(self) -> AsyncGenerator[bytes, None]:
        """Yield the decoded bytes as they arrive.

        Raises:
            ConnectionFailed, RequestTimeout: when the answer breaks off.
            ResponseInvalid: when its compression is damaged.
        """
        async with aclosing(decoded_pieces(self._open)) as pieces:
            while (piece := value_of(await self._next(pieces))) is not None:
                yield piece

    async def aiter_array(self, *, may_be_empty: bool = False) -> AsyncGenerator[list[Any], None]:
        """Yield the elements of the JSON array that the body is or wraps, in blocks.

        A block comes from about 16 KiB. However much is at hand, the event loop has a turn
        before the next block when its last one was more than a millisecond ago.

        Args:
            may_be_empty: whether no body at all, or null, stands for an array without elements.

        Raises:
            ConnectionFailed, RequestTimeout: when the answer breaks off.
            ResponseInvalid: when it is no JSON, holds no array or several that may be meant;
                also after the first blocks, where it is found to be so only then.
            ApiError: when it is an error message under a status of success.
            ServerError: when it is no array yet (202).
        """
        decoder, utf8 = JsonArrayDecoder(), Utf8(self.charset)
        resume = perf_counter()
        async with aclosing(self.aiter_bytes()) as pieces:
            async for piece in pieces:
                for block in decoder.feed(utf8.feed(piece)):
                    yield self._readable(block, decoder)
                    if perf_counter() - resume > _LONGEST_HOLD_SECONDS:
                        await checkpoint()
                        resume = perf_counter()
        for block in decoder.feed(utf8.finish()):
            yield self._readable(block, decoder)
        if block := self._readable(decoder.finish(), decoder):
            yield block
        if block := value_of(self._left(decoder, may_be_empty=may_be_empty)):
            yield block

    def invalid(
        self, message: str, wire_path: str = "$", *, content: bytes = b""
    ) -> ResponseInvalid:
        """Return the error for a body that cannot be understood.

        Args:
            message: what is wrong.
            wire_path: where.
            content: what it shows of the body; nothing by default.
        """
        return invalid(self._answer(content), message, wire_path)

    def notice_in(self, content: bytes) -> bytes:
        """Return a page, or what a refusal says; nothing of rows, which people may have written."""
        if is_page((), content):
            return content
        judgement = self._answer(content).judgement
        return judgement.message.encode() if judgement.tells is Tells.REFUSED else b""

    def _readable(self, block: list[Any] | Unreadable, decoder: JsonArrayDecoder) -> list[Any]:
        if isinstance(block, Unreadable):
            content = b"" if decoder.has_begun else decoder.frame
            raise invalid(self._answer(content), block.message, block.path)
        return block

    def _left(
        self, decoder: JsonArrayDecoder, *, may_be_empty: bool
    ) -> list[Any] | MediasflowError:
        """Return the elements of a document that was left as it is, or what is wrong with it."""
        answer = self._answer(decoder.frame)
        if answer.judgement.tells is Tells.IN_PROGRESS:
            return self._not_ready(answer)
        if error := error_of(answer):
            hide(error, self._secrets)
            return error
        array = [] if may_be_empty and is_nothing(answer.data) else array_in(answer.data)
        if answer.status == _ACCEPTED and not array:
            return self._not_ready(answer)
        self.around = answer.data if isinstance(answer.data, Mapping) else {}
        if array is None or (decoder.has_begun and array != ELSEWHERE):
            found = _shown(answer.data)
            message = f"the answer is no list, and wraps none or several: {found}"
            return invalid(answer, message, "$")
        return [] if decoder.has_begun else list(array)

    def not_ready(self) -> ServerError:
        """Return the error for an answer that is still being made (202)."""
        return self._not_ready(self._answer(b""))

    def _not_ready(self, answer: ApiResponse) -> ServerError:
        error = ServerError(
            "the server has not finished: the answer is not ready",
            method=answer.operation.method,
            path=answer.operation.shown_path,
            status=answer.status,
            request_id=answer.request_id,
            attempts=answer.attempts,
            campaign_id=answer.campaign_id,
            sent=Sent.ANSWERED,
        )
        error.retry_after = retry_after_of(answer.headers)
        return error

    def _answer(self, content: bytes) -> ApiResponse:
        return response_of(
            self._open.status,
            self._open.headers,
            media_type_of(self._open),
            content,
            operation=self._call.operation,
            campaign_id=self._call.campaign_id,
            attempts=self._progress.attempts,
            # No model is read from it.
            reader=reader_for(UTC),
            is_utf8=True,
            secrets=self._call.secrets,
        )

    async def _next(self, pieces: AsyncIterator[bytes]) -> bytes | MediasflowError | None:
        try:
            return await anext(pieces, None)
        except FAILURES as failure:
            return failed(failure, self._call, self._progress)


_NAME: Final = re.compile(r"[A-Za-z_][\w-]{0,39}")
_NAMES_SHOWN: Final = 8


def _shown(data: object) -> str:
    """Return what JSON is by the names of its members, of which none is a number or a text."""
    if not isinstance(data, Mapping):
        return f"it is a JSON {type(data).__name__}"
    names = [name for name in islice(data, _NAMES_SHOWN) if _NAME.fullmatch(name)]
    of = f", such as {', '.join(names)}" if names else ""
    return f"it is an object of {len(data)} members{of}"


async def looked_at(answer: Answer) -> tuple[Answer, bool]:
    """Return an answer to be streamed, and whether it is a page, such as one to log in on.

    Its beginning is read only where its media type is HTML: that of a page, and of many a CSV.
    """
    if not is_page(answer.headers):
        return answer, False
    begun = _Begun(answer)
    return begun, is_page((), await begun.first_piece())


class _Begun:
    """An answer whose beginning was read, and is given again.

    Args:
        answer: the answer, whose decoded body this one has.
    """

    def __init__(self, answer: Answer) -> None:
        self.is_encoded = False
        self._answer = answer
        self._pieces = decoded_pieces(answer)
        self._first = b""

    @property
    def status(self) -> int:
        """Its status."""
        return self._answer.status

    @property
    def headers(self) -> Sequence[tuple[bytes, bytes]]:
        """Its headers, as they came."""
        return self._answer.headers

    @property
    def fields(self) -> Mapping[bytes, bytes]:
        """Its headers, by their names in small letters."""
        return self._answer.fields

    async def first_piece(self) -> bytes:
        """Read the first piece of the body and return it."""
        self._first = await anext(self._pieces, b"")
        return self._first

    def plain_body(self) -> None:
        """Return None: the body is still to be read."""

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        yield self._first
        async for piece in self._pieces:
            yield piece

    async def aclose(self) -> None:
        """Give up what has not come yet."""
        await self._pieces.aclose()
        await self._answer.aclose()
