"""A CSV file on its way: any source, streamed as a form."""

from __future__ import annotations

import csv
import inspect
import io
import os
import secrets
import tempfile
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from functools import partial
from inspect import iscoroutinefunction
from itertools import islice
from operator import itemgetter
from pathlib import Path
from threading import Lock, Thread
from time import perf_counter
from typing import IO, Any, Final, Protocol, Self

from anyio import CancelScope, to_thread
from anyio.lowlevel import checkpoint
from attrs import field, frozen

from mediasflow_async.errors import InvalidRequest, Problem, Sent
from mediasflow_async.secrecy import mask_text

__all__ = [
    "READ_BYTES",
    "BytesContent",
    "Content",
    "CsvRows",
    "FileContent",
    "MultipartBody",
    "OwnFile",
    "Progress",
    "ProgressFailed",
    "Spool",
    "UploadSource",
    "measured",
    "multipart",
    "opened",
    "reason_of",
    "refused",
]


class OwnFile:
    """A file that the upload opens, and closes whenever it was opened.

    asyncio's own cancellation waits for no thread, and may come before a thread has begun: the
    file may be opened when nobody waits for it any more, and nobody wait until it is closed.
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
        """Close it; that takes a while when a large file without a name goes away."""
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


def measured(file: Any) -> tuple[int, int] | None:
    """Return where a file stands and how many bytes follow; None if it cannot seek. Blocks.

    Raises:
        InvalidRequest: the file cannot be read, or gives text.
    """
    try:
        beginning = file.read(0)
        place = _place(file)
    except (OSError, ValueError) as error:
        rule = f"cannot be read: {reason_of(error)}"
    else:
        if isinstance(beginning, bytes):
            return place
        rule = "an open file is opened in binary mode"
    raise refused(rule)


def _place(file: Any) -> tuple[int, int] | None:
    if not (hasattr(file, "seekable") and file.seekable()):
        return None
    start = file.tell()
    end = file.seek(0, os.SEEK_END)
    file.seek(start)
    return start, max(0, end - start)


def reason_of(error: Exception) -> str:
    """Return why a file cannot be read, without its name."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def refused(rule: str) -> InvalidRequest:
    """Return the error for a source that breaks a rule."""
    return InvalidRequest(problems=[Problem("source", rule)])


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


Progress = Callable[[int, int], object]
"""Takes the bytes sent so far and the bytes in all."""


class ProgressFailed(Exception):
    """Carries what a progress callback raised past those who take any OSError for the network's.

    Attributes:
        error: what it raised.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


@frozen(kw_only=True)
class MultipartBody:
    """A form, ready to be sent any number of times.

    Attributes:
        content_type: its media type, with the boundary.
        head: what comes before the file.
        content: the file.
        tail: what comes after it.
        progress: called with the bytes sent so far and the bytes in all.
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
        """Return the form from its start, in pieces of up to 256 KiB.

        Raises:
            ProgressFailed: while it is gone through; carries what `progress` raised.
            InvalidRequest: while it is gone through, when the file changes its size.
        """
        return _Sending(self)

    async def read(self, offset: int) -> Sequence[bytes]:
        """Return some of the form from `offset` on, in pieces; none at its end."""
        place = offset - len(self.head)
        if place < 0:
            return [self.head[place:]]
        if place < self.content.size:
            return await self.content.read(place)
        rest = self.tail[place - self.content.size :]
        return [rest] if rest else []


class _Sending:
    """One way through a form; nothing is left to be closed where it is not gone to the end."""

    def __init__(self, form: MultipartBody) -> None:
        self._form = form
        self._ready: deque[bytes] = deque()
        self._sent = 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        # Who asks for more has sent what came before.
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
        progress: called with the bytes sent so far and the bytes in all.
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


