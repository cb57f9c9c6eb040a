"""Reads the bytes of answers into `Answer`s. No I/O."""

from __future__ import annotations

from typing import Final

from httptools import HttpParserError, HttpResponseParser

from mediasflow_async.transport.answers import Answer

__all__ = ["AnswerParser"]

_MOST_SILENT_BYTES: Final = 100 * 1024
_TOO_LONG: Final = "the head of the answer, or what stands between its pieces, is too long"
_INFORMATIONAL: Final = frozenset(range(100, 200)) - {101}
_FIRST_FINAL_STATUS: Final = 200
_LINE_ENDS: Final = b"\r\n"


class _NotForUs(Exception):
    """What a server may not send here; stops the parser."""


class AnswerParser:
    """Reads one answer after the other from one connection.

    Attributes:
        keeps_alive: whether the connection can carry another request after this answer.
    """

    __slots__ = (
        "_answer",
        "_has_body",
        "_headers",
        "_parser",
        "_reason",
        "_silent_bytes",
        "keeps_alive",
    )

    def __init__(self) -> None:
        self._parser = HttpResponseParser(self)
        self.keeps_alive = True

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

    def end(self) -> str | None:
        """Note that nothing more comes; returns what is missing, if anything is."""
        self.keeps_alive = False
        if not self._answer.status:
            return "Server disconnected without sending a response."
        if _is_delimited(self._answer.headers):
            return "peer closed connection without sending complete message body"
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
        self.keeps_alive = parser.should_keep_alive()
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


def _is_delimited(headers: list[tuple[bytes, bytes]]) -> bool:
    """Return whether something else than the end of the connection tells the end of a body."""
    told = {name.lower(): value.lower() for name, value in headers}
    coding = told.get(b"transfer-encoding")
    return b"content-length" in told if coding is None else coding.endswith(b"chunked")
