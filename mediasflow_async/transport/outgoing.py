"""Requests as they go over the wire: HTTP/1.1 as bytes, exactly one request each. No I/O."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple, Protocol, cast

import httpx

__all__ = [
    "SMALL_BYTES",
    "WRONG_LENGTH",
    "Head",
    "Headers",
    "Observer",
    "Origin",
    "Outgoing",
    "head_of",
    "outgoing_of",
]


SMALL_BYTES: Final = 64 * 1024
"""The longest body that is written in one piece with its head."""

WRONG_LENGTH: Final = "the body is not as long as its Content-Length says"
_ALWAYS_TAKEN_BYTES: Final = 16 * 1024

Origin = tuple[str, bytes, int | None, str | None]
"""Scheme, host, port unless it is the scheme's own, name in TLS unless it is the host's."""

Headers = Sequence[tuple[bytes, bytes]]
"""Names and values of headers, in their order."""


class Outgoing(NamedTuple):
    """A request on its way.

    Attributes:
        head: its method, target and headers.
        content: the body that is written in one piece with the head.
        length: bytes of the body, announced in a Content-Length after the head's own headers;
            None where the head says all that there is to say.
        timeouts: longest waits in seconds, by httpx's names.
        observer: who follows it, or None.
        stream: gives the body piece by piece, from its start; None when `content` is all of it.
        may_wait: whether it may leave a little later, together with others. False with a guard:
            its veto must reach the caller, not the loop's callback.
        is_once: whether it is not repeated in doubt: it goes over a connection that the server
            is not about to close.
    """

    head: Head
    content: bytes
    length: int | None
    timeouts: Mapping[str, float | None]
    observer: Observer | None
    stream: Callable[[], AsyncIterator[bytes]] | None = None
    may_wait: bool = False
    is_once: bool = False

    @property
    def is_small(self) -> bool:
        """Whether all of it is at hand, and fits into the buffer of any socket."""
        return self.stream is None and len(self.content) <= _ALWAYS_TAKEN_BYTES

    def first_bytes(self) -> bytes:
        """Return the head, and the body as well where it is at hand."""
        if self.length is None:
            return b"%b\r\n%b" % (self.head.lines, self.content)
        return b"%bContent-Length: %d\r\n\r\n%b" % (self.head.lines, self.length, self.content)

    def with_content(self, content: bytes) -> Outgoing:
        """Return the request with a body in memory, which is streamed where it is large.

        Raises:
            httpx.LocalProtocolError: when the head announces another length.
        """
        if self.streamed_bytes not in (None, len(content)):
            raise httpx.LocalProtocolError(WRONG_LENGTH)
        if len(content) <= SMALL_BYTES:
            return self._replace(content=content, stream=None)
        return self._replace(content=b"", stream=partial(_at_once, content))

    def with_headers(self, headers: Headers) -> Outgoing:
        """Return the request with further headers, which replace those of the same name.

        Raises:
            httpx.LocalProtocolError: as `head_of` does.
        """
        origin, method, target = self.head[:3]
        merged = {name.lower(): (name, value) for name, value in self.head.headers}
        merged |= {name.lower(): (name, value) for name, value in headers}
        head = head_of(origin, method, target, list(merged.values()))
        if (head.length, head.is_chunked) != (self.head.length, self.head.is_chunked):
            raise httpx.LocalProtocolError("how long the body is, is not for others to say")
        return self._replace(head=head)

    @property
    def streamed_bytes(self) -> int | None:
        """How long the stream has to be, or None when it goes in chunks."""
        if self.head.is_chunked:
            return None
        return self.head.length or 0 if self.length is None else self.length


class Head(NamedTuple):
    """What requests that differ in their body alone have in common.

    Attributes:
        origin: where they go.
        method: their method.
        target: what stands after the method: the path and the query.
        headers: their headers.
        lines: the request line and the headers as bytes, without the empty line after them.
        length: the Content-Length among the headers, None where there is none.
        is_chunked: whether the body goes in chunks.
        is_last: whether they ask for the end of the connection.
    """

    origin: Origin
    method: str
    target: bytes
    headers: Headers
    lines: bytes
    length: int | None
    is_chunked: bool
    is_last: bool


class Observer(Protocol):
    """Who is told how far a request has come."""

    def leaving(self) -> None:
        """Note that the first byte leaves next; an exception keeps it here."""

    def answered(self) -> None:
        """Note that the head of the answer is here."""


def outgoing_of(request: httpx.Request) -> Outgoing:
    """Return a request of httpx as it goes over the wire; its headers tell how it is framed.

    Raises:
        httpx.LocalProtocolError: when it would not be exactly one well-formed request.
    """
    url, extensions = request.url, request.extensions
    head = head_of(
        (url.scheme, url.raw_host, url.port, extensions.get("sni_hostname")),
        request.method,
        extensions.get("target") or url.raw_path,
        request.headers.raw,
    )
    content = _content_at_hand(request, head)
    observer = extensions.get("proof")
    return Outgoing(
        head=head,
        content=content or b"",
        length=None,
        timeouts=extensions.get("timeout") or {},
        observer=observer,
        stream=partial(aiter, cast("Any", request.stream)) if content is None else None,
        may_wait=observer is None,
        is_once=extensions.get("once", False),
    )


def _content_at_hand(request: httpx.Request, head: Head) -> bytes | None:
    if head.is_chunked or not isinstance(request.stream, httpx.ByteStream):
        return None
    content = b"".join(request.stream)
    if len(content) != (head.length or 0):
        raise httpx.LocalProtocolError(WRONG_LENGTH)
    return content if len(content) <= SMALL_BYTES else None


_TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]++"

_WELL_FORMED: Final = re.compile(
    _TOKEN + rb" [!-~\x80-\xff]++ HTTP/1\.1\r\n(?:" + _TOKEN + rb": [^\x00\r\n]*+\r\n)*+"
)

_FRAMING: Final = frozenset({b"host", b"content-length", b"transfer-encoding", b"connection"})


def head_of(origin: Origin, method: str, target: bytes, headers: Headers) -> Head:
    """Return a head as it goes over the wire.

    Raises:
        httpx.LocalProtocolError: when it would not be the head of one well-formed request.
    """
    told: dict[bytes, bytes] = {}
    lines = [b"%b %b HTTP/1.1\r\n" % (method.encode(), target)]
    for name, value in headers:
        lines.append(b"%b: %b\r\n" % (name, value))
        if (kind := name.lower()) in _FRAMING:
            if kind in told:
                raise httpx.LocalProtocolError(f"there is more than one {kind.decode()} header")
            told[kind] = value
    written = b"".join(lines)
    # A line of ours that has line ends of its own would pass as several.
    if written.count(b"\r\n") != len(lines) or not _WELL_FORMED.fullmatch(written):
        raise httpx.LocalProtocolError(
            "the method, the target or a header has a character that may not be"
        )
    if b"host" not in told:
        raise httpx.LocalProtocolError("the Host header is missing")
    length, coding = told.get(b"content-length"), told.get(b"transfer-encoding")
    _check_framing(length, coding)
    return Head(
        origin=origin,
        method=method,
        target=target,
        headers=headers,
        lines=written,
        length=None if length is None else int(length),
        is_chunked=coding is not None,
        is_last=b"close" in told.get(b"connection", b"").lower(),
    )


def _check_framing(length: bytes | None, coding: bytes | None) -> None:
    if coding is None:
        if length is not None and not length.isdigit():
            raise httpx.LocalProtocolError("the Content-Length is not a number")
    elif coding.lower() != b"chunked":
        raise httpx.LocalProtocolError("a request has no other Transfer-Encoding than chunked")
    elif length is not None:
        raise httpx.LocalProtocolError("Content-Length and Transfer-Encoding exclude each other")


async def _at_once(content: bytes) -> AsyncIterator[bytes]:
    yield content
