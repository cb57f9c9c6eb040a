"""Bytes of a known number that can be read again, in memory or in a file.

A form announces its length before it is sent, and is sent anew when the call is retried: what it
holds must have a length, and be there from any place on. All that blocks runs in threads.
"""

from __future__ import annotations

import io
import os
import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from threading import Lock, Thread
from typing import IO, Any, Final, Protocol, Self

from anyio import CancelScope, to_thread
from anyio.lowlevel import checkpoint
from attrs import field, frozen

from mediasflow_async.errors import InvalidRequest, Problem, Sent

__all__ = [
    "READ_BYTES",
    "BytesContent",
    "Content",
    "ContentFile",
    "FileContent",
    "MultipartBody",
    "OwnFile",
    "Progress",
    "ProgressFailed",
    "multipart",
    "reason_of",
    "refused",
    "rest_of",
]

READ_BYTES: Final = 2**21
"""How much is read at a time: much less, and the hop to a thread would cost more than the read."""

# What is sent at a time stays in the processor's cache, and its memory is used again.
_PIECE_BYTES: Final = 2**18


class Content(Protocol):
    """What an upload consists of."""

    @property
    def size(self) -> int:
        """How many bytes there are."""
        ...

    async def read(self, offset: int) -> Sequence[bytes]:
        """Return some of the bytes from `offset` on: up to 2 MiB, in pieces of 256 KiB."""
        ...

    def part(self, offset: int, most: int) -> bytes | memoryview:
        """Return up to `most` bytes from `offset` on. Blocks."""
        ...


@frozen
class BytesContent:
    """Bytes in memory, of which only a few pieces at a time are copied.

    Attributes:
        data: the bytes.
    """

    data: memoryview = field(repr=False)

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return len(self.data)

    async def read(self, offset: int) -> Sequence[bytes]:
        """Return up to 2 MiB, after everything else on the event loop had a turn."""
        await checkpoint()
        some = self.data[offset : offset + READ_BYTES]
        starts = range(0, len(some), _PIECE_BYTES)
        return [bytes(some[start : start + _PIECE_BYTES]) for start in starts]

    def part(self, offset: int, most: int) -> memoryview:
        """Return up to `most` bytes from `offset` on."""
        return self.data[offset : offset + most]


@frozen
class FileContent:
    """The bytes of a file from `start` on, to its end.

    Attributes:
        file: an open binary file that can seek.
        start: where in the file they start.
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

    def part(self, offset: int, most: int) -> bytes:
        """Return up to `most` bytes from `offset` on. Blocks."""
        self.file.seek(self.start + offset)
        return self.file.read(most)


def _read(file: IO[bytes], position: int, most: int) -> Sequence[bytes] | str:
    """Return some bytes, or why there are none."""
    try:
        file.seek(position)
        sizes = (min(_PIECE_BYTES, most - start) for start in range(0, most, _PIECE_BYTES))
        return [piece for size in sizes if (piece := file.read(size))]
    except (OSError, ValueError) as error:
        return reason_of(error)


class ContentFile(io.RawIOBase):
    """Content as a binary file that can seek; to be read in a thread, since it blocks.

    Args:
        content: the content, which nobody else reads meanwhile.
    """

    def __init__(self, content: Content) -> None:
        self._content = content
        self._at = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the place in the content."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place and return it."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._content.size}[whence]
        self._at = base + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as there are bytes, and return how many these were."""
        most = min(len(buffer), max(self._content.size - self._at, 0))
        some = self._content.part(self._at, most)
        buffer[: len(some)] = some
        self._at += len(some)
        return len(some)


def _broken_off(rule: str) -> InvalidRequest:
    """Return the error for a source that fails after the request has begun to leave."""
    error = refused(rule)
    error.sent = Sent.UNKNOWN
    error.next_step = (
        "The request broke off before its end, so that the server has no list. Upload again "
        "when nothing writes to the source."
    )
    return error


def rest_of(file: Any) -> FileContent | None:
    """Return what an open file holds from where it stands; None if it cannot seek. Blocks.

    Raises:
        InvalidRequest: the file cannot be read, or gives text.
    """
    try:
        beginning = file.read(0)
        content = _rest_of(file)
    except (OSError, ValueError) as error:
        rule = f"cannot be read: {reason_of(error)}"
    else:
        if isinstance(beginning, bytes):
            return content
        rule = "an open file is opened in binary mode"
    raise refused(rule)


def _rest_of(file: Any) -> FileContent | None:
    if not (hasattr(file, "seekable") and file.seekable()):
        return None
    start = file.tell()
    end = file.seek(0, os.SEEK_END)
    file.seek(start)
    return FileContent(file, start, max(0, end - start))