class CsvRows:
    """Writes rows as CSV in UTF-8 with semicolons.

    Args:
        first: the first row, whose keys are the columns.
    """

    def __init__(self, first: Mapping[Any, Any]) -> None:
        self._columns = tuple(first)
        if not self._columns:
            raise refused("the first row has columns")
        self._known = frozenset(self._columns)
        self._pick = _picking(self._columns)
        self._text = io.StringIO(newline="")
        self._writer = csv.writer(self._text, delimiter=";")
        self._writer.writerow(self._columns)

    def encode(self, rows: Sequence[Any]) -> bytes:
        """Return the lines of some rows; the header stands before the first of them.

        Raises:
            InvalidRequest: something is no row, has a column that the first row has not, or
                holds text that is none.
        """
        self._writer.writerows(self._cells(rows))
        text = self._text.getvalue()
        self._text.seek(0)
        self._text.truncate()
        try:
            return text.encode()
        except UnicodeEncodeError:
            rule = "a cell holds half of a surrogate pair, which UTF-8 cannot"
        raise refused(rule)

    def _cells(self, rows: Sequence[Any]) -> Iterable[Iterable[Any]]:
        # Of as many keys, all of them found, none is unknown. Only a plain dict is sure to tell
        # of one that it has not.
        if set(map(type, rows)) == {dict} and set(map(len, rows)) == {len(self._columns)}:
            try:
                return list(map(self._pick, rows))
            except KeyError:
                return list(map(self._checked, rows))
        return list(map(self._checked, rows))

    def _checked(self, row: Any) -> list[Any]:
        if not isinstance(row, Mapping):
            raise refused("all of it is bytes, or all of it rows as mappings")
        if unknown := set(row) - self._known:
            names = ", ".join(sorted(map(str, unknown)))
            raise refused(f"the first row has no column {mask_text(names)}")
        return [row.get(column) for column in self._columns]


def _picking(columns: Sequence[Any]) -> Callable[[Any], tuple[Any, ...]]:
    """Return what takes the cells out of a row."""
    if len(columns) > 1:
        return itemgetter(*columns)
    (column,) = columns
    return lambda row: (row[column],)


_ROWS_AT_ONCE: Final = 32
_LONGEST_HOLD_SECONDS: Final = 0.001

_Encode = Callable[[Sequence[Any]], bytes]


