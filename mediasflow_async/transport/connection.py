"""One connection: a request written, its answer read, and the waits between.

It is asyncio's protocol of the socket, or of TLS. One request at a time goes over it, and what
arrives while there is none closes it: it would be taken for the next answer.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable
from functools import partial
from typing import Final, Protocol, cast

import httpx

from mediasflow_async.transport.answers import Answer, AnswerParser
from mediasflow_async.transport.outgoing import Origin, Outgoing
from mediasflow_async.transport.tls import Tls

__all__ = [
    "Connection",
    "UnreadProbe",
    "probe_by_poll",
    "probe_by_select",
]


_MOST_BUFFERED_BYTES: Final = 256 * 1024
_LOST: Final = "Server disconnected before the request was sent."


class Connection(asyncio.BufferedProtocol):
    """A connection to an origin.

    Args:
        origin: what it leads to.
        keeper: who owns it.
        buffer: where the loop puts what arrives. It is used up each time before anything else
            arrives anywhere, so that all connections of a loop can share it.

    Attributes:
        origin: the same.
        is_full: whether writing has to wait.
        idle_seconds: how long it had carried nothing when it was taken for the request that is
            under way; None on a new connection.
    """

    __slots__ = (
        "_answer",
        "_buffer",
        "_is_paused",
        "_keeper",
        "_may_be_kept",
        "_parser",
        "_probe_unread",
        "_read_timer",
        "_tls",
        "_transport",
        "idle_seconds",
        "is_full",
        "origin",
    )

    def __init__(self, origin: Origin, keeper: _Keeper, buffer: memoryview) -> None:
        self.origin = origin
        self.is_full = False
        self.idle_seconds: float | None = None
        self._may_be_kept = False
        self._keeper = keeper
        self._buffer = buffer
        self._read_timer = _ReadTimer(asyncio.get_running_loop())
        self._answer: Answer | None = None
        self._is_paused = False

    @property
    def is_closing(self) -> bool:
        """Whether nothing can be written any more."""
        return self._transport.is_closing()

    @property
    def has_unread(self) -> bool:
        """Whether something has arrived, or the end has, that the loop has not told of yet."""
        return not self._transport.is_closing() and bool(self._probe_unread())

    @property
    def is_fit(self) -> bool:
        """Whether it is open, and nothing has arrived on it that nobody has asked for.

        Of half a record, the TLS of uvloop says nothing.
        """
        if self._transport.is_closing() or self._probe_unread():
            return False
        return self._tls is None or not self._tls.holds_part

    @property
    def announced_seconds(self) -> float:
        """How long the server says that it keeps it without a request; infinite if it does not."""
        return self._parser.idle_seconds

    def begin(self, outgoing: Outgoing, answer: Answer) -> bool:
        """Write the first bytes of a request; returns whether nothing is left to be written.

        What arrives from now on is read into the answer.

        Raises:
            httpx.RemoteProtocolError: when the connection is lost; nothing is written.
        """
        if self._transport.is_closing():
            raise httpx.RemoteProtocolError(_LOST)
        if outgoing.observer is not None:
            outgoing.observer.leaving()
        self._may_be_kept = False
        self._answer = answer
        self._parser.expect(answer, has_body=outgoing.head.method != "HEAD")
        self._transport.write(outgoing.first_bytes())
        if outgoing.stream is not None:
            return False
        self.note_written(outgoing)
        return not self.is_full

    def note_written(self, outgoing: Outgoing) -> None:
        """Note that all of a request is written: where there is room, another may follow it."""
        self._may_be_kept = not (outgoing.head.is_last or self.is_full)

    def begin_late(self, outgoing: Outgoing, answer: Answer) -> None:
        """Write a whole request that has waited for the end of this turn of the loop.

        Until now the connection had no request, and what came over it was nobody's. If the
        connection is no longer usable, the answer fails instead.
        """
        if self._read_timer.is_cancelled:
            # So is the request, whose task has not had its turn yet: it gives the answer up.
            return
        if self.is_fit:
            self.begin(outgoing, answer)
        else:
            answer.break_off(httpx.RemoteProtocolError, _LOST)
            self._keeper.note_end(self)
            self.abort()

    def write(self, data: bytes | memoryview) -> None:
        """Write more of the request."""
        self._transport.write(data)

    def wait(self, seconds: float | None) -> asyncio.Future[bool]:
        """Return what to await until something has happened: bytes, room to write, or the end.

        False when that takes longer. By then the connection may be another request's.
        """
        return self._read_timer.wait(seconds)

    def resume(self) -> None:
        """Go on reading, if that was stopped."""
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()

    def abort(self) -> None:
        """Close at once; harmless to repeat."""
        self._answer = None
        self.idle_seconds = None
        self._transport.abort()
        self._keeper.drop(self)
        self._read_timer.wake()

    def close(self) -> None:
        """Close at once, and tell the peer so where TLS has words for it."""
        if not self._transport.is_closing():
            self._transport.close()
        self._break_off(httpx.ReadError, "the transport was closed")

    # What follows is called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note that the connection is there."""
        self._transport = cast("asyncio.Transport", transport)
        self._tls = transport if isinstance(transport, Tls) else None
        self._probe_unread = _unread_probe(transport.get_extra_info("socket").fileno())
        self._parser = AnswerParser()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        """Return where to put what arrives."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take what has arrived."""
        answer = self._answer
        if answer is None:
            # Nobody has asked for anything. What comes unasked, such as a 408, precedes an end.
            self._keeper.note_end(self)
            self.abort()
        elif problem := self._parser.feed(self._buffer[:nbytes]):
            self._break_off(httpx.RemoteProtocolError, problem)
        elif answer.is_complete:
            self._finish(answer)
        elif answer.status:
            self._hold_back(answer)
            self._read_timer.wake()
        elif not self.is_full:
            # The time to read begins anew with every byte, the time to write does not.
            self._read_timer.restart()

    def eof_received(self) -> None:
        """Note that nothing more arrives, and that TLS, where it is used, has said so."""
        self._end(None, is_cut=False)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the connection is gone, perhaps without the end that TLS has a word for."""
        self._end(exc, is_cut=True)
        self._read_timer.stop()
        self._parser.close()
        self._keeper.lost(self)

    def pause_writing(self) -> None:
        """Stop writing."""
        self.is_full = True

    def resume_writing(self) -> None:
        """Go on writing."""
        self.is_full = False
        self._read_timer.wake()

    def _hold_back(self, answer: Answer) -> None:
        if answer.buffered_bytes > _MOST_BUFFERED_BYTES and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()

    def _end(self, exc: Exception | None, *, is_cut: bool) -> None:
        answer = self._answer
        if answer is None or not answer.status:
            self._keeper.note_end(self)
        if answer is None:
            self.abort()
        elif exc is not None:
            self._break_off(httpx.ReadError, str(exc))
        elif problem := self._parser.end(is_cut=is_cut):
            self._break_off(httpx.RemoteProtocolError, problem)
        else:
            self._finish(answer)

    def _finish(self, answer: Answer) -> None:
        self._answer = answer.source = None
        self._read_timer.wake()
        if self._may_be_kept and self._parser.keeps_alive:
            # TLS hands on what it has, and with it perhaps the end, after reading was stopped.
            self.resume()
            self._keeper.give_back(self)
        else:
            self.abort()

    def _break_off(self, kind: type[httpx.TransportError], reason: str) -> None:
        if self._answer is not None:
            self._answer.break_off(kind, reason)
        self.abort()


class _Keeper(Protocol):
    """Who owns connections."""

    def give_back(self, connection: Connection) -> None:
        """Take back a connection that is ready for another request."""

    def drop(self, connection: Connection) -> None:
        """Forget a connection that will not carry another request."""

    def note_end(self, connection: Connection) -> None:
        """Note that the server has ended a connection between requests, or instead of an answer."""

    def lost(self, connection: Connection) -> None:
        """Note that a connection is closed for good."""


class _ReadTimer:
    """Wakes the one task that waits for it.

    A timer of the loop costs more than all the rest of a wait, so it is left running when a wait
    ends in time. When it fires it looks at what is due by then: nothing, and it stops; a later
    wait, and it starts again for the rest.

    Args:
        loop: the event loop.
    """

    __slots__ = ("_due", "_loop", "_seconds", "_timer", "_waiter")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiter: asyncio.Future[bool] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due: float | None = None
        self._seconds = 0.0

    @property
    def is_cancelled(self) -> bool:
        """Whether who waits has been cancelled."""
        return self._waiter is not None and self._waiter.cancelled()

    def wait(self, seconds: float | None) -> asyncio.Future[bool]:
        """Return what to await: True once the signal is given, False when that takes too long."""
        self._waiter = self._loop.create_future()
        if seconds is not None:
            self._limit(seconds)
        return self._waiter

    def wake(self) -> None:
        """Wake who waits, if anybody does."""
        self._end_wait(is_in_time=True)

    def restart(self) -> None:
        """Let the time limit of the wait, if it has one, begin anew."""
        if self._due is not None:
            self._due = self._loop.time() + self._seconds

    def stop(self) -> None:
        """Leave no timer in the loop."""
        self._due = None
        self._stop_timer()

    def _limit(self, seconds: float) -> None:
        self._seconds = seconds
        self._due = due = self._loop.time() + seconds
        if self._timer is not None and self._timer.when() > due:
            self._stop_timer()
        if self._timer is None:
            self._timer = self._loop.call_at(due, self._fire)

    def _stop_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _fire(self) -> None:
        self._timer = None
        if self._due is not None and self._due > self._loop.time():
            self._timer = self._loop.call_at(self._due, self._fire)
        elif self._due is not None:
            self._end_wait(is_in_time=False)

    def _end_wait(self, *, is_in_time: bool) -> None:
        self._due = None
        waiter, self._waiter = self._waiter, None
        # Who waited may have been cancelled in the meantime.
        if waiter is not None and not waiter.done():
            waiter.set_result(is_in_time)


UnreadProbe = Callable[[], object]
"""Returns something true when bytes, the end or an error wait to be read; reads nothing."""


def probe_by_poll(socket: int) -> UnreadProbe:
    """Return how to ask about a socket, given by its number."""
    poll = select.poll()
    poll.register(socket, select.POLLIN)
    return partial(poll.poll, 0)


def probe_by_select(socket: int) -> UnreadProbe:
    """Return how to ask where there is no poll, which is Windows; elsewhere for low numbers."""
    return lambda: select.select((socket,), (), (), 0)[0]


_unread_probe = probe_by_poll if hasattr(select, "poll") else probe_by_select
