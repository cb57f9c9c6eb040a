"""What an answer means: its data, its error, how long to wait; and its body, decompressed."""

from __future__ import annotations

import re
import zlib
from collections.abc import AsyncGenerator, Callable, Container, Iterable, Iterator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar, cast

import httpx
import orjson
from attrs import field, frozen

from mediasflow_async._core.calls import Call, Operation
from mediasflow_async._core.judgement import Judgement, Tells, judge
from mediasflow_async._core.progress import Progress, unreadable
from mediasflow_async._core.routes import Answer
from mediasflow_async.converter import ModelReader, Unreadable
from mediasflow_async.converter.streams import Utf8, charset_of, decoded_slowly
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
from mediasflow_async.secrecy import hidden, mask_text

__all__ = [
    "ApiResponse",
    "decoded_pieces",
    "error_of",
    "invalid",
    "media_type_of",
    "response_of",
    "retry_after_of",
    "understood",
    "whole_body",
]


_Model = TypeVar("_Model")
_Error = TypeVar("_Error", bound=MediasflowError)
_Refusal = TypeVar("_Refusal", bound=ApiError)
_Headers = httpx.Headers | Sequence[tuple[bytes, bytes]]


@frozen(kw_only=True)
class ApiResponse:
    """An answer of the server, decoded.

    Attributes:
        status: HTTP status.
        data: the decoded body: JSON where it is JSON, None where it is empty, else text.
        attempts: how many attempts it took.
        operation: what was called.
        campaign_id: the campaign concerned, or None.
        secrets: gives what was sent and no error may repeat.
    """

    status: int
    _headers: _Headers = field(alias="headers", repr=False)
    content: bytes = field(repr=False)
    data: Any = field(repr=False)
    attempts: int = 1
    operation: Operation
    campaign_id: int | None = None
    reader: ModelReader = field(repr=False, eq=False)
    judgement: Judgement = field(repr=False, eq=False)
    secrets: Callable[[], Iterable[str]] = field(default=tuple, repr=False, eq=False)

    @property
    def payload(self) -> Any:
        """The data without its envelope, such as ``{"data": {...}}`` or a list of one."""
        return self.judgement.data

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
        return next((self.shown(text) for text in found if text is not None), None)

    def shown(self, text: str) -> str:
        """Return the beginning of what the server says, without what it may not repeat."""
        # What is beyond would be looked through for nothing.
        return mask_text(hidden(text[: 2 * _EXCERPT], self.secrets()))[:_EXCERPT]

    def read(self, model: type[_Model]) -> _Model:
        """Return the payload as a model.

        Raises:
            ResponseInvalid: when it is not one; `wire_path` says where.
        """
        return value_of(self.understood(self.payload, model))

    def understood(
        self, data: object, model: type[_Model], path: str = "$"
    ) -> _Model | ResponseInvalid:
        """Return a part of the data as a model, or the error for what is not one below `path`."""
        result = self.reader.read(data, model, path=path)
        if isinstance(result, Unreadable):
            return invalid(self, result.message, result.path)
        return result


def response_of(
    status: int,
    headers: _Headers,
    media_type: str,
    content: bytes,
    *,
    operation: Operation,
    campaign_id: int | None = None,
    attempts: int = 1,
    reader: ModelReader,
    is_utf8: bool = False,
    secrets: Callable[[], Iterable[str]] = tuple,
) -> ApiResponse:
    """Return an answer with its body decoded and judged.

    Whatever charset is announced, a content that `is_utf8` was made so before.
    """
    data = _decoded(content, "" if is_utf8 else media_type)
    return ApiResponse(
        status=status,
        headers=headers,
        content=content,
        data=data,
        attempts=attempts,
        operation=operation,
        campaign_id=campaign_id,
        reader=reader,
        judgement=judge(operation.expects, status, media_type, data, campaign_id=campaign_id),
        secrets=secrets,
    )


