"""A source that can be gone through once only, kept until the upload is over."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import aclosing
from functools import partial
from itertools import islice
from time import perf_counter
from typing import IO, Any, Final

from anyio import to_thread
from anyio.lowlevel import checkpoint

from mediasflow_async.uploads.contents import READ_BYTES, BytesContent, Content, FileContent
from mediasflow_async.uploads.csv_rows import CsvRows
from mediasflow_async.uploads.files import OwnFile, refused

__all__ = ["Spool"]

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
