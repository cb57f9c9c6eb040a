"""A call as bytes, or as httpx's request; what this server turned out to want."""

from __future__ import annotations

from collections.abc import AsyncIterator, Container
from functools import lru_cache, partial
from typing import Final

import httpx
from attrs import frozen

from mediasflow_async._core.calls import Body, Call
from mediasflow_async._core.proof import Proof
from mediasflow_async._core.responses import ACCEPTED_ENCODING
from mediasflow_async.dialect import FORM_TYPE, JSON_TYPE, Dialect
from mediasflow_async.errors import MediasflowError
from mediasflow_async.transport import SMALL_BYTES, Origin, Outgoing, outgoing_of

__all__ = [
    "CANCEL_PATH",
    "METHODS_WITH_BODY",
    "Choice",
    "Negotiation",
    "RequestWriter",
    "Shortcut",
    "prepared_headers",
    "same_origin_get",
]


CANCEL_PATH: Final = "campaigns/{campaign_id}/cancel"

_METHOD_NOT_ALLOWED: Final = 405
_UNSUPPORTED_MEDIA_TYPE: Final = 415
# GET comes last: a cancel by GET could be repeated by any cache or proxy on the way.
_PREFERRED_METHODS: Final = ("PUT", "POST", "DELETE", "GET")


@frozen
class Choice:
    """What one request was sent with.

    Attributes:
        method: its HTTP method.
        content_type: the media type announced for its body, or None without a body.
    """

    method: str
    content_type: str | None


_choice = lru_cache(maxsize=64)(Choice)


class Negotiation:
    """Remembers for a session which media type and which method the server accepts.

    The guide announces JSON under the type of forms, and gives no method for a cancel. A
    refusal with 415 or 405 says that nothing was executed, so the other choice is tried once.

    Args:
        dialect: the choices to start from.
    """

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self._json_type = dialect.json_content_type
        self._cancel_method: str = dialect.cancel_method
        self._refused: set[str] = set()

    def choice_for(self, call: Call) -> Choice:
        """Return what to send a call with, as far as is known."""
        method = self._cancel_method if _is_cancel(call) else call.operation.method
        if call.body is not None:
            return _choice(method, call.body.content_type)
        is_json = call.content_type == JSON_TYPE
        return _choice(method, self._json_type if is_json else call.content_type)

    def learns_from(self, error: MediasflowError, call: Call, choice: Choice) -> bool:
        """Take a refusal; True when the call is worth sending again, with another choice."""
        if error.status == _UNSUPPORTED_MEDIA_TYPE and call.content_type == JSON_TYPE:
            self._refused.add(choice.content_type or "")
            other = JSON_TYPE if choice.content_type == FORM_TYPE else FORM_TYPE
            if other in self._refused:
                return False
            self._json_type = other
            return True
        if error.status == _METHOD_NOT_ALLOWED and _is_cancel(call):
            self._refused.add(choice.method)
            return self._finds_method(getattr(error, "allow", ()))
        return False

    def _finds_method(self, allowed: Container[str]) -> bool:
        for method in _PREFERRED_METHODS:
            if method in allowed and method not in self._refused:
                self._cancel_method = method
                return True
        return False


def _is_cancel(call: Call) -> bool:
    return call.operation.path == CANCEL_PATH


_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
METHODS_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
"""Methods whose requests have a length, even if that is 0."""


class _Streamed(httpx.AsyncByteStream):
    """A body on its way, from the start whenever it is asked for."""

    def __init__(self, body: Body) -> None:
        self._body = body

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._body.stream()


class RequestWriter:
    """Writes the requests of a session; headers that are alike are prepared once.

    Args:
        base_url: the address that every request is below.
    """

    def __init__(self, base_url: httpx.URL) -> None:
        # Of its own, so that no bearer outlives the session. Lengths repeat themselves, too.
        self._prepared = lru_cache(maxsize=512)(partial(prepared_headers, base_url.netloc))

    def write(
        self, call: Call, choice: Choice, authorization: str | None, proof: Proof
    ) -> httpx.Request:
        """Return the request of one attempt.

        Args:
            call: what is called.
            choice: method and media type, as this server wants them.
            authorization: the header that says who is calling.
            proof: told by the transport what leaves.
        """
        content = call.content or b""
        length = call.body.length if call.body else len(content)
        has_length = length > 0 or choice.method in METHODS_WITH_BODY
        request = httpx.Request(
            choice.method,
            call.url,
            headers=self._prepared(
                authorization, choice.content_type, length if has_length else None
            ),
            stream=_Streamed(call.body) if call.body else httpx.ByteStream(content),
            extensions={
                "timeout": dict(call.timeouts),
                "proof": proof,
                "trace": proof.trace,
                "alone": call.operation.may_send,
            },
        )
        if call.headers:
            request.headers.update(_changeable(call, choice))
        return request


