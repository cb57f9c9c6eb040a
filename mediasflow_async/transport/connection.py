"""One connection: a request at a time goes out, and its answer comes in."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol, cast

import httpx

from mediasflow_async.transport.answers import Answer
from mediasflow_async.transport.arrivals import watch
from mediasflow_async.transport.outgoing import Outgoing
from mediasflow_async.transport.parsing import AnswerParser
from mediasflow_async.transport.signals import Signal

__all__ = ["Connection", "Keeper", "Origin"]

Origin = tuple[str, bytes, int | None, str | None]
"""Scheme, host, port unless it is the scheme's own, name in TLS unless it is the host's."""

_MOST_BUFFERED_BYTES: Final = 256 * 1024


class Keeper(Protocol):
    """Who owns connections."""

    def give_back(self, connection: Connection) -> None:
        """Take back a connection that is ready for another request."""

    def drop(self, connection: Connection) -> None:
        """Forget a connection that will not carry another request."""

    def lost(self, connection: Connection) -> None:
        """Note that a connection is closed for good."""


class Connection(asyncio.BufferedProtocol):
    """A connection to an origin.

    Args:
        origin: what it leads to.
        keeper: who owns it.
        buffer: where the loop puts what arrives. It is used up each time before anything else
            arrives anywhere, so that all connections of a loop can share it.

    Attributes:
        is_taken: whether a request holds it; for its keeper.
        is_full: whether writing has to wait.
        may_be_kept: whether the request leaves it fit for another one: all of it is written, and
            it does not ask for the end.
    """

    __slots__ = (
        "_answer",
        "_buffer",
        "_has_arrived",
        "_is_paused",
        "_keeper",
        "_parser",
        "_signal",
        "_transport",
        "is_full",
        "is_taken",
        "may_be_kept",
        "origin",
    )

    def __init__(self, origin: Origin, keeper: Keeper, buffer: memoryview) -> None:
        self.origin = origin
        self.is_taken = False
        self.is_full = False
        self.may_be_kept = False
        self._keeper = keeper
        self._buffer = buffer
        self._signal = Signal(asyncio.get_running_loop())
        self._answer: Answer | None = None
        self._is_paused = False

    @property
    def is_closing(self) -> bool:
        """Whether nothing can be written any more."""
        return self._transport.is_closing()

    @property
    def has_unread(self) -> bool:
        """Whether something has arrived, or the end has, that the loop has not told of yet."""
        return not self._transport.is_closing() and bool(self._has_arrived())

    @property
    def is_fit(self) -> bool:
        """Whether it is open, and nothing has arrived on it that nobody has asked for."""
        return not (self._transport.is_closing() or self._has_arrived())

    def begin(self, outgoing: Outgoing, answer: Answer) -> None:
        """Write the first bytes of a request. From here on, and not before, it has an answer.

        Raises:
            httpx.RemoteProtocolError: when the connection is lost; nothing is written.
        """
        if self._transport.is_closing():
            raise httpx.RemoteProtocolError("Server disconnected before the request was sent.")
        if outgoing.watcher is not None:
            outgoing.watcher.leaving()
        self.may_be_kept = False
        self._answer = answer
        self._parser.expect(answer, has_body=outgoing.method != "HEAD")
        self._transport.write(outgoing.start)

    def write(self, data: bytes | memoryview) -> None:
        """Write more of the request."""
        self._transport.write(data)

    def wait(self, seconds: float | None) -> asyncio.Future[bool]:
        """Return what to await until something has happened: bytes, room to write, or the end.

        False when that takes longer. By then the connection may be another request's.
        """
        return self._signal.expect(seconds)

    def resume(self) -> None:
        """Go on reading, if that was stopped."""
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()

    def abort(self) -> None:
        """Close at once; harmless to repeat."""
        self._answer = None
        self._transport.abort()
        self._keeper.drop(self)
        self._signal.give()

    def close(self) -> None:
        """Close at once, and tell the peer so where TLS has words for it."""
        if not self._transport.is_closing():
            self._transport.close()
        self._break_off(httpx.ReadError, "the transport was closed")

    # What follows is called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note that the connection is there."""
        self._transport = cast("asyncio.Transport", transport)
        self._has_arrived = watch(transport.get_extra_info("socket").fileno())
        self._parser = AnswerParser()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        """Return where to put what arrives."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take what has arrived."""
        answer = self._answer
        if answer is None:
            # Nobody has asked for anything.
            self.abort()
        elif problem := self._parser.feed(self._buffer[:nbytes]):
            self._break_off(httpx.RemoteProtocolError, problem)
        elif answer.is_complete:
            self._finish(answer)
        elif answer.status:
            self._hold_back(answer)
            self._signal.give()
        elif not self.is_full:
            # The time to read begins anew with every byte, the time to write does not.
            self._signal.put_off()

    def eof_received(self) -> None:
        """Note that nothing more arrives."""
        self._end(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the connection is gone."""
        self._end(exc)
        self._signal.stop()
        self._parser.close()
        self._keeper.lost(self)

    def pause_writing(self) -> None:
        """Stop writing."""
        self.is_full = True

    def resume_writing(self) -> None:
        """Go on writing."""
        self.is_full = False
        self._signal.give()

    def _hold_back(self, answer: Answer) -> None:
        if answer.buffered_bytes > _MOST_BUFFERED_BYTES and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()

    def _end(self, exc: Exception | None) -> None:
        answer = self._answer
        if answer is None:
            self.abort()
        elif exc is not None:
            self._break_off(httpx.ReadError, str(exc))
        elif problem := self._parser.end():
            self._break_off(httpx.RemoteProtocolError, problem)
        else:
            self._finish(answer)

    def _finish(self, answer: Answer) -> None:
        self._answer = answer.source = None
        self._signal.give()
        if self.may_be_kept and self._parser.keeps_alive:
            self._keeper.give_back(self)
        else:
            self.abort()

    def _break_off(self, kind: type[httpx.TransportError], reason: str) -> None:
        if self._answer is not None:
            self._answer.break_off(kind, reason)
        self.abort()