def understood(
    answer: Answer,
    content: bytes | None,
    call: Call,
    progress: Progress,
    *,
    reader: ModelReader,
    most_bytes: int,
    refusals: Container[int],
) -> ApiResponse | MediasflowError:
    """Return an answer, or the error that it stands for; without content, it was too large.

    Args:
        answer: the answer.
        content: its decoded body, None where that is too large.
        call: what was called.
        progress: how often.
        reader: reads models out of it.
        most_bytes: the largest body.
        refusals: statuses that prove of a call that may send that it was not executed.
    """
    if content is None or len(content) > most_bytes:
        reason = f"the answer is larger than {most_bytes} bytes once decoded"
        error = unreadable(reason, call, progress, answer.status)
        error.next_step += f" To read it: Session(max_response_bytes={2 * most_bytes})."
        return error
    response = response_of(
        answer.status,
        answer.headers,
        media_type_of(answer),
        content,
        operation=call.operation,
        campaign_id=call.campaign_id,
        attempts=progress.attempts,
        reader=reader,
        secrets=call.secrets,
    )
    return error_of(response, refusals) or response


def media_type_of(answer: Answer) -> str:
    """Return the `Content-Type` of an answer with its parameters, or an empty text."""
    return answer.fields.get(b"content-type", b"").decode("latin-1")


def error_of(answer: ApiResponse, refusals: Container[int] = ()) -> MediasflowError | None:
    """Return the error that an answer stands for, or None when it is a success."""
    tells = answer.judgement.tells
    if tells is Tells.DONE:
        return None
    if answer.status < _FIRST_ERROR_STATUS:
        return _error_under_success(answer, tells)
    if answer.status >= _FIRST_SERVER_ERROR or answer.status == _REQUEST_TIMEOUT:
        return _server_error(answer, "failed")
    error = _api_error(_BY_STATUS.get(answer.status, ApiError), answer)
    if isinstance(error, RateLimited):
        error.retry_after = retry_after_of(answer.headers)
    if allow := answer.headers.get("allow"):
        error.allow = tuple(method.strip().upper() for method in allow.split(","))
    if answer.status < _FIRST_CLIENT_ERROR:
        error.message = "the server redirects elsewhere, which is not followed"
        error.next_step = "Is the base URL right? Credentials are for that address alone."
    return error if answer.status in refusals else _in_doubt(error, answer.operation)


def _in_doubt(error: _Error, operation: Operation) -> _Error:
    """Return a refusal that proves nothing of a call that may send: servers refuse what ran."""
    if operation.may_send:
        error.sent = Sent.UNKNOWN
        error.next_step = DeliveryUnknown.next_step
    return error


def _error_under_success(answer: ApiResponse, tells: Tells) -> MediasflowError:
    """Return the error for a 2xx that does not show that anything was done."""
    if tells is Tells.IN_PROGRESS:
        return _server_error(answer, "has not finished")
    if tells is Tells.UNREADABLE:
        return invalid(answer, f"the answer does not show that it was done: {_told(answer)}")
    return _in_doubt(_api_error(ApiError, answer), answer.operation)


def _server_error(answer: ApiResponse, did: str) -> MediasflowError:
    if answer.operation.may_send:
        unknown = DeliveryUnknown(_message(answer, did), **_circumstances(answer))
        unknown.sent = Sent.UNKNOWN
        return unknown
    error = _api_error(ServerError, answer, did)
    error.retry_after = retry_after_of(answer.headers)
    return error


def invalid(answer: ApiResponse, message: str, wire_path: str = "") -> ResponseInvalid:
    """Return the error for an answer that cannot be understood."""
    error = ResponseInvalid(message, **_circumstances(answer))
    error.wire_path = wire_path
    error.body = answer.shown(_without_texts(answer))
    return _in_doubt(error, answer.operation)


_KEPT_OR_TEXT: Final = re.compile(
    r'''"(?:status|statut|state|result|code|errorCode|success)"\s*:\s*"\w{1,24}"'''
    r"""|"[A-Za-z_][\w-]{0,39}"\s*:"""
    r"""|(?P<text>"(?:[^"\\]|\\.)*+"?)""",
    re.ASCII | re.DOTALL | re.IGNORECASE,
)
_NAME: Final = re.compile(r'"([A-Za-z_][\w-]{0,39})"\s*:|<([A-Za-z_][\w-]{0,39})', re.ASCII)
_PAGE: Final = re.compile(r"<(?:!doctype html|html)", re.IGNORECASE)


