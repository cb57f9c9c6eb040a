"""A call as a request of httpx's, its headers prepared once for all that are alike. No I/O."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import lru_cache, partial
from typing import Final

import httpx

from mediasflow_async.calls import Body, Call
from mediasflow_async.decoding import ACCEPTED_ENCODING
from mediasflow_async.negotiation import Choice
from mediasflow_async.proof import Proof

__all__ = ["METHODS_WITH_BODY", "RequestWriter", "prepared_headers", "same_origin_get"]

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
