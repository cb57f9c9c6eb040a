"""A request in bytes: its head, and its body where that is at hand. No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol, cast

import httpx

__all__ = ["SMALL_BYTES", "WRONG_LENGTH", "Outgoing", "Watcher", "outgoing_of"]

WRONG_LENGTH: Final = "the body is not as long as its Content-Length says"

SMALL_BYTES: Final = 64 * 1024
"""The longest body that goes out in one piece with its head."""

_TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
_WELL_FORMED: Final = re.compile(
    _TOKEN + rb" [!-~\x80-\xff]++ HTTP/1\.1\r\n(?:" + _TOKEN + rb": [^\x00\r\n]*+\r\n)*+\r\n"
)
_TELLING: Final = frozenset({b"host", b"content-length", b"transfer-encoding", b"connection"})


class Watcher(Protocol):
    """Who is told how far a request has come."""

    def leaving(self) -> None:
        """Note that the first byte leaves next; an exception keeps it here."""

    def answered(self) -> None:
        """Note that the head of the answer is here."""


class Outgoing(NamedTuple):
    """A request on its way.

    Attributes:
        method: its method.
        start: its first bytes: the head, and the body as well if that is small and at hand.
        timeouts: longest waits in seconds, by httpx's names.
        watcher: who follows it, or None.
        body_length: bytes of the body, or None when it goes in chunks.
        is_last: whether it asks for the end of the connection.
        stream: the body that is still to be read, or None when `start` is all of the request.
    """

    method: str
    start: bytes
    timeouts: Mapping[str, float | None]
    watcher: Watcher | None
    body_length: int | None
    is_last: bool = False
    stream: httpx.AsyncByteStream | None = None


def outgoing_of(request: httpx.Request) -> Outgoing:
    """Return a request as it goes over the wire; its own headers tell how its body is framed.

    Raises:
        httpx.LocalProtocolError: when it would not be exactly one well-formed request.
    """
    head, told = _head_of(request)
    length = _body_length(told)
    body = _body_at_hand(request, length)
    return Outgoing(
        method=request.method,
        start=head if body is None else head + body,
        timeouts=request.extensions.get("timeout") or {},
        watcher=request.extensions.get("proof"),
        body_length=length,
        is_last=b"close" in told.get(b"connection", b"").lower(),
        stream=cast("httpx.AsyncByteStream", request.stream) if body is None else None,
    )


def _head_of(request: httpx.Request) -> tuple[bytes, dict[bytes, bytes]]:
    """Return the head, and of its headers those that tell something to us."""
    target = request.extensions.get("target") or request.url.raw_path
    lines = [b"%b %b HTTP/1.1\r\n" % (request.method.encode(), target)]
    told: dict[bytes, bytes] = {}
    for name, value in request.headers.raw:
        lines.append(b"%b: %b\r\n" % (name, value))
        if (kind := name.lower()) in _TELLING:
            if kind in told:
                raise httpx.LocalProtocolError(f"there is more than one {kind.decode()} header")
            told[kind] = value
    lines.append(b"\r\n")
    head = b"".join(lines)
    # A line of ours that has line ends of its own would pass as several.
    if head.count(b"\r\n") != len(lines) or not _WELL_FORMED.fullmatch(head):
        raise httpx.LocalProtocolError(
            "the method, the target or a header has a character that may not be"
        )
    if b"host" not in told:
        raise httpx.LocalProtocolError("the Host header is missing")
    return head, told


def _body_length(told: dict[bytes, bytes]) -> int | None:
    length, coding = told.get(b"content-length"), told.get(b"transfer-encoding")
    if coding is None:
        if length is not None and not length.isdigit():
            raise httpx.LocalProtocolError("the Content-Length is not a number")
        return int(length or 0)
    if coding.lower() != b"chunked":
        raise httpx.LocalProtocolError("a request has no other Transfer-Encoding than chunked")
    if length is not None:
        raise httpx.LocalProtocolError("Content-Length and Transfer-Encoding exclude each other")
    return None


def _body_at_hand(request: httpx.Request, length: int | None) -> bytes | None:
    if length is None or not isinstance(request.stream, httpx.ByteStream):
        return None
    body = b"".join(request.stream)
    if len(body) != length:
        raise httpx.LocalProtocolError(WRONG_LENGTH)
    return body if length <= SMALL_BYTES else None