class Spool:
    """Takes bytes: the first 2 MiB stay in memory, more goes to a temporary file without a name."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._own: OwnFile | None = None
        self._size = 0

    async def take_file(self, file: Any) -> None:
        """Read a file to its end, in threads unless its `read` is a coroutine.

        Raises:
            InvalidRequest: the file gives text.
        """
        read = file.read
        if not inspect.iscoroutinefunction(read):
            read = partial(to_thread.run_sync, read)
        while piece := await read(READ_BYTES):
            if not isinstance(piece, bytes):
                raise refused("an open file is opened in binary mode")
            await self._write(piece)

    async def take(self, items: AsyncIterable[Any] | Iterable[Any]) -> None:
        """Go through all items: bytes, or rows, which become CSV.

        The event loop has a turn every millisecond, and waits for no disk.

        Raises:
            InvalidRequest: an item is neither, or not of the kind of the first one.
        """
        encode: _Encode | None = None
        resume = perf_counter()
        async with aclosing(_batches(items)) as batches:
            async for batch in batches:
                encode = encode or _encoding(batch[0])
                await self._write(encode(batch))
                if perf_counter() - resume > _LONGEST_HOLD_SECONDS:
                    await checkpoint()
                    resume = perf_counter()

    async def content(self) -> Content:
        """Return all that was taken."""
        if self._own is None:
            return BytesContent(memoryview(self._held))
        return FileContent(await self._flush(), 0, self._size)

    async def aclose(self) -> None:
        """Close the file, if there is one."""
        if self._own:
            await self._own.aclose()

    async def _write(self, data: bytes) -> None:
        if len(self._held) + len(data) < READ_BYTES:
            self._held += data
        else:
            await self._flush(data)

    async def _flush(self, data: bytes = b"") -> IO[bytes]:
        self._own = self._own or OwnFile()
        held, self._held = self._held, bytearray()
        self._size += len(held) + len(data)
        return await to_thread.run_sync(_append, self._own, held, data)


def _append(own: OwnFile, *parts: bytes | bytearray) -> IO[bytes]:
    file = own.open(tempfile.TemporaryFile)
    file.writelines(parts)
    return file


def _encoding(first: Any) -> _Encode:
    return CsvRows(first).encode if isinstance(first, Mapping) else _joined


def _joined(items: Sequence[Any]) -> bytes:
    if not all(isinstance(item, bytes | bytearray | memoryview) for item in items):
        raise refused("all of it is bytes, or all of it rows as mappings")
    return b"".join(items)


def _most(first: Any) -> int:
    """Return how many items are taken at a time: bytes can be long."""
    return _ROWS_AT_ONCE if isinstance(first, Mapping) else 1


def _batches(
    items: AsyncIterable[Any] | Iterable[Any],
) -> AsyncGenerator[Sequence[Any], None]:
    return _collected(items) if isinstance(items, AsyncIterable) else _cut(items)


async def _cut(items: Iterable[Any]) -> AsyncGenerator[Sequence[Any], None]:
    iterator, most = iter(items), 1
    while batch := list(islice(iterator, most)):
        yield batch
        most = _most(batch[0])


async def _collected(items: AsyncIterable[Any]) -> AsyncGenerator[Sequence[Any], None]:
    iterator = aiter(items)
    batch: list[Any] = []
    most = 1
    try:
        async for item in iterator:
            batch.append(item)
            if len(batch) >= most:
                yield batch
                batch, most = [], _most(item)
        if batch:
            yield batch
    finally:
        # Where the upload fails, a generator of the caller's ends with it.
        if isinstance(iterator, AsyncGenerator):
            await iterator.aclose()


UploadSource = (
    str
    | os.PathLike[str]
    | bytes
    | bytearray
    | memoryview
    | IO[bytes]
    | AsyncIterable[bytes]
    | AsyncIterable[Mapping[str, Any]]
    | Iterable[bytes]
    | Iterable[Mapping[str, Any]]
)
"""What can be uploaded; a str is a path."""


@asynccontextmanager
async def opened(source: UploadSource) -> AsyncGenerator[Content, None]:
    """Give a source as bytes of a known number that can be read again.

    An open file is read from where it stands, and not closed.

    Raises:
        InvalidRequest: for an empty source, a file that cannot be read, or rows without a
            common header.
    """
    async with AsyncExitStack() as stack:
        content = await _content_of(source, stack)
        if not content.size:
            raise refused("is empty, or an open file that was read to its end")
        yield content


async def _content_of(source: Any, stack: AsyncExitStack) -> Content:
    if isinstance(source, bytes | bytearray | memoryview):
        return BytesContent(memoryview(source).cast("B"))
    if isinstance(source, str | os.PathLike):
        own = OwnFile()
        stack.push_async_callback(own.aclose)
        source = await to_thread.run_sync(own.open, partial(_open, source))
    place = await _place_of(source)
    if place:
        return FileContent(source, *place)
    spool = Spool()
    stack.push_async_callback(spool.aclose)
    await _take(spool, source)
    return await spool.content()


async def _place_of(source: Any) -> tuple[int, int] | None:
    """Return where an open file stands and how many bytes follow; None for all else."""
    if not hasattr(source, "read") or iscoroutinefunction(source.read):
        return None
    return await to_thread.run_sync(measured, source)


async def _take(spool: Spool, source: Any) -> None:
    if hasattr(source, "read"):
        await spool.take_file(source)
    elif isinstance(source, AsyncIterable | Iterable) and not isinstance(source, Mapping):
        await spool.take(source)
    else:
        raise refused("a path, an open file, bytes, an iterator of bytes, or rows as mappings")


def _open(path: str | os.PathLike[str]) -> IO[bytes]:
    try:
        return Path(path).open("rb")
    except (OSError, ValueError) as error:
        reason = reason_of(error)
    raise refused(f"cannot be read: {reason}")
