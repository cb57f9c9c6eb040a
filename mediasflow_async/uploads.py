"""A CSV file on its way to the server: any source, streamed as a multipart form."""

from __future__ import annotations

import csv
import io
import os
import secrets
import tempfile
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Iterable,
    Mapping,
)
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import IO, Any, Final

from anyio import to_thread
from attrs import field, frozen

from mediasflow_async.errors import InvalidRequest, Problem

__all__ = ["MultipartBody", "Progress", "UploadSource", "multipart", "opened"]

UploadSource = (
    str
    | os.PathLike[str]
    | bytes
    | AsyncIterable[bytes]
    | AsyncIterable[Mapping[str, Any]]
    | Iterable[bytes]
    | Iterable[Mapping[str, Any]]
)
"""What can be uploaded; a str is a path, and an open binary file is an iterable of bytes."""

Progress = Callable[[int, int], object]
"""Takes the bytes sent so far and the bytes in all."""

_PIECE_BYTES: Final = 2**20
_IN_MEMORY_BYTES: Final = 2**20
_ROWS_AT_ONCE: Final = 500


@asynccontextmanager
async def opened(source: UploadSource) -> AsyncGenerator[IO[bytes], None]:
    """Give a source as a file that can be read again from its start.

    A source that can be gone through once only is written to an unnamed temporary file first:
    a retry needs it again, and the server its length.

    Raises:
        InvalidRequest: for an empty source, a file that cannot be read, or rows without a
            common header.
    """
    with await _file_of(source) as file:
        if file.seek(0, os.SEEK_END) == 0:
            raise _refused("is empty")
        yield file


async def _file_of(source: UploadSource) -> IO[bytes]:
    if isinstance(source, bytes | bytearray | memoryview):
        return io.BytesIO(source)
    if isinstance(source, str | os.PathLike):
        return await to_thread.run_sync(_open, Path(source))
    if isinstance(source, AsyncIterable):
        return await _spooled(source)
    if isinstance(source, Iterable) and not isinstance(source, Mapping):
        return await _spooled(_each(source))
    raise _refused("a path, bytes, an iterator of bytes, or rows as mappings")


def _refused(rule: str) -> InvalidRequest:
    return InvalidRequest(problems=[Problem("source", rule)])


def _open(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        reason = error.strerror or type(error).__name__
    raise _refused(f"cannot be read: {reason}")


async def _spooled(items: AsyncIterable[bytes | Mapping[str, Any]]) -> IO[bytes]:
    with ExitStack() as stack:
        file = stack.enter_context(tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES))
        writer = _Writer(file)
        async for item in items:
            await writer.write(item)
        await writer.flush()
        stack.pop_all()
    return file


async def _each(items: Iterable[Any]) -> AsyncIterator[Any]:
    for item in items:
        yield item


class _Writer:
    """Writes bytes as they are, or rows as CSV in UTF-8 with semicolons."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._has_bytes = False
        self._columns: tuple[str, ...] = ()
        self._rows: list[list[Any]] = []

    async def write(self, item: bytes | Mapping[str, Any]) -> None:
        if isinstance(item, bytes | bytearray | memoryview):
            if self._columns:
                raise _refused("all of it is bytes, or all of it rows as mappings")
            self._has_bytes = True
            await to_thread.run_sync(self._file.write, item)
            return
        self._rows.append(self._cells(item))
        if len(self._rows) >= _ROWS_AT_ONCE:
            await self.flush()

    async def flush(self) -> None:
        rows, self._rows = self._rows, []
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=";").writerows(rows)
        await to_thread.run_sync(self._file.write, text.getvalue().encode())

    def _cells(self, row: Any) -> list[Any]:
        if not isinstance(row, Mapping) or self._has_bytes:
            raise _refused("all of it is bytes, or all of it rows as mappings")
        if not self._columns:
            self._columns = tuple(row)
            self._rows.append(list(self._columns))
        if unknown := set(row) - set(self._columns):
            names = ", ".join(sorted(map(str, unknown)))
            raise _refused(f"the first row has no column {names}")
        return [row.get(column) for column in self._columns]


@frozen(kw_only=True)
class MultipartBody:
    """A multipart form with one file in it (RFC 7578), streamed from the file.

    Attributes:
        content_type: its media type, with the boundary.
        length: its length in bytes.
        head: what comes before the file.
        file: the file.
        tail: what comes after it.
        progress: called with the bytes sent so far and the bytes in all.
    """

    content_type: str
    length: int
    head: bytes = field(repr=False)
    file: IO[bytes] = field(repr=False)
    tail: bytes = field(repr=False)
    progress: Progress | None = field(default=None, repr=False)

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield the form from its start, in pieces of 1 MiB read off the event loop."""
        sent = 0
        async for piece in self._pieces():
            yield piece
            sent += len(piece)
            if self.progress:
                self.progress(sent, self.length)

    async def _pieces(self) -> AsyncIterator[bytes]:
        yield self.head
        await to_thread.run_sync(self.file.seek, 0)
        while piece := await to_thread.run_sync(self.file.read, _PIECE_BYTES):
            yield piece
        yield self.tail


def multipart(
    file: IO[bytes],
    *,
    filename: str,
    file_field: str,
    fields: Mapping[str, str],
    progress: Progress | None = None,
) -> MultipartBody:
    """Return the form of an upload (Guide: 2.11).

    Args:
        file: the CSV file.
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
    tail = f"\r\n--{boundary}--\r\n".encode()
    size = file.seek(0, os.SEEK_END)
    return MultipartBody(
        content_type=f"multipart/form-data; boundary={boundary}",
        length=len(head.encode()) + size + len(tail),
        head=head.encode(),
        file=file,
        tail=tail,
        progress=progress,
    )


def _quoted(text: str) -> str:
    """Escape a name as the WHATWG form encoding does."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
