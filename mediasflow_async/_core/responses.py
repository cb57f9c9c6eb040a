"""What an answer means: its data, its error, how long to wait; and its body, decompressed."""

from __future__ import annotations

import re
import zlib
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar, cast

import httpx
import orjson
from attrs import field, frozen

from mediasflow_async._core.calls import Operation
from mediasflow_async._core.routes import Answer
from mediasflow_async.converter import ModelReader, Unreadable
from mediasflow_async.errors import (
    ApiError,
    AuthenticationFailed,
    BadRequest,
    Conflict,
    DeliveryUnknown,
    MediasflowError,
    NotFound,
    PermissionDenied,
    RateLimited,
    ResponseInvalid,
    Sent,
    ServerError,
    value_of,
)
from mediasflow_async.secrecy import mask_text

__all__ = [
    "ApiResponse",
    "decoded",
    "decoded_pieces",
    "error_of",
    "invalid",
    "retry_after_of",
    "whole_body",
]


_Model = TypeVar("_Model")


@frozen(kw_only=True)
class ApiResponse:
    """An answer of the server, decoded.

    Attributes:
        status: HTTP status.
        data: the decoded body: JSON where it is JSON, None where it is empty, else text.
        attempts: how many attempts it took.
        operation: what was called.
        campaign_id: the campaign concerned, or None.
    """

    status: int
    _headers: httpx.Headers | Sequence[tuple[bytes, bytes]] = field(alias="headers", repr=False)
    content: bytes = field(repr=False)
    data: Any = field(repr=False)
    attempts: int = 1
    operation: Operation
    campaign_id: int | None = None
    reader: ModelReader = field(repr=False, eq=False)

    @property
    def headers(self) -> httpx.Headers:
        """HTTP headers."""
        # Nobody looks at those of nearly all answers.
        return httpx.Headers(self._headers)

    @property
    def request_id(self) -> str | None:
        """The server's id of the request, from any of the usual headers, or None."""
        headers = self.headers
        found = (headers.get(name) for name in _REQUEST_ID_HEADERS)
        return next((mask_text(text) for text in found if text is not None), None)

    def read(self, model: type[_Model], data: object = None) -> _Model:
        """Return the data as a model.

        Args:
            model: what it is read as.
            data: what is read instead of the data; None for the data as it is.

        Raises:
            ResponseInvalid: when it is not one; `wire_path` says where.
            ApiError: when it is an error message under a status of success.
        """
        error = self._told_error()
        given = self.data if data is None else data
        return value_of(self.understood(given, model) if error is None else error)

    def understood(
        self, data: object, model: type[_Model], path: str = "$"
    ) -> _Model | ResponseInvalid:
        """Return a part of the data as a model, or the error for what is not one below `path`."""
        result = self.reader.read(data, model, path=path)
        if isinstance(result, Unreadable):
            return invalid(self, result.message, result.path)
        return result

    def _told_error(self) -> MediasflowError | None:
        if not _is_message_only(self.data):
            return None
        error = _api_error(ApiError, self, "answered with a message alone")
        if self.operation.may_send:
            # Whether that message is a refusal is for a person to read.
            error.sent = Sent.UNKNOWN
            error.next_step = DeliveryUnknown.next_step
        return error


def _is_message_only(data: object) -> bool:
    """Whether an answer is a message and nothing else; a `status` in words is a campaign's."""
    if not isinstance(data, dict) or not data.keys() <= {"message", "code", "status", "path"}:
        return False
    return bool(data.get("message")) and not isinstance(data.get("status"), str)


def error_of(answer: ApiResponse) -> MediasflowError | None:
    """Return the error that an answer stands for, or None when it is a success."""
    if answer.status < _FIRST_ERROR_STATUS:
        told = isinstance(answer.data, dict) and any(map(answer.data.get, _ERROR_KEYS))
        return _api_error(ApiError, answer) if told else None
    if answer.status >= _FIRST_SERVER_ERROR or answer.status == _REQUEST_TIMEOUT:
        return _server_error(answer)
    error = _api_error(_BY_STATUS.get(answer.status, ApiError), answer)
    if isinstance(error, RateLimited):
        error.retry_after = retry_after_of(answer.headers)
    if allow := answer.headers.get("allow"):
        error.allow = tuple(method.strip().upper() for method in allow.split(","))
    if answer.status < _FIRST_CLIENT_ERROR:
        error.message = "the server redirects elsewhere, which is not followed"
        error.next_step = "Is the base URL right? Credentials are for that address alone."
    return error


def _server_error(answer: ApiResponse) -> MediasflowError:
    if answer.operation.may_send:
        unknown = DeliveryUnknown(_message(answer, "failed"), **_circumstances(answer))
        unknown.sent = Sent.UNKNOWN
        return unknown
    error = _api_error(ServerError, answer, "failed")
    error.retry_after = retry_after_of(answer.headers)
    return error


def invalid(answer: ApiResponse, message: str, wire_path: str = "") -> ResponseInvalid:
    """Return the error for an answer that cannot be understood."""
    error = ResponseInvalid(message, **_circumstances(answer))
    error.wire_path = wire_path
    error.body = _excerpt(answer.content)
    if answer.operation.may_send:
        error.sent = Sent.UNKNOWN
        error.next_step = DeliveryUnknown.next_step
    return error


_Error = TypeVar("_Error", bound=ApiError)


def _api_error(kind: type[_Error], answer: ApiResponse, did: str = "refused") -> _Error:
    error = kind(_message(answer, did), code=_code(answer.data), **_circumstances(answer))
    if isinstance(answer.data, dict) and isinstance(answer.data.get("field"), str):
        error.field = mask_text(answer.data["field"])
    return error


