"""CSV reports as files: whole or not at all, joined from parts (Guide: 2.4, 2.7).

What is saved is written to a hidden file that takes its name at the end. The windows of a period
are saved as parts first, so that a save that was interrupted goes on where it stood.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from codecs import BOM_UTF8
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, aclosing, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import IO, Final

from anyio import to_thread
from attrs import field, frozen

from mediasflow_async.concurrency import map_bounded
from mediasflow_async.converter.csv_records import CsvDecoder

__all__ = ["Part", "Records", "SaveProgress", "save_bytes", "save_for_spreadsheets", "save_parts"]

SaveProgress = Callable[[int, int], object]
"""Called with the number of windows saved so far and of windows in all."""

Records = AsyncGenerator[list[list[str]], None]
"""Records of a CSV file, a number of them at a time; the first one holds the columns."""

_BYTES_AT_ONCE: Final = 2**20
_DELIMITER: Final = ";"


@frozen
class Part:
    """A part of a report.

    Attributes:
        name: name of its file.
        blocks: returns its records, from the start each time.
    """

    name: str
    blocks: Callable[[], Records] = field(repr=False)


async def save_parts(
    path: Path,
    folder: Path,
    parts: Sequence[Part],
    progress: SaveProgress | None = None,
    at_once: int = 1,
    *,
    for_spreadsheets: bool = False,
) -> Path:
    """Save each part that is not in `folder` yet, then join all of them into one CSV file.

    Args:
        path: the file to write.
        folder: where the parts are kept until then, as CSV; it is removed at the end.
        parts: the parts, in order.
        progress: called after each part.
        at_once: how many parts may be under way at the same time.
        for_spreadsheets: as in `save_for_spreadsheets`.

    Returns:
        The path.
    """
    await to_thread.run_sync(partial(folder.mkdir, mode=0o700, parents=True, exist_ok=True))

    async def save(part: Part) -> None:
        await _save_part(folder / part.name, part.blocks)

    done = 0
    async with map_bounded(save, parts, limit=at_once) as outcomes:
        async for outcome in outcomes:
            outcome.unwrap()
            done += 1
            if progress:
                progress(done, len(parts))
    files = [folder / part.name for part in parts]
    await _join_parts(path, files, _spreadsheet_line if for_spreadsheets else None)
    await to_thread.run_sync(shutil.rmtree, folder)
    return path


async def save_for_spreadsheets(path: Path, blocks: Records) -> Path:
    """Save records as CSV that a spreadsheet shows as it stands, and takes for no formula."""
    async with aclosing(_marked(_written(blocks, _spreadsheet_line))) as pieces:
        return await save_bytes(path, pieces)


async def _marked(pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    # Without the mark Excel takes UTF-8 for the charset of the system.
    yield BOM_UTF8
    async with aclosing(pieces):
        async for piece in pieces:
            yield piece


async def _save_part(file: Path, blocks: Callable[[], Records]) -> None:
    """Save the records of a part as CSV, unless it was saved before."""
    if not await to_thread.run_sync(file.exists):
        async with aclosing(_written(blocks())) as pieces:
            await save_bytes(file, pieces)


async def _written(blocks: Records, line: _Line | None = None) -> AsyncGenerator[bytes, None]:
    write = line or _line
    width = 0
    async with aclosing(blocks):
        async for block in blocks:
            width = width or len(block[0])
            yield b"".join(write(cells, width) for cells in block)


def _line(cells: Sequence[str], width: int = 0) -> bytes:
    line = _DELIMITER.join(cells)
    is_plain = '"' not in line and "\r" not in line and "\n" not in line
    if not is_plain or line.count(_DELIMITER) >= len(cells):
        line = _DELIMITER.join(map(_cell, cells))
    return f"{line}{_DELIMITER * (width - len(cells))}\r\n".encode()


_Line = Callable[..., bytes]


def _spreadsheet_line(cells: Sequence[str], width: int = 0) -> bytes:
    return _line([_as_text(cell) for cell in cells], width)


def _as_text(cell: str) -> str:
    """Return a cell with an apostrophe before it where a spreadsheet would make it another."""
    return f"'{cell}" if _CHANGED_CELL.match(cell) else cell


# Formulas, in full width as well, and what stays no number as it is written: phone numbers and
# ids, of which a spreadsheet drops the first zero and the last digits, and 12E5.
_CHANGED_CELL: Final = re.compile(
    r"[\t\r]|[\s\ufeff\u200b]*(?:[=+\-@\uff1d\uff0b\uff0d\uff20]|(?:0\d+|\d{9,}|\d+[eE]\d+)\s*$)"
)


def _cell(text: str) -> str:
    needs_quotes = any(mark in text for mark in ';"\r\n')
    return '"' + text.replace('"', '""') + '"' if needs_quotes else text


async def save_bytes(path: Path, pieces: AsyncIterator[bytes]) -> Path:
    """Write pieces to a file that appears when all of them are written."""
    async with _appearing(path) as file:
        waiting: list[bytes] = []
        waiting_bytes = 0
        async for piece in pieces:
            waiting.append(piece)
            waiting_bytes += len(piece)
            # The hop to a thread and back takes as long as to write 100 kB there.
            if waiting_bytes >= _BYTES_AT_ONCE:
                await to_thread.run_sync(file.writelines, waiting)
                waiting, waiting_bytes = [], 0
        await to_thread.run_sync(file.writelines, waiting)
    return path


@asynccontextmanager
async def _appearing(path: Path) -> AsyncGenerator[IO[bytes], None]:
    """Give a hidden file to write, which is renamed to `path` at the end if nothing fails."""
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


async def _join_parts(path: Path, files: Sequence[Path], line: _Line | None) -> None:
    """Join the files of parts, in order, into one with the columns of all.

    Cells that a record has beyond its columns stay beyond them.

    Raises:
        OSError: a file is not as `_save_part` has written it.
    """
    async with _appearing(path) as target:
        await to_thread.run_sync(_join, target, files, line)


def _join(target: IO[bytes], files: Sequence[Path], line: _Line | None) -> None:
    headers = [next(_records(file), []) for file in files]
    columns = list(dict.fromkeys(name for header in headers for name in header))
    write = line or _line
    target.write(b"" if line is None else BOM_UTF8)
    target.write(write(columns))
    for file, header in zip(files, headers, strict=True):
        if header == columns and line is None:
            with file.open("rb") as part:
                part.seek(len(_line(header)))
                shutil.copyfileobj(part, target, _BYTES_AT_ONCE)
        else:
            target.writelines(map(write, _moved(file, columns)))


def _moved(file: Path, columns: Sequence[str]) -> Iterator[list[str]]:
    """Yield the records of a part, with their cells under the columns of the whole report."""
    records = _records(file)
    header = next(records, [])
    empty = len(header)
    places = [header.index(name) if name in header else empty for name in columns]
    for cells in records:
        beyond = cells[empty:]
        cells[empty:] = [""]
        yield [cells[place] for place in places] + beyond


def _records(file: Path) -> Iterator[list[str]]:
    decoder = CsvDecoder(_damaged, delimiter=_DELIMITER)
    with file.open("rb") as part:
        while piece := part.read(_BYTES_AT_ONCE):
            yield from decoder.feed(piece)
    yield from decoder.finish()


def _damaged(reason: str, **_: object) -> Exception:
    return OSError(f"a part of the report is damaged on the disk: {reason}")
