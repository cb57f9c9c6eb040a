"""Answers as they come over the wire: HTTP/1.1, parsed piece by piece as it arrives.

The parser has no I/O. An answer waits for more of itself at its source, the connection, and
closes that when it is given up.
"""

from __future__ import annotations

import math
import re
from collections.abc import AsyncIterator, Awaitable
from typing import Any, Final, Protocol

import httpx
from httptools import HttpParserError, HttpResponseParser

__all__ = ["Answer", "AnswerParser"]


class Answer(httpx.AsyncByteStream):
    """What has come of an answer.

    Args:
        source: the connection that it comes over.
        read_timeout: longest wait for more of it, in seconds; None for no limit.

    Attributes:
        source: the same, until the answer is whole, broken or given up.
        status: 0 until the final head is complete.
        headers: names and values as they came.
        fields: the values by the names in small letters; of several of one name, the last.
        is_complete: whether all of it is here.
        buffered_bytes: bytes of the body that wait to be read.
    """

    __slots__ = (
        "_break",
        "_pieces",
        "_read_timeout",
        "_reason",
        "_version",
        "buffered_bytes",
        "fields",
        "headers",
        "is_complete",
        "source",
        "status",
    )

    def __init__(self, source: _Source, read_timeout: float | None) -> None:
        self.source: _Source | None = source
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.fields: dict[bytes, bytes] = {}
        self.is_complete = False
        self.buffered_bytes = 0
        self._pieces: list[bytes] = []
        self._read_timeout = read_timeout
        self._break: tuple[type[httpx.TransportError], str] = (
            httpx.ReadError,
            "the answer was closed before its end",
        )

    @property
    def is_decided(self) -> bool:
        """Whether more of the request would be of no use: its answer has begun, or is lost."""
        return self.status != 0 or self.source is None

    def set_head(
        self, status: int, reason: bytes, headers: list[tuple[bytes, bytes]], version: str
    ) -> None:
        """Take the final head."""
        self.status = status
        self.headers = headers
        self.fields = {name.lower(): value for name, value in headers}
        self._reason = reason
        self._version = version

    def add(self, piece: bytes) -> None:
        """Take a piece of the body."""
        self._pieces.append(piece)
        self.buffered_bytes += len(piece)

    def break_off(self, kind: type[httpx.TransportError], reason: str) -> None:
        """Note why no more of it will come."""
        self._break = (kind, reason)
        self.source = None

    async def more(self) -> None:
        """Wait until more has come.

        Raises:
            httpx.ReadTimeout: when nothing comes in time.
            httpx.ReadError, httpx.RemoteProtocolError: when nothing more will come.
        """
        if self.source is None:
            kind, reason = self._break
            raise kind(reason)
        try:
            is_in_time = await self.source.wait(self._read_timeout)
        except BaseException:
            self.give_up()
            raise
        if not is_in_time:
            self.give_up()
            raise httpx.ReadTimeout(f"nothing came for {self._read_timeout:g} s")

    @property
    def is_encoded(self) -> bool:
        """Whether the body is compressed."""
        return b"content-encoding" in self.fields

    def plain_body(self) -> bytes | None:
        """Return the body where all of it is here, and not compressed; else None."""
        if not self.is_complete or self.is_encoded:
            return None
        self._pieces = [b"".join(self._pieces)]
        return self._pieces[0]

    def response(self) -> httpx.Response:
        """Return httpx's response, with this answer as its stream."""
        extensions: dict[str, Any] = {
            "http_version": b"HTTP/" + self._version.encode("ascii"),
            "reason_phrase": self._reason,
        }
        return httpx.Response(self.status, headers=self.headers, stream=self, extensions=extensions)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self._pieces or not self.is_complete:
            if self._pieces:
                yield self._take()
            else:
                await self.more()

    async def aclose(self) -> None:
        """Give up what has not come yet, and the connection with it."""
        self.give_up()

    def give_up(self) -> None:
        """Close the connection, if the answer still needs it."""
        source, self.source = self.source, None
        if source is not None:
            source.abort()

    def _take(self) -> bytes:
        piece = b"".join(self._pieces)
        self._pieces.clear()
        self.buffered_bytes = 0
        if self.source is not None:
            self.source.resume()
        return piece


class _Source(Protocol):
    """Where an answer comes from."""

    def wait(self, seconds: float | None) -> Awaitable[bool]:
        """Return what to await until something has happened; False when that takes longer."""
        ...

    def resume(self) -> None:
        """Go on reading, if that was stopped."""

    def abort(self) -> None:
        """Close the connection."""


_MOST_SILENT_BYTES: Final = 100 * 1024
_TOO_LONG: Final = "the head of the answer, or what stands between its pieces, is too long"
_CUT: Final = "TLS was cut before it ended (no close_notify), and the answer has no other end"
_INFORMATIONAL: Final = frozenset(range(100, 200)) - {101}
_FIRST_FINAL_STATUS: Final = 200
_LINE_ENDS: Final = b"\r\n"
_KEEP_ALIVE: Final = b"keep-alive"


class _NotForUs(Exception):
    """What a server may not send here; stops the parser."""


