"""An answer as it arrives: its head, and its body as the stream of httpx's response."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from typing import Any, Protocol

import httpx

__all__ = ["Answer", "Source"]


class Source(Protocol):
    """Where an answer comes from."""

    def wait(self, seconds: float | None) -> Awaitable[bool]:
        """Return what to await until something has happened; False when that takes longer."""
        ...

    def resume(self) -> None:
        """Go on reading, if that was stopped."""

    def abort(self) -> None:
        """Close the connection."""


class Answer(httpx.AsyncByteStream):
    """What has come of an answer.

    Args:
        source: the connection that it comes over.
        read_timeout: longest wait for more of it, in seconds; None for no limit.

    Attributes:
        source: the same, until the answer is whole, broken or given up.
        status: 0 until the final head is complete.
        headers: names and values as they came.
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
        "headers",
        "is_complete",
        "source",
        "status",
    )

    def __init__(self, source: Source, read_timeout: float | None) -> None:
        self.source: Source | None = source
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
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

    def body(self) -> bytes:
        """Return what has come of the body and was not read yet."""
        self._pieces = [b"".join(self._pieces)]
        return self._pieces[0]

    def response(self) -> httpx.Response:
        """Return httpx's response, with this answer as its stream."""
        extensions: dict[str, Any] = {
            "http_version": b"HTTP/" + self._version.encode("ascii"),
            "reason_phrase": self._reason,
        }
        if self.is_complete:
            extensions["body"] = self.body()
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
