"""TLS between a connection and its socket, on asyncio's own event loop.

asyncio has TLS, too, which costs a small request more: each of its connections reads into a
buffer of its own, which no cache of a processor holds for long, and ends each read with an
exception. OpenSSL does all that is cryptography, here as there.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, cast

__all__ = ["Tls"]

_GONE: Final = "the server left in the middle of the TLS handshake"


class Tls(asyncio.BufferedProtocol):
    """A protocol to the socket's transport, and the transport to the protocol inside.

    Args:
        context: TLS settings.
        server_name: name that the certificate is for.
        inner: what talks over it, its buffer a memoryview; it is told of the connection after
            the handshake.
        buffer: where the loop puts what arrives. It is used up each time before anything else
            arrives anywhere, so that all connections of a loop can share it.

    Attributes:
        holds_part: whether what arrived last ended in the middle of a record, or with a message of
            TLS itself: nobody outside can tell them apart.
        is_closing: whether nothing can be written any more.
        ready: done when the handshake is, with the error that it failed with, or None. Nobody
            need look at it: it is no exception.

    Raises:
        ValueError: when the name cannot be one.
    """

    __slots__ = (
        "_backlog",
        "_buffer",
        "_error",
        "_has_ended",
        "_incoming",
        "_inner",
        "_is_over",
        "_is_ready",
        "_outgoing",
        "_read",
        "_tls",
        "_transport",
        "holds_part",
        "is_closing",
        "ready",
    )

    def __init__(
        self,
        context: ssl.SSLContext,
        server_name: str,
        inner: asyncio.BufferedProtocol,
        buffer: memoryview,
    ) -> None:
        self.ready: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)
        self._inner = inner
        self._buffer = buffer
        self._backlog: deque[bytes | memoryview] = deque()
        # The types of the standard library know of no buffer but a bytearray.
        self._read: Callable[[int, memoryview], int] = cast("Any", self._tls).read
        self._error: ssl.SSLError | None = None
        self._is_ready = False
        self._has_ended = False
        self._is_over = False
        self.holds_part = False

    # What follows is called by the protocol inside.

    def write(self, data: bytes | memoryview) -> None:
        """Write, or keep what can only be written once the peer has said more."""
        if data:
            self._backlog.append(data)
            self._encrypt()

    def pause_reading(self) -> None:
        """Stop reading, but for what has arrived already: at most the buffer."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Go on reading."""
        self._transport.resume_reading()

    def get_extra_info(self, name: str) -> Any:
        """Return what asyncio's transports tell of themselves."""
        return self._tls if name == "ssl_object" else self._transport.get_extra_info(name)

    def abort(self) -> None:
        """Close at once."""
        self._is_over = True
        self._transport.abort()

    def close(self) -> None:
        """Close, and tell the peer so; nobody waits for it to say the same."""
        self._is_over = True
        with suppress(ssl.SSLError):
            self._tls.unwrap()
        self._flush()
        self._transport.close()

    # What follows is called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake."""
        self._transport = cast("asyncio.Transport", transport)
        self.is_closing: Callable[[], bool] = transport.is_closing
        self._shake_hands()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        """Return where to put what arrives."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take what has arrived."""
        self._incoming.write(self._buffer[:nbytes])
        if self._is_ready:
            self._decrypt()
        else:
            self._shake_hands()

    def eof_received(self) -> None:
        """Close: nothing more arrives, and the peer has not said so in TLS."""
        self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the connection is gone."""
        self._is_over = True
        if self._is_ready:
            self._inner.connection_lost(exc or self._error)
        elif not self.ready.done():
            self.ready.set_result(exc or self._error or ConnectionResetError(_GONE))
        del self._inner

    def pause_writing(self) -> None:
        """Stop writing."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Go on writing."""
        self._inner.resume_writing()

    def _shake_hands(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
        except ssl.SSLError as error:
            # The peer is told what is wrong, too.
            self._flush()
            self._break_off(error)
        else:
            self._flush()
            self._is_ready = True
            self._inner.connection_made(cast("asyncio.Transport", self))
            if not self.ready.done():
                self.ready.set_result(None)
            self._decrypt()

    def _decrypt(self) -> None:
        """Hand on what can be read, in as few pieces as it fits into."""
        is_all = False
        while not (is_all or self._is_over):
            buffer = cast("memoryview", self._inner.get_buffer(-1))
            filled = self._fill(buffer)
            is_all = filled < len(buffer)
            if filled:
                self._inner.buffer_updated(filled)
        if not self._is_over:
            self._go_on()

    def _fill(self, buffer: memoryview) -> int:
        """Read until the buffer is full, or nothing is left; returns how much that is."""
        filled = 0
        self.holds_part = False
        try:
            while filled < len(buffer) and (self._incoming.pending or self._tls.pending()):
                count = self._read(len(buffer) - filled, buffer[filled:])
                if not count:
                    self._has_ended = True
                    break
                filled += count
        except ssl.SSLWantReadError:
            # Half a record, or a message from one end of TLS to the other.
            self.holds_part = True
            return filled
        except ssl.SSLError as error:
            self._error = error
        return filled

    def _go_on(self) -> None:
        """Do what reading has shown to be due."""
        if self._error is not None:
            self._break_off(self._error)
        elif self._has_ended:
            self._inner.eof_received()
        elif self._backlog:
            self._encrypt()
        elif self._outgoing.pending:
            self._flush()

    def _encrypt(self) -> None:
        backlog = self._backlog
        try:
            while backlog:
                while backlog[0]:
                    backlog[0] = backlog[0][self._tls.write(backlog[0]) :]
                backlog.popleft()
        except ssl.SSLWantReadError:
            # The peer negotiates anew: the rest leaves when it has answered.
            self._flush()
        except ssl.SSLError as error:
            self._break_off(error)
        else:
            self._flush()

    def _flush(self) -> None:
        self._transport.write(self._outgoing.read())

    def _break_off(self, error: ssl.SSLError) -> None:
        self._error = error
        self.abort()
