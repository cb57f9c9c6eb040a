"""However an upload ends, nothing of its source stays open."""

from __future__ import annotations

import contextlib
import gc
import warnings
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from mediasflow_async import InvalidRequest
from mediasflow_async.uploads import opened

pytestmark = [pytest.mark.anyio, pytest.mark.every_backend]


class Kill(BaseException):
    """What nobody catches."""


@contextmanager
def without_open_files() -> Generator[None]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
        gc.collect()
    assert [w for w in caught if w.category is ResourceWarning and "file" in str(w.message)] == []


async def use(source: Any) -> None:
    async with opened(source):
        pass


async def test_a_source_that_fails_leaves_no_open_file() -> None:
    def broken() -> Iterator[dict[str, str]]:
        for number in range(50_000):
            yield {"mobile": f"{number:0100}"}
        raise Kill

    with without_open_files(), pytest.raises(Kill):
        await use(broken())


async def test_a_path_is_closed_however_the_upload_ends(tmp_path: Path) -> None:
    path = tmp_path / "l.csv"
    path.write_bytes(b"mobile\n06\n")
    held: list[Any] = []

    with anyio.CancelScope() as scope:
        async with opened(path) as content:
            held.append(content)
            scope.cancel()
            await anyio.sleep_forever()
    with contextlib.suppress(Kill):
        async with opened(path) as content:
            held.append(content)
            raise Kill

    assert [content.file.closed for content in held] == [True, True]


async def test_an_empty_file_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "l.csv"
    path.touch()

    with without_open_files(), pytest.raises(InvalidRequest):
        await use(path)


async def test_a_source_that_is_cancelled_while_it_is_read_leaves_no_open_file() -> None:
    async def endless() -> AsyncIterator[dict[str, str]]:
        for number in range(30_000):
            yield {"mobile": f"{number:0100}"}
        scope.cancel()
        await anyio.sleep_forever()

    with without_open_files(), anyio.CancelScope() as scope:
        await use(endless())


async def test_a_generator_ends_with_the_upload_that_refuses_it() -> None:
    ended = []

    async def mixed() -> AsyncGenerator[Any]:
        try:
            yield {"mobile": "06"}
            yield b"raw"
            yield {"mobile": "07"}
        finally:
            await anyio.lowlevel.checkpoint()
            ended.append("async")

    def mixed_too() -> Iterator[Any]:
        try:
            yield from ({"mobile": "06"}, b"raw", *[{"mobile": "07"}] * 100)
        finally:
            ended.append("sync")

    for source in (mixed(), mixed_too()):
        with pytest.raises(InvalidRequest):
            await use(source)
        del source
    assert ended == ["async", "sync"]
