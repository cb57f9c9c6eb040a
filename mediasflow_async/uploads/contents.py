"""Bytes of a known number that can be read from any place, as often as a retry needs them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, Final, Protocol

from anyio import to_thread
from anyio.lowlevel import checkpoint
from attrs import field, frozen

from mediasflow_async.errors import InvalidRequest, Sent
from mediasflow_async.uploads.files import reason_of, refused

__all__ = ["READ_BYTES", "BytesContent", "Content", "FileContent"]

READ_BYTES: Final = 2**21
"""How much is read at a time: much less, and the hop to a thread would cost more than that."""

# What is sent at a time stays in the processor's cache, and its memory is used again.
_PIECE_BYTES: Final = 2**18


class Content(Protocol):
    """What an upload consists of."""

    @property
    def size(self) -> int:
        """How many bytes there are."""
        ...

    async def read(self, offset: int) -> Sequence[bytes]:
        """Return some of the bytes from `offset` on, up to 2 MiB in several pieces."""
        ...


@frozen
class BytesContent:
    """Bytes in memory, of which only a piece at a time is copied.

    Attributes:
        data: the bytes.
    """

    data: memoryview = field(repr=False)

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return len(self.data)

    async def read(self, offset: int) -> Sequence[bytes]:
        """Return up to 2 MiB, after everyone else on the event loop had a turn."""
        await checkpoint()
        some = self.data[offset : offset + READ_BYTES]
        starts = range(0, len(some), _PIECE_BYTES)
        return [bytes(some[start : start + _PIECE_BYTES]) for start in starts]


@frozen
class FileContent:
    """What stands in a file from `start` on, `size` bytes up to its end.

    Attributes:
        file: an open binary file that can seek.
        start: where the content starts in it.
        size: how many bytes there are.
    """

    file: IO[bytes] = field(repr=False)
    start: int
    size: int

    async def read(self, offset: int) -> Sequence[bytes]:
        """Return up to 2 MiB, read in a thread.

        Raises:
            InvalidRequest: the file cannot be read, or has another size than before.
        """
        left = self.size - offset
        # The last read asks for one byte more than there should be.
        most = left + 1 if left <= READ_BYTES else READ_BYTES
        pieces = await to_thread.run_sync(_read, self.file, self.start + offset, most)
        if isinstance(pieces, str):
            raise _broken_off(f"cannot be read any more: {pieces}")
        if not 0 < sum(map(len, pieces)) <= left:
            raise _broken_off(f"had {self.size} bytes when the upload began, and now has not")
        return pieces


def _read(file: IO[bytes], position: int, most: int) -> Sequence[bytes] | str:
    """Return some bytes, or why there are none."""
    try:
        file.seek(position)
        sizes = (min(_PIECE_BYTES, most - start) for start in range(0, most, _PIECE_BYTES))
        return [piece for size in sizes if (piece := file.read(size))]
    except (OSError, ValueError) as error:
        return reason_of(error)


def _broken_off(rule: str) -> InvalidRequest:
    """Return the error for a source that fails when the request has begun to leave."""
    error = refused(rule)
    error.sent = Sent.UNKNOWN
    error.next_step = (
        "The request broke off before its end, so that the server has no list. Upload again "
        "when nothing writes to the source."
    )
    return error