class AnswerParser:
    """Reads one answer after the other from one connection.

    Attributes:
        keeps_alive: whether the connection can carry another request after this answer.
        idle_seconds: the shortest time for which the server has announced, in a `Keep-Alive`
            header, to keep the connection without a request; infinite where it has not.
    """

    __slots__ = (
        "_answer",
        "_has_body",
        "_headers",
        "_parser",
        "_reason",
        "_silent_bytes",
        "idle_seconds",
        "keeps_alive",
    )

    def __init__(self) -> None:
        self._parser = HttpResponseParser(self)
        self.keeps_alive = True
        self.idle_seconds = math.inf

    def expect(self, answer: Answer, *, has_body: bool) -> None:
        """Read what comes next into this answer; one to a HEAD request has no body."""
        self._answer = answer
        self._has_body = has_body
        self._silent_bytes = 0

    def feed(self, data: memoryview) -> str | None:
        """Read some bytes; returns why they cannot be read."""
        # Neither heads nor trailers nor the lines between chunks may go on for ever.
        self._silent_bytes += len(data)
        try:
            self._parse(data)
        except HttpParserError as error:
            self.keeps_alive = False
            return None if self._answer.is_complete else str(error.__context__ or error)
        if self._answer.is_complete:
            self._begin_anew()
        elif self._silent_bytes > _MOST_SILENT_BYTES:
            return _TOO_LONG
        return None

    def end(self, *, is_cut: bool) -> str | None:
        """Note that nothing more comes; returns what is missing, if anything is.

        Args:
            is_cut: whether a TLS connection ended without the close_notify of the server. An answer
                that ends with its connection may then lack any part.
        """
        self.keeps_alive = False
        if not self._answer.status:
            return "Server disconnected without sending a response."
        if _is_delimited(self._answer.fields):
            return "peer closed connection without sending complete message body"
        if is_cut:
            return _CUT
        self._answer.is_complete = True
        return None

    def close(self) -> None:
        """Part from the parser, which refers back to this object."""
        del self._parser

    def _parse(self, data: memoryview) -> None:
        if data[-1] in _LINE_ENDS or not self._has_body:
            # The parser keeps silent about line ends after an answer, and about half a chunk
            # after one to a HEAD request: the last byte must be what completes the answer.
            self._parser.feed_data(data[:-1])
            if self._answer.is_complete:
                raise HttpParserError("more than the answer")
            data = data[-1:]
        self._parser.feed_data(data)

    def _begin_anew(self) -> None:
        if not self._has_body:
            # The old one waits for the body that the answer to a HEAD tells of.
            self._parser = HttpResponseParser(self)

    # What follows is called by the parser; an exception stops it.

    def on_message_begin(self) -> None:
        """Begin a head: the answer's, or an informational one before it."""
        if self._answer.is_complete:
            raise _NotForUs("a second answer to one request")
        self._headers: list[tuple[bytes, bytes]] = []
        self._reason = b""

    def on_status(self, reason: bytes) -> None:
        """Take the reason phrase, or a part of it."""
        self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header or a trailer."""
        # The parser leaves out the white space before a value, but not the one after it.
        self._headers.append((name, value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        """Give the head to the answer, unless it is informational."""
        parser, answer = self._parser, self._answer
        status = parser.get_status_code()
        if status in _INFORMATIONAL:
            return
        if status < _FIRST_FINAL_STATUS:
            raise _NotForUs(f"status {status} answers nothing that was asked")
        if self._silent_bytes > _MOST_SILENT_BYTES:
            self._check_length()
        answer.set_head(status, self._reason, self._headers, parser.get_http_version())
        answer.is_complete = not self._has_body
        if announced := answer.fields.get(_KEEP_ALIVE):
            self.idle_seconds = min(self.idle_seconds, _announced_seconds(announced))
        self.keeps_alive = parser.should_keep_alive() and self.idle_seconds > 0
        self._silent_bytes = 0
        # Trailers are left out, as httpx leaves them out.
        self._headers = []

    def on_body(self, piece: bytes) -> None:
        """Give a piece of the body to the answer."""
        if self._answer.is_complete:
            raise _NotForUs("a body in the answer to a HEAD request")
        self._answer.add(piece)
        self._silent_bytes = 0

    def on_message_complete(self) -> None:
        """Note the end of the answer, unless it is that of an informational one."""
        if self._answer.status:
            self._answer.is_complete = True

    def _check_length(self) -> None:
        # What has arrived with the head may be the body.
        if sum(len(name) + len(value) for name, value in self._headers) > _MOST_SILENT_BYTES:
            raise _NotForUs(_TOO_LONG)


_TIMEOUT: Final = re.compile(
    rb"(?:^|[\s,;])timeout\s*=\s*\"?([0-9]{1,9}(?:\.[0-9]{1,9})?)", re.IGNORECASE
)


def _announced_seconds(keep_alive: bytes) -> float:
    """Return the timeout in a `Keep-Alive` header; infinite where it has none, or an odd one."""
    timeout = _TIMEOUT.search(keep_alive)
    return float(timeout[1]) if timeout else math.inf


def _is_delimited(fields: dict[bytes, bytes]) -> bool:
    """Return whether something else than the end of the connection tells the end of a body."""
    coding = fields.get(b"transfer-encoding")
    return b"content-length" in fields if coding is None else coding.lower().endswith(b"chunked")
