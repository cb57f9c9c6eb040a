"""Requests and answers in httpx's form, for transports and hooks that know no other.

The core has a request as bytes about to leave (`Outgoing`), and an answer as what has arrived.
httpx's objects cost more than all that our own transport does for a call. They are made here
and nowhere else: for httpx's transport (trio, proxies), for a transport or a client of the
caller's, and for `Dialect.checksum`.
"""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Mapping,
)
from contextlib import aclosing, contextmanager
from typing import Final, TypeVar, cast

import httpx

from mediasflow_async._core.proof import Proof
from mediasflow_async.dialect import Checksum
from mediasflow_async.errors import ConfigurationError
from mediasflow_async.transport import Outgoing

__all__ = ["CookielessClient", "sending_through", "sending_through_own", "with_checksum"]

_Answer = TypeVar("_Answer")


def sending_through_own(client: CookielessClient) -> Callable[[Outgoing], Awaitable[_HttpxAnswer]]:
    """Return how to send requests through a client of ours, which adds nothing to them."""

    async def send(outgoing: Outgoing) -> _HttpxAnswer:
        return _HttpxAnswer(await _sent(client, _request_of(outgoing)))

    return send


def sending_through(client: httpx.AsyncClient) -> Callable[[Outgoing], Awaitable[_HttpxAnswer]]:
    """Return how to send requests through a client of the caller's.

    They leave as that client makes them: with its headers, cookies and agent.
    """

    async def send(outgoing: Outgoing) -> _HttpxAnswer:
        request = _request_of(outgoing)
        headers = {name: value for name, value in request.headers.items() if name != "user-agent"}
        adopted = client.build_request(
            request.method, request.url, headers=headers, extensions=request.extensions
        )
        adopted.stream = request.stream
        return _HttpxAnswer(await _sent(client, adopted))

    return send


def with_checksum(
    send: Callable[[Outgoing], Awaitable[_Answer]], checksum: Checksum
) -> Callable[[Outgoing], Awaitable[_Answer]]:
    """Return how to send requests with the headers that prove their integrity.

    What proves the integrity of a body stands before it: the body is read into memory. What the
    checksum raises is the caller's, as what a guard raises is: nothing has left.

    Raises:
        ConfigurationError: when it is called, for headers that no request can have.
    """

    async def checked(outgoing: Outgoing) -> _Answer:
        request, proof = _request_of(outgoing), cast("Proof", outgoing.observer)
        content = await request.aread()
        proof.is_vetoed = True
        headers = _raw(checksum(request))
        proof.is_vetoed = False
        return await send(outgoing.with_content(content).with_headers(headers))

    return checked


def _raw(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    try:
        return httpx.Headers(headers).raw
    except UnicodeEncodeError:
        rule = "Dialect.checksum gives headers of ASCII text"
    raise ConfigurationError(rule)


async def _sent(client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
    with _as_failure(request):
        try:
            return await client.send(request, stream=True, auth=None, follow_redirects=False)
        except (UnicodeError, httpx.InvalidURL):
            if request.extensions["proof"].is_vetoed:
                raise
            # httpx reads the address of a redirect even where it does not follow it.
            reason = "the answer redirects to what is no address"
        raise httpx.RemoteProtocolError(reason, request=request)


@contextmanager
def _as_failure(request: httpx.Request) -> Generator[None]:
    """Raise what a transport of the caller's raises as a failure of the transport.

    It may be written with any library, and raise that one's exceptions. Those of a guard, and of a
    body that is read as it leaves, are none of the transport's.
    """
    try:
        yield
    except (httpx.RequestError, OSError):
        raise
    except Exception as error:
        of_body = getattr(request.stream, "failed_with", None)
        if request.extensions["proof"].is_vetoed or id(error) == of_body:
            raise
        reason = f"{type(error).__name__}: {error}"
        raise httpx.TransportError(reason, request=request) from error


def _request_of(outgoing: Outgoing) -> httpx.Request:
    head, observer = outgoing.head, cast("Proof", outgoing.observer)
    scheme, host, port, _ = head.origin
    headers = list(head.headers)
    if outgoing.length is not None:
        headers.append((b"Content-Length", b"%d" % outgoing.length))
    return httpx.Request(
        head.method,
        httpx.URL(scheme=scheme, host=host.decode("ascii"), port=port, raw_path=head.target),
        headers=headers,
        stream=_Body(outgoing.stream) if outgoing.stream else httpx.ByteStream(outgoing.content),
        extensions={
            "timeout": dict(outgoing.timeouts),
            "proof": observer,
            "once": outgoing.is_once,
            "trace": observer.trace,
        },
    )


class _Body(httpx.AsyncByteStream):
    """A body that is streamed, from its start whenever it is asked for.

    Attributes:
        failed_with: the identity of what reading it raised, or None. The exception itself, which
            leads to the frames that hold this body, would wait for the collector.
    """

    def __init__(self, stream: Callable[[], AsyncIterator[bytes]]) -> None:
        self._stream = stream
        self.failed_with: int | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._stream():
                yield piece
        except Exception as error:
            self.failed_with = id(error)
            raise


class _HttpxAnswer:
    """An answer of httpx's in the form of our own transport's.

    Args:
        response: the answer, its body still to be read.

    Attributes:
        status: its status.
        headers: its headers as they came.
        fields: the same by their names in small letters.
        is_encoded: whether the body is compressed.
    """

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self.status = response.status_code
        self.headers = response.headers.raw
        self.fields = {name.lower(): value for name, value in self.headers}
        # What a transport of the caller's made in memory, httpx has decoded.
        self.is_encoded = not response.is_stream_consumed and "content-encoding" in response.headers

    def plain_body(self) -> None:
        """Return None: the body has to be awaited."""

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        response = self._response
        if response.is_stream_consumed:
            yield response.content
            return
        raw = cast("AsyncGenerator[bytes, None]", response.aiter_raw())
        with _as_failure(response.request):
            async with aclosing(raw) as pieces:
                async for piece in pieces:
                    yield piece

    async def aclose(self) -> None:
        """Close the response, and cut the reference cycle that httpx makes of it."""
        try:
            await self._response.aclose()
        finally:
            # The stream refers back to the response, and to the bearer in its request.
            self._response.stream = _NOTHING


_NOTHING: Final = httpx.ByteStream(b"")


class _NoCookies(httpx.Cookies):
    """Takes no cookie."""

    def extract_cookies(self, response: httpx.Response) -> None:
        """Take none."""


class CookielessClient(httpx.AsyncClient):
    """httpx's client without a cookie jar: a session keeps the cookies of its server itself."""

    @property
    def cookies(self) -> httpx.Cookies:
        """No cookies."""
        return _NO_COOKIES

    @cookies.setter
    def cookies(self, cookies: object) -> None:
        """Take none."""


_NO_COOKIES: Final = _NoCookies()
