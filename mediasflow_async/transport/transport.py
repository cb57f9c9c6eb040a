"""The transport: a request in, the head of its answer out.

The core uses it instead of httpx's; httpx's client can use it as well. Never is a request sent
twice. Writing stops as soon as the answer is decided.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Final, cast

import httpx

from mediasflow_async.transport.answers import Answer
from mediasflow_async.transport.connection import Connection
from mediasflow_async.transport.outgoing import WRONG_LENGTH, Outgoing, outgoing_of
from mediasflow_async.transport.pool import Dialer, Pool

__all__ = ["AsyncioTransport"]


class AsyncioTransport(httpx.AsyncBaseTransport):
    """HTTP/1.1 over TCP and TLS, on asyncio and uvloop.

    It does what httpx's own transport does, without proxies, HTTP/2, trio and upgrades, and
    never sends a request twice. Besides httpx's `timeout`, `sni_hostname` and `target`, it reads
    two request extensions. `proof` is an object whose `leaving()` is called just before the first
    byte of the request is written, and may raise to keep it here, and whose `answered()` is
    called when the head of the answer is here. `once` is true for a request that its caller will
    not repeat in doubt: it does not go over a connection that the server may be closing.

    Args:
        ssl_context: TLS settings; httpx's own by default, made when first needed.
        keepalive_expiry_seconds: how long a connection is kept without a request; 4 by default,
            which is less than the 5 after which many servers close.
        max_idle: how many of those are kept for each origin; 100 by default.
    """

    def __init__(
        self,
        *,
        ssl_context: ssl.SSLContext | None = None,
        keepalive_expiry_seconds: float = 4.0,
        max_idle: int = 100,
    ) -> None:
        self._new_pool = partial(
            Pool,
            Dialer(ssl_context=ssl_context),
            keepalive_expiry_seconds=keepalive_expiry_seconds,
            max_idle=max_idle,
        )
        self._pool: Pool | None = None
        self._is_closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return its response, with the body still to be read.

        Raises:
            httpx.TransportError: as httpx's own transport does.
            RuntimeError: after `aclose`, or in another event loop than before.
        """
        answer = await self.send(outgoing_of(request))
        return answer.response()

    async def send(self, outgoing: Outgoing) -> Answer:
        """Send a request that is in bytes already, and return its answer once its head is here.

        Raises:
            httpx.TransportError, RuntimeError: as `handle_async_request` does.
        """
        origin, timeouts = outgoing.head.origin, outgoing.timeouts
        pool = self._live_pool()
        kept = pool.kept(origin, is_once=outgoing.is_once)
        connection = kept or await pool.dialed(origin, timeouts.get("connect"))
        answer = Answer(connection, timeouts.get("read"))
        try:
            if kept and outgoing.may_wait and outgoing.is_small and pool.is_busy_beside(kept):
                pool.post(kept, outgoing, answer)
            elif outgoing.stream is not None or not connection.begin(outgoing, answer):
                await _write_rest(outgoing, connection, answer)
            while not answer.status:
                await answer.more()
            if outgoing.observer is not None:
                outgoing.observer.answered()
        except BaseException:
            answer.give_up()
            raise
        return answer

    async def aclose(self) -> None:
        """Close all connections; requests under way fail. Harmless to repeat."""
        self._is_closed = True
        pool, self._pool = self._pool, None
        # Those of a loop that has ended cannot be closed any more, only dropped.
        if pool is not None and pool.loop is asyncio.get_running_loop():
            await pool.aclose()

    def _live_pool(self) -> Pool:
        if self._is_closed:
            raise RuntimeError("Cannot send a request, as the transport has been closed.")
        if self._pool is None:
            self._pool = self._new_pool()
        if self._pool.loop is not asyncio.get_running_loop():
            raise RuntimeError("Cannot send a request in another event loop than before.")
        return self._pool