def _changeable(call: Call, choice: Choice) -> dict[str, str]:
    """Return the caller's headers, but for the type of a body that we write."""
    return {
        name: value
        for name, value in call.headers.items()
        if choice.content_type is None or name.lower() != "content-type"
    }


def prepared_headers(
    host: bytes, authorization: str | None, content_type: str | None, length: int | None
) -> httpx.Headers:
    """Return the headers of a request, its length last; what is None is left out."""
    headers = {
        "Host": host.decode("ascii"),
        "Accept": "application/json, text/csv, */*;q=0.5",
        "Accept-Encoding": ACCEPTED_ENCODING,
        "Connection": "keep-alive",
        "User-Agent": "mediasflow-async",
        "Authorization": authorization,
        "Content-Type": content_type,
        "Content-Length": None if length is None else str(length),
    }
    return httpx.Headers({name: value for name, value in headers.items() if value is not None})


def same_origin_get(request: httpx.Request, response: httpx.Response) -> httpx.Request | None:
    """Return the request that a redirect asks for, where it may be followed at all.

    Only a GET to the same origin: the bearer belongs to that origin, and repeating anything
    else could send twice.
    """
    location = response.headers.get("location") if response.status_code in _REDIRECTS else None
    if request.method != "GET" or location is None:
        return None
    try:
        url = request.url.join(location)
    except httpx.InvalidURL:
        return None
    if _origin(url) != _origin(request.url) or url.userinfo:
        return None
    return httpx.Request("GET", url, headers=request.headers, extensions=request.extensions)


def _origin(url: httpx.URL) -> tuple[str, bytes, int | None]:
    # As it goes over the wire: a host that is no name of any language cannot be shown.
    return url.scheme, url.raw_host, url.port


_NO_BODY: Final = b"0\r\n\r\n"


class Shortcut:
    """Writes calls as the bytes that go over the wire; heads that are alike are written once.

    Args:
        base_url: the address that every call is below.

    Attributes:
        origin: where the calls go.
    """

    def __init__(self, base_url: httpx.URL) -> None:
        self.origin: Origin = (base_url.scheme, base_url.raw_host, base_url.port, None)
        # Of its own, so that no bearer outlives the session.
        self._head = lru_cache(maxsize=128)(partial(_head_of, base_url))

    def takes(self, call: Call, choice: Choice) -> bool:
        """Whether a call can go this way: small, in memory, and not to be redirected."""
        return (
            choice.method in METHODS_WITH_BODY
            and call.body is None
            and not call.headers
            and (call.content is None or len(call.content) <= SMALL_BYTES)
        )

    def write(
        self, call: Call, choice: Choice, authorization: str | None, proof: Proof
    ) -> Outgoing:
        """Return the request of one attempt, the same bytes as through httpx.

        Args:
            call: what is called.
            choice: method and media type, as this server wants them.
            authorization: the header that says who is calling.
            proof: told by the transport what leaves.
        """
        content = call.content or b""
        head = self._head(choice.method, call.url.raw_path, authorization, choice.content_type)
        return Outgoing(
            method=choice.method,
            start=b"%b%d\r\n\r\n%b" % (head, len(content), content),
            timeouts=call.timeouts,
            watcher=proof,
            body_length=len(content),
        )


def _head_of(
    base_url: httpx.URL,
    method: str,
    raw_path: bytes,
    authorization: str | None,
    content_type: str | None,
) -> bytes:
    """Return a head up to the number of its Content-Length, which comes last."""
    request = httpx.Request(
        method,
        base_url.copy_with(raw_path=raw_path),
        headers=prepared_headers(base_url.netloc, authorization, content_type, 0),
        stream=httpx.ByteStream(b""),
    )
    return outgoing_of(request).start.removesuffix(_NO_BODY)
