"""asyncio cancels without waiting for threads; the files of an upload are closed all the same."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mediasflow_async.uploads import opened
from mediasflow_async.uploads.contents import OwnFile
from tests.support.sessions import until

pytestmark = pytest.mark.anyio


async def read(source: Any) -> None:
    async with opened(source) as content:
        await content.read(0)


async def cancel_after(turns: int, source: Any) -> None:
    task = asyncio.create_task(read(source))
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


SOURCES: dict[str, Callable[[Path], Any]] = {
    "path": lambda path: path,
    "pieces": lambda path: [path.read_bytes()],
}


@pytest.mark.parametrize("kind", SOURCES)
async def test_a_file_is_closed_whenever_the_upload_is_cancelled(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "l.csv"
    path.write_bytes(bytes(3_000_000))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for turns in range(50):
            await cancel_after(turns, SOURCES[kind](path))
        gc.collect()

    assert [w for w in caught if w.category is ResourceWarning and "file" in str(w.message)] == []


async def test_a_file_is_closed_though_nobody_waits_for_that() -> None:
    own = OwnFile()
    file = own.open(tempfile.TemporaryFile)
    closing = asyncio.create_task(own.aclose())
    await asyncio.sleep(0)
    closing.cancel()

    with pytest.raises(asyncio.CancelledError):
        await closing
    await until(lambda: file.closed)


async def test_a_file_is_not_opened_any_more_when_the_upload_is_over() -> None:
    own = OwnFile()
    await own.aclose()

    with pytest.raises(ValueError, match="over"):
        own.open(tempfile.TemporaryFile)