async def _write_rest(outgoing: Outgoing, connection: Connection, answer: Answer) -> None:
    """Write what is not written yet, or as much of it as is needed before the answer begins.

    Raises:
        httpx.LocalProtocolError: when the body has another length than its header says.
        httpx.RemoteProtocolError: when the connection was lost before anything was written.
        httpx.WriteTimeout: when the peer does not take it in time.
    """
    is_whole = outgoing.stream is None or await _pump(outgoing, connection, answer)
    if connection.is_full:
        await _room(connection, answer, outgoing.timeouts.get("write"))
    if is_whole:
        connection.note_written(outgoing)


async def _pump(outgoing: Outgoing, connection: Connection, answer: Answer) -> bool:
    """Write piece by piece; returns False when the answer, or the end, came before."""
    stream = cast("Callable[[], AsyncIterator[bytes]]", outgoing.stream)
    write_timeout = outgoing.timeouts.get("write")
    async with aclosing(_framed(stream(), outgoing.streamed_bytes)) as pieces:
        # Of a body that cannot even begin, nothing leaves.
        first = await anext(pieces, b"")
        # What has come meanwhile is no answer to this: once the loop has read it, it closes.
        while connection.has_unread:  # noqa: ASYNC110 - the loop must turn
            await asyncio.sleep(0)
        connection.begin(outgoing, answer)
        connection.write(first)
        yielding = _Yielding()
        async for piece in pieces:
            await yielding.checkpoint()
            if not await _room(connection, answer, write_timeout):
                return False
            connection.write(piece)
    return True


async def _room(connection: Connection, answer: Answer, write_timeout: float | None) -> bool:
    """Wait until more can be written; returns False when it need not or cannot be."""
    while connection.is_full and not answer.is_decided:
        if not await connection.wait(write_timeout):
            raise httpx.WriteTimeout(f"nothing was taken for {write_timeout:g} s")
    # To write where the peer has gone would cost us the answer that it has left.
    while connection.has_unread and not answer.is_decided:  # noqa: ASYNC110 - the loop must turn
        await asyncio.sleep(0)
    return not (answer.is_decided or connection.is_closing)


_LONGEST_HOLD_SECONDS: Final = 0.002


class _Yielding:
    """Lets others run now and then, where neither the source nor the peer makes us wait."""

    __slots__ = ("_ends_at", "_loop")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ends_at = self._loop.time() + _LONGEST_HOLD_SECONDS

    async def checkpoint(self) -> None:
        """Let others run, if it is time."""
        if self._loop.time() > self._ends_at:
            await asyncio.sleep(0)
            self._ends_at = self._loop.time() + _LONGEST_HOLD_SECONDS


async def _framed(
    stream: AsyncIterator[bytes], length: int | None
) -> AsyncGenerator[bytes | memoryview]:
    """Yield the body as it goes over the wire, in pieces that hold nobody up."""
    left = length or 0
    async with _closing(stream) as wholes:
        async for whole in wholes:
            left -= len(whole)
            if length is not None and left < 0:
                raise httpx.LocalProtocolError(WRONG_LENGTH)
            for piece in _slices(whole):
                yield piece if length is not None else _chunk(piece)
    if length is None:
        yield b"0\r\n\r\n"
    elif left:
        raise httpx.LocalProtocolError(WRONG_LENGTH)


@asynccontextmanager
async def _closing(pieces: AsyncIterator[bytes]) -> AsyncGenerator[AsyncIterator[bytes]]:
    """Close an iterator at the end, if it is a generator, rather than leave that to chance."""
    try:
        yield pieces
    finally:
        if isinstance(pieces, AsyncGenerator):
            await pieces.aclose()


_SLICE_BYTES: Final = 256 * 1024


def _slices(whole: bytes) -> Iterator[bytes | memoryview]:
    if len(whole) <= _SLICE_BYTES:
        return iter((whole,) if whole else ())
    view = memoryview(whole)
    return (view[at : at + _SLICE_BYTES] for at in range(0, len(view), _SLICE_BYTES))


def _chunk(piece: bytes | memoryview) -> bytes:
    return b"".join((b"%x\r\n" % len(piece), piece, b"\r\n"))
