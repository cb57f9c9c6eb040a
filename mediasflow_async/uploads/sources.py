"""What can be uploaded as a CSV file, and how it becomes bytes of a known number.

Bytes and files that can seek are read where they are. Anything else can be read only once, or
must be written as CSV first: it is spooled to a temporary file, so that its length is known and
a retry can send it again.
"""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from functools import partial
from inspect import iscoroutinefunction
from itertools import chain, islice
from operator import itemgetter
from pathlib import Path
from time import perf_counter
from typing import IO, Any, Final

from anyio import to_thread
from anyio.lowlevel import checkpoint

from mediasflow_async.models.values import ENCODABLE_RULE, PLAIN, plain_cell
from mediasflow_async.secrecy import mask_text
from mediasflow_async.uploads.contents import (
    READ_BYTES,
    BytesContent,
    Content,
    FileContent,
    OwnFile,
    reason_of,
    refused,
    rest_of,
)

__all__ = ["UploadSource", "opened"]

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
    """Give a source as bytes of a known number that can be read again, until the block ends.

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
    has_read = hasattr(source, "read")
    if has_read and not iscoroutinefunction(source.read):
        content = await to_thread.run_sync(rest_of, source)
        if content:
            return content
    spool = _Spool()
    stack.push_async_callback(spool.aclose)
    if has_read:
        await spool.take_file(source)
    elif isinstance(source, AsyncIterable | Iterable) and not isinstance(source, Mapping):
        await spool.take(source)
    else:
        raise refused("a path, an open file, bytes, an iterator of bytes, or rows as mappings")
    return await spool.content()


def _open(path: str | os.PathLike[str]) -> IO[bytes]:
    try:
        return Path(path).open("rb")
    except (OSError, ValueError) as error:
        reason = reason_of(error)
    raise refused(f"cannot be read: {reason}")


_ROWS_AT_ONCE: Final = 32
_LONGEST_HOLD_SECONDS: Final = 0.001

_Encode = Callable[[Sequence[Any]], bytes]


class _Spool:
    """Takes any number of bytes or rows, and gives them back as content.

    The first 2 MiB stay in memory, more goes to a temporary file without a name.
    """

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
        if not iscoroutinefunction(read):
            read = partial(to_thread.run_sync, read)
        while piece := await read(READ_BYTES):
            if not isinstance(piece, bytes):
                raise refused("an open file is opened in binary mode")
            await self._write(piece)

    async def take(self, items: AsyncIterable[Any] | Iterable[Any]) -> None:
        """Go through all items: bytes, or rows, which become CSV.

        The event loop has a turn every millisecond, and never waits for the disk.

        Raises:
            InvalidRequest: an item is neither, or not of the kind of the first one.
        """
        encode: _Encode | None = None
        resume = perf_counter()
        batched = _async_batches(items) if isinstance(items, AsyncIterable) else _batches(items)
        async with aclosing(batched) as batches:
            async for batch in batches:
                encode = encode or _encoding(batch[0])
                await self._write(encode(batch))
                if perf_counter() - resume > _LONGEST_HOLD_SECONDS:
                    await checkpoint()
                    resume = perf_counter()

    async def content(self) -> Content:
        """Return all that was taken, as content that is valid until `aclose`."""
        if self._own is None:
            return BytesContent(memoryview(self._held))
        return FileContent(await self._flush(), 0, self._size)

    async def aclose(self) -> None:
        """Close the temporary file, if there is one."""
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
    return _CsvRows(first).encode if isinstance(first, Mapping) else _joined


def _joined(items: Sequence[Any]) -> bytes:
    if not all(isinstance(item, bytes | bytearray | memoryview) for item in items):
        raise refused("all of it is bytes, or all of it rows as mappings")
    return b"".join(items)


def _most(first: Any) -> int:
    """Return how many items make a batch: bytes can be long, and are taken one by one."""
    return _ROWS_AT_ONCE if isinstance(first, Mapping) else 1


async def _batches(items: Iterable[Any]) -> AsyncGenerator[Sequence[Any], None]:
    iterator, most = iter(items), 1
    while batch := list(islice(iterator, most)):
        yield batch
        most = _most(batch[0])


async def _async_batches(items: AsyncIterable[Any]) -> AsyncGenerator[Sequence[Any], None]:
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
        # When the upload fails, a generator of the caller's is closed with it.
        if isinstance(iterator, AsyncGenerator):
            await iterator.aclose()


class _CsvRows:
    """Writes rows as CSV in UTF-8 with semicolons.

    Args:
        first: the first row, whose keys are the columns.

    Raises:
        InvalidRequest: it has no columns.
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
                holds text that UTF-8 cannot encode.
        """
        cells = self._cells(rows)
        if not PLAIN.issuperset(map(type, chain.from_iterable(cells))):
            cells = [list(map(plain_cell, row)) for row in cells]
        self._writer.writerows(cells)
        text = self._text.getvalue()
        self._text.seek(0)
        self._text.truncate()
        try:
            return text.encode()
        except UnicodeEncodeError:
            rule = f"each cell {ENCODABLE_RULE}"
        raise refused(rule)

    def _cells(self, rows: Sequence[Any]) -> Sequence[Sequence[Any]]:
        # A row with as many keys as there are columns, in which every column is found, has no
        # unknown key. Only a plain dict is sure to raise KeyError for one that it has not.
        if set(map(type, rows)) == {dict} and set(map(len, rows)) == {len(self._columns)}:
            with suppress(KeyError):
                return list(map(self._pick, rows))
        return list(map(self._checked, rows))

    def _checked(self, row: Any) -> list[Any]:
        if not isinstance(row, Mapping):
            raise refused("all of it is bytes, or all of it rows as mappings")
        if unknown := set(row) - self._known:
            names = ", ".join(sorted(map(str, unknown))).encode(errors="backslashreplace")
            raise refused(f"the first row has no column {mask_text(names.decode())}")
        return [row.get(column) for column in self._columns]


def _picking(columns: Sequence[Any]) -> Callable[[Any], tuple[Any, ...]]:
    """Return a function that takes the cells out of a row, as a tuple."""
    if len(columns) > 1:
        return itemgetter(*columns)
    (column,) = columns
    return lambda row: (row[column],)