class OwnFile:
    """A file that the upload opens itself, and closes in any case.

    A thread opens it, and on asyncio a task that is cancelled waits for no thread, which may
    not even have begun. So the file may be opened after `aclose` was called, when nothing would
    close it, and `aclose` may itself be cancelled before its thread has begun.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._file: IO[bytes] | None = None
        self._is_closed = False

    def open(self, opening: Callable[[], IO[bytes]]) -> IO[bytes]:
        """Return the file, opened at the first call. Blocks.

        Raises:
            ValueError: after `aclose`.
        """
        with self._lock:
            if self._is_closed:
                raise ValueError("the upload is over")
            if self._file is None:
                self._file = opening()
            return self._file

    async def aclose(self) -> None:
        """Close it, in a thread: to close a large temporary file deletes it, which takes time."""
        try:
            with CancelScope(shield=True):
                await to_thread.run_sync(self._close)
        finally:
            if not self._is_closed:
                Thread(target=self._close).start()

    def _close(self) -> None:
        with self._lock:
            self._is_closed = True
            if self._file:
                self._file.close()


def reason_of(error: Exception) -> str:
    """Return why a file cannot be read, without its name."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def refused(rule: str) -> InvalidRequest:
    """Return the error for a source that breaks a rule."""
    return InvalidRequest(problems=[Problem("source", rule)])


Progress = Callable[[int, int], object]
"""Called with the bytes sent so far and the bytes in all."""


def multipart(
    content: Content,
    *,
    filename: str,
    file_field: str,
    fields: Mapping[str, str],
    progress: Progress | None = None,
) -> MultipartBody:
    """Return the form of an upload (Guide: 2.11).

    Args:
        content: the CSV file.
        filename: name of the file in the form.
        file_field: name of the part with the file.
        fields: the other parts.
        progress: called before each piece but the first, and at the end.
    """
    boundary = secrets.token_hex(16)
    head = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"\r\n\r\n{text}\r\n'
        for name, text in fields.items()
    ) + (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(file_field)}"; '
        f'filename="{_quoted(filename)}"\r\nContent-Type: text/csv\r\n\r\n'
    )
    return MultipartBody(
        content_type=f"multipart/form-data; boundary={boundary}",
        head=head.encode(),
        content=content,
        tail=f"\r\n--{boundary}--\r\n".encode(),
        progress=progress,
    )


def _quoted(text: str) -> str:
    """Escape a name as the WHATWG form encoding does."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


@frozen(kw_only=True)
class MultipartBody:
    """A form, which can be sent any number of times.

    Attributes:
        content_type: its media type, with the boundary.
        head: what comes before the file.
        content: the file.
        tail: what comes after it.
        progress: called before each piece but the first, and at the end.
    """

    content_type: str
    head: bytes = field(repr=False)
    content: Content = field(repr=False)
    tail: bytes = field(repr=False)
    progress: Progress | None = field(default=None, repr=False)

    @property
    def length(self) -> int:
        """Its length in bytes."""
        return len(self.head) + self.content.size + len(self.tail)

    def stream(self) -> AsyncIterator[bytes]:
        """Return an iterator over the form from its start, in pieces of up to 256 KiB.

        The iterator raises `ProgressFailed` when `progress` raises, and `InvalidRequest` when
        the file changes its size.
        """
        return _Sending(self)

    async def read(self, offset: int) -> Sequence[bytes]:
        """Return some of the form from `offset` on, in pieces; no piece at its end."""
        place = offset - len(self.head)
        if place < 0:
            return [self.head[place:]]
        if place < self.content.size:
            return await self.content.read(place)
        rest = self.tail[place - self.content.size :]
        return [rest] if rest else []


class _Sending:
    """One pass over a form. It is no generator: one that is left half-way would need a close."""

    def __init__(self, form: MultipartBody) -> None:
        self._form = form
        self._ready: deque[bytes] = deque()
        self._sent = 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        # A sender that asks for the next piece has sent the one before.
        if self._sent:
            self._report()
        if not self._ready:
            self._ready.extend(await self._form.read(self._sent))
        if not self._ready:
            raise StopAsyncIteration
        piece = self._ready.popleft()
        self._sent += len(piece)
        return piece

    def _report(self) -> None:
        if self._form.progress is None:
            return
        try:
            self._form.progress(self._sent, self._form.length)
        except Exception as error:  # noqa: BLE001 - all of it reaches the caller, unwrapped
            raise ProgressFailed(error) from None


class ProgressFailed(Exception):
    """Carries what a progress callback raised to the caller of the upload.

    Raised as it is, an OSError of the callback would be taken for one of the network.

    Attributes:
        error: what it raised.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error
