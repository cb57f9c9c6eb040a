"""A report of several parts on its way to the disk: some of them at the same time."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from anyio import to_thread
from attrs import field, frozen

from mediasflow_async.concurrency import map_bounded
from mediasflow_async.saving import Blocks, SaveProgress, join_parts, save_part

__all__ = ["Part", "save_parts"]


@frozen
class Part:
    """A part of a report.

    Attributes:
        name: name of its file.
        blocks: gives its records, from the start each time.
    """

    name: str
    blocks: Callable[[], Blocks] = field(repr=False)


async def save_parts(
    path: Path,
    folder: Path,
    parts: Sequence[Part],
    progress: SaveProgress | None = None,
    at_once: int = 1,
) -> Path:
    """Save each part that is not in `folder` yet, then join all of them into one CSV file.

    Args:
        path: the file to write.
        folder: keeps the parts until then, as CSV; it is removed at the end.
        parts: the parts, in order.
        progress: called after each part, whichever it is.
        at_once: how many parts may be on their way at the same time.
    """
    await to_thread.run_sync(partial(folder.mkdir, mode=0o700, parents=True, exist_ok=True))

    async def save(part: Part) -> None:
        await save_part(folder / part.name, part.blocks)

    done = 0
    async with map_bounded(save, parts, limit=at_once) as outcomes:
        async for outcome in outcomes:
            outcome.unwrap()
            done += 1
            if progress:
                progress(done, len(parts))
    await join_parts(path, [folder / part.name for part in parts])
    await to_thread.run_sync(shutil.rmtree, folder)
    return path