def _circumstances(answer: ApiResponse) -> dict[str, Any]:
    return {
        "method": answer.operation.method,
        "path": answer.operation.shown_path,
        "status": answer.status,
        "request_id": answer.request_id,
        "attempts": answer.attempts,
        "campaign_id": answer.campaign_id,
        "sent": Sent.ANSWERED,
    }


def _message(answer: ApiResponse, did: str) -> str:
    text = _told(answer) or httpx.codes.get_reason_phrase(answer.status) or "no explanation"
    return f"the server {did}: {mask_text(text)[:_EXCERPT]}"


def _told(answer: ApiResponse) -> str:
    if isinstance(answer.data, dict):
        told = (answer.data.get(key) for key in _MESSAGE_KEYS)
        return next((str(text) for text in told if text), "")
    if title := _TITLE.search(answer.content[:_EXCERPT]):
        return title[1].decode(errors="replace").strip()
    return answer.data.strip() if isinstance(answer.data, str) and "<" not in answer.data else ""


def _code(data: object) -> str | None:
    if not isinstance(data, dict):
        return None
    code = data.get("code") or data.get("error")
    return mask_text(code) if isinstance(code, str) and " " not in code else None


def _excerpt(content: bytes) -> str:
    return mask_text(content[:_EXCERPT].decode(errors="replace"))


def decoded(content: bytes) -> Any:
    """Return JSON where the body is JSON, None where it is empty, else its text."""
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return content.decode(errors="replace") if content.strip() else None


def retry_after_of(headers: httpx.Headers, now: datetime | None = None) -> timedelta | None:
    """Return how long the server asks to wait: seconds, a fraction, or until an HTTP date."""
    if milliseconds := headers.get("retry-after-ms"):
        return _seconds(milliseconds, 0.001)
    text = headers.get("retry-after")
    if text is None:
        return None
    waiting = _seconds(text, 1)
    if waiting is not None:
        return waiting
    # By the server's own clock, where it tells it: the two need not agree.
    told_now = _http_date(headers.get("date", ""))
    return _until(text, told_now or now or datetime.now(UTC))


def _seconds(text: str, unit: float) -> timedelta | None:
    try:
        return max(timedelta(seconds=float(text) * unit), timedelta(0))
    except OverflowError:
        return timedelta(0) if text.strip().startswith("-") else timedelta.max
    except ValueError:
        return None


def _until(text: str, now: datetime) -> timedelta | None:
    moment = _http_date(text)
    return None if moment is None else max(moment - now, timedelta(0))


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


_PIECE_BYTES: Final = 2**18
_GZIP: Final = 31


async def whole_body(answer: Answer, most_bytes: int) -> bytes | None:
    """Return the decoded body, or None when it is too large; the answer is closed.

    Raises:
        httpx.DecodingError, httpx.TransportError: as `decoded_pieces` does.
    """
    content = bytearray()
    async with aclosing(answer), aclosing(decoded_pieces(answer)) as pieces:
        async for piece in pieces:
            content += piece
            if len(content) > most_bytes:
                return None
    return bytes(content)


async def decoded_pieces(answer: Answer) -> AsyncGenerator[bytes, None]:
    """Yield the decoded body in pieces of at most 256 KiB, however far it was compressed.

    Raises:
        httpx.DecodingError: for a compression that nobody asked for, or a damaged one.
        httpx.TransportError: when the body breaks off.
    """
    encoding = httpx.Headers(answer.headers).get("content-encoding", "")
    decoder = _DECODERS.get(encoding.strip().lower()) if answer.is_encoded else _Identity
    if decoder is None:
        raise httpx.DecodingError("a compression that nobody asked for")
    decode = decoder()
    raw = cast("AsyncGenerator[bytes, None]", aiter(answer))
    async with aclosing(raw) as pieces:
        async for piece in pieces:
            for part in decode.feed(piece):
                yield part
    if not decode.is_whole:
        raise httpx.DecodingError("the compressed body ends early")


class _Identity:
    is_whole = True

    def feed(self, data: bytes) -> Iterator[bytes]:
        yield data


class _Inflater:
    """Undoes gzip, one member after the other; no byte at all is a whole body, too."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP)
        self.is_whole = True

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._member.eof:
                self._member = zlib.decompressobj(_GZIP)
            try:
                yield self._member.decompress(data, _PIECE_BYTES)
            except zlib.error as error:
                raise httpx.DecodingError(str(error)) from None
            data = self._member.unconsumed_tail or self._member.unused_data
            self.is_whole = self._member.eof


_DECODERS: Final[dict[str, type[_Identity | _Inflater]]] = {
    "": _Identity,
    "identity": _Identity,
    "gzip": _Inflater,
    "x-gzip": _Inflater,
}

_BY_STATUS: Final[dict[int, type[ApiError]]] = {
    400: BadRequest,
    401: AuthenticationFailed,
    403: PermissionDenied,
    404: NotFound,
    409: Conflict,
    413: BadRequest,
    415: BadRequest,
    422: BadRequest,
    429: RateLimited,
}

_REQUEST_TIMEOUT: Final = 408
_FIRST_ERROR_STATUS: Final = 300
_FIRST_CLIENT_ERROR: Final = 400
_FIRST_SERVER_ERROR: Final = 500
_EXCERPT: Final = 2048
_REQUEST_ID_HEADERS: Final = ("x-request-id", "x-correlation-id", "request-id")
_ERROR_KEYS: Final = ("error", "errors", "errorMessage")
_MESSAGE_KEYS: Final = ("message", "errorMessage", "error_description", "error", "errors")
_TITLE: Final = re.compile(rb"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
