"""What can be uploaded, and how each kind of it is read.

Every upload announces its length, and can be sent again from its start. A length that is known
beforehand is what every server and every proxy takes; not all of them take `Transfer-Encoding:
chunked`. So a path and an open file are read where they are, bytes stay where they are, and all
that can be gone through once only (iterators, rows, pipes) is first written to a temporary file
without a name, unless it fits in 2 MiB. That needs room on the disk (`TMPDIR`), not in memory.
Rows that could be gone through twice go there as well: writing CSV again for its length costs
more than reading it back.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from inspect import iscoroutinefunction
from pathlib import Path
from typing import IO, Any

from anyio import to_thread

from mediasflow_async.uploads.contents import BytesContent, Content, FileContent
from mediasflow_async.uploads.files import OwnFile, measured, reason_of, refused
from mediasflow_async.uploads.spooling import Spool

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
