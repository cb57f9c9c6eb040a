"""Writes a request to its connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from typing import Final, cast

import httpx

from mediasflow_async.transport.answers import Answer
from mediasflow_async.transport.connection import Connection
from mediasflow_async.transport.outgoing import WRONG_LENGTH, Outgoing

__all__ = ["begin", "send"]

_SLICE_BYTES: Final = 256 * 1024
_LONGEST_HOLD_SECONDS: Final = 0.002


def begin(outgoing: Outgoing, connection: Connection, answer: Answer) -> bool:
    """Write a request that is whole; returns False when `send` has to go on from there.

    Raises:
        httpx.RemoteProtocolError: when the connection was lost before anything was written.
    """
    if outgoing.stream is not None:
        return False
    connection.begin(outgoing, answer)
    connection.may_be_kept = not (outgoing.is_last or connection.is_full)
    return not connection.is_full


async def send(outgoing: Outgoing, connection: Connection, answer: Answer) -> None:
    """Write what `begin` has not, or as much of it as is needed before the answer begins.

    Raises:
        httpx.LocalProtocolError: when the body has another length than its header says.
        httpx.RemoteProtocolError: when the connection was lost before anything was written.
        httpx.WriteTimeout: when the peer does not take it in time.
    """
    is_whole = outgoing.stream is None or await _pump(outgoing, connection, answer)
    if connection.is_full:
        await _room(connection, answer, outgoing.timeouts.get("write"))
    connection.may_be_kept = is_whole and not (outgoing.is_last or connection.is_full)


async def _pump(outgoing: Outgoing, connection: Connection, answer: Answer) -> bool:
    """Write piece by piece; returns False when the answer, or the end, came before."""
    stream = cast("httpx.AsyncByteStream", outgoing.stream)
    write_timeout = outgoing.timeouts.get("write")
    async with aclosing(_framed(stream, outgoing.body_length)) as pieces:
        # Of a body that cannot even begin, nothing leaves.
        first = await anext(pieces, b"")
        connection.begin(outgoing, answer)
        connection.write(first)
        turn = _Turn()
        async for piece in pieces:
            await turn.share()
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


class _Turn:
    """Lets others run now and then, where neither the source nor the peer makes us wait."""

    __slots__ = ("_ends_at", "_loop")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ends_at = self._loop.time() + _LONGEST_HOLD_SECONDS

    async def share(self) -> None:
        """Let others run, if it is time."""
        if self._loop.time() > self._ends_at:
            await asyncio.sleep(0)
            self._ends_at = self._loop.time() + _LONGEST_HOLD_SECONDS


async def _framed(
    stream: httpx.AsyncByteStream, length: int | None
) -> AsyncGenerator[bytes | memoryview]:
    """Yield the body as it goes over the wire, in pieces that hold nobody up."""
    left = length or 0
    async with _closing(aiter(stream)) as wholes:
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


def _slices(whole: bytes) -> Iterator[bytes | memoryview]:
    if len(whole) <= _SLICE_BYTES:
        return iter((whole,) if whole else ())
    view = memoryview(whole)
    return (view[at : at + _SLICE_BYTES] for at in range(0, len(view), _SLICE_BYTES))


def _chunk(piece: bytes | memoryview) -> bytes:
    return b"".join((b"%x\r\n" % len(piece), piece, b"\r\n"))
