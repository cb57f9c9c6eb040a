"""Reports on disk: whole or not at all, readable by their owner alone."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import IO, Final

import orjson
from anyio import to_thread

__all__ = ["SaveProgress", "save_bytes", "save_parts"]

SaveProgress = Callable[[int, int], object]
"""Takes the windows saved so far and the windows in all."""

Records = AsyncIterator[Mapping[str, str]]

_BYTES_AT_ONCE: Final = 2**18


async def save_bytes(path: Path, pieces: AsyncIterator[bytes]) -> Path:
    """Write pieces to a file that appears when all are there."""
    async with _appearing(path) as file:
        async for piece in pieces:
            await to_thread.run_sync(file.write, piece)
    return path


async def save_parts(
    path: Path,
    folder: Path,
    parts: Sequence[tuple[str, Callable[[], Records]]],
    progress: SaveProgress | None,
) -> Path:
    """Save each part that is not in `folder` yet, then join all of them into one CSV file.

    Args:
        path: the file to write.
        folder: keeps the parts until then, as JSON Lines; it is removed at the end.
        parts: name and records of each part, in order. A record without any text becomes no
            line: it is there for the names of its columns.
        progress: called after each part.
    """
    await to_thread.run_sync(partial(folder.mkdir, mode=0o700, parents=True, exist_ok=True))
    files = [folder / name for name, _ in parts]
    for done, (file, (_, records)) in enumerate(zip(files, parts, strict=True), 1):
        if not await to_thread.run_sync(file.exists):
            await _save_records(file, records())
        if progress:
            progress(done, len(parts))
    async with _appearing(path) as target:
        await to_thread.run_sync(_join, target, files)
    await to_thread.run_sync(shutil.rmtree, folder)
    return path


async def _save_records(path: Path, records: Records) -> None:
    async with _appearing(path) as file:
        lines = bytearray()
        async for record in records:
            lines += orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
            if len(lines) >= _BYTES_AT_ONCE:
                await to_thread.run_sync(file.write, lines)
                lines = bytearray()
        await to_thread.run_sync(file.write, lines)


def _join(target: IO[bytes], files: Sequence[Path]) -> None:
    columns = {name: None for record in _records(files) for name in record}
    target.write(_line(columns))
    target.writelines(
        _line(record.get(name, "") for name in columns)
        for record in _records(files)
        if any(record.values())
    )


def _records(files: Iterable[Path]) -> Iterator[dict[str, str]]:
    for path in files:
        with path.open("rb") as file:
            yield from map(orjson.loads, file)


def _line(cells: Iterable[str]) -> bytes:
    return (";".join(map(_cell, cells)) + "\r\n").encode()


def _cell(text: str) -> str:
    needs_quotes = any(mark in text for mark in ';"\r\n')
    return '"' + text.replace('"', '""') + '"' if needs_quotes else text


@asynccontextmanager
async def _appearing(path: Path) -> AsyncGenerator[IO[bytes], None]:
    """Give a file to write that takes its name at the end, if nothing fails."""
    hidden = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with ExitStack() as stack:
        stack.callback(hidden.unlink, missing_ok=True)
        file = stack.enter_context(await to_thread.run_sync(_create, hidden))
        yield file
        await to_thread.run_sync(_flush, file)
        await to_thread.run_sync(hidden.replace, path)


def _create(path: Path) -> IO[bytes]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    return os.fdopen(descriptor, "wb")


def _flush(file: IO[bytes]) -> None:
    """Bring what was written to the disk itself."""
    file.flush()
    os.fsync(file.fileno())