def _without_texts(answer: ApiResponse) -> str:
    """Return what an error shows of a body: no text of JSON, which may be the text of an SMS.

    A campaign has its text with it, also where the call that it answers sent none. Names, numbers
    and states say enough of what was answered; of JSON that cannot be read, and of XML, names.
    """
    body = answer.content[: 2 * _EXCERPT]
    if b"\0" in body:
        # In UTF-16 a part of a character can be that of a quote.
        return ""
    text = body.decode(errors="replace").lstrip("\ufeff \t\r\n")
    if not isinstance(answer.data, str):
        return _KEPT_OR_TEXT.sub(_starred, text)
    if text.startswith(("{", "[", '"')) or (text.startswith("<") and not _PAGE.match(text)):
        return " ".join("".join(found) for found in _NAME.findall(text))
    return text


def _starred(found: re.Match[str]) -> str:
    return found[0] if found["text"] is None else '"***"'


def _api_error(kind: type[_Refusal], answer: ApiResponse, did: str = "refused") -> _Refusal:
    code = answer.judgement.code
    shown = None if code is None else answer.shown(code)
    error = kind(_message(answer, did), code=shown, **_circumstances(answer))
    if isinstance(answer.data, dict) and isinstance(answer.data.get("field"), str):
        error.field = answer.shown(answer.data["field"])
    error.is_json = isinstance(answer.data, dict | list)
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
    return f"the server {did}: {text}"


def _told(answer: ApiResponse) -> str:
    return answer.shown(answer.judgement.message)


def _decoded(content: bytes, media_type: str = "") -> Any:
    """Return JSON where the body is JSON, None where it is empty, else its text."""
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return _decoded_slowly(content, media_type) if content.strip() else None


def _decoded_slowly(content: bytes, media_type: str) -> Any:
    """Return what is no JSON in UTF-8: JSON in another charset, after a BOM, with NaN; or text."""
    text = _text(content, media_type)
    try:
        return decoded_slowly(text)
    except (ValueError, RecursionError):
        return text if text.strip() else None


def _text(content: bytes, media_type: str) -> str:
    """Return a body as text: by its BOM, by the charset that is announced, or as what it can be."""
    utf8 = Utf8(charset_of(media_type))
    content = utf8.feed(content) + utf8.finish()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # What Java servers write where nobody chose a charset.
        return content.decode("cp1252", errors="replace")


_LONGEST_WAIT: Final = timedelta(days=1)


def retry_after_of(headers: httpx.Headers, now: datetime | None = None) -> timedelta | None:
    """Return how long the server asks to wait: seconds, a fraction, or until an HTTP date.

    At most a day, whatever it asks for: no header makes anything wait without an end. None where
    it cannot be read.
    """
    waiting = _asked_wait(headers, now)
    return None if waiting is None else min(max(waiting, timedelta(0)), _LONGEST_WAIT)


def _asked_wait(headers: httpx.Headers, now: datetime | None) -> timedelta | None:
    waiting = _seconds(headers.get("retry-after-ms", ""), 0.001)
    if waiting is not None:
        return waiting
    text = headers.get("retry-after")
    if text is None:
        return None
    waiting = _seconds(text, 1)
    if waiting is not None:
        return waiting
    # By the server's own clock, where it tells it: the two need not agree.
    moment = _http_date(text)
    told_now = _http_date(headers.get("date", "")) or now or datetime.now(UTC)
    return None if moment is None else moment - told_now


def _seconds(text: str, unit: float) -> timedelta | None:
    try:
        return timedelta(seconds=float(text) * unit)
    except OverflowError:
        return timedelta.min if text.strip().startswith("-") else timedelta.max
    except ValueError:
        return None


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        # A year or a zone of too many digits is an OverflowError.
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
    encoding = answer.fields.get(b"content-encoding", b"").decode("latin-1")
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
