"""Every kind of source is read as the same bytes, as often as a retry needs them."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import tempfile
import threading
import tracemalloc
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediasflow_async import InvalidRequest
from mediasflow_async.uploads import Content, UploadSource, opened

pytestmark = pytest.mark.anyio

DATA = b"mobile\r\n" + b"0612345678\r\n" * 200_000


async def whole(content: Content) -> bytes:
    data = b""
    while len(data) < content.size:
        data += b"".join(await content.read(len(data)))
    return data


async def content_of(source: UploadSource) -> bytes:
    async with opened(source) as content:
        first = await whole(content)
        assert await whole(content) == first
        return first


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_bytes(DATA)
    return path


def unseekable(path: Path) -> Any:
    """The reading end of a pipe that somebody else writes to."""
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "wb") as target, path.open("rb") as file:
            shutil.copyfileobj(file, target)

    threading.Thread(target=write).start()
    return os.fdopen(reading, "rb")


class OnlyRead:
    """A file that can do no more than what its name says."""

    def __init__(self, data: bytes) -> None:
        self.read = io.BytesIO(data).read


class AsyncFile:
    """A file that is read by awaiting, like an upload of a web framework."""

    def __init__(self, data: Any) -> None:
        self._file: Any = io.StringIO(data) if isinstance(data, str) else io.BytesIO(data)

    async def read(self, size: int) -> Any:
        await anyio.lowlevel.checkpoint()
        return self._file.read(size)


async def pieces_of(data: bytes, size: int = 100_000) -> AsyncGenerator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


@pytest.mark.every_backend
@pytest.mark.parametrize(
    "source",
    [
        DATA,
        bytearray(DATA),
        memoryview(DATA),
        [DATA],
        [b"", DATA[:5], bytearray(DATA[5:9]), memoryview(DATA)[9:]],
    ],
    ids=["bytes", "bytearray", "memoryview", "one piece", "mixed pieces"],
)
async def test_bytes_are_a_source(source: Any) -> None:
    assert await content_of(source) == DATA


@pytest.mark.every_backend
@pytest.mark.parametrize("size", [1_000, 2**21, 10**7])
async def test_bytes_that_come_in_pieces_are_joined(size: int) -> None:
    assert await content_of(pieces_of(DATA, size)) == DATA


@pytest.mark.every_backend
async def test_a_path_is_a_source(path: Path) -> None:
    assert await content_of(path) == DATA
    assert await content_of(str(path)) == DATA


@pytest.mark.every_backend
async def test_a_pipe_is_a_source(path: Path) -> None:
    with unseekable(path) as file:
        assert await content_of(file) == DATA


async def test_a_named_pipe_is_a_path(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(DATA,))
    writer.start()

    assert await content_of(pipe) == DATA
    writer.join()


async def test_all_that_reads_like_a_file_is_a_source(path: Path, tmp_path: Path) -> None:
    packed = tmp_path / "people.csv.gz"
    packed.write_bytes(gzip.compress(DATA))
    openings: list[Callable[[], AbstractContextManager[Any]]] = [
        partial(path.open, "rb"),
        partial(path.open, "rb", buffering=0),
        partial(path.open, "r+b"),
        partial(gzip.open, packed),
        partial(io.BytesIO, DATA),
    ]
    for opening in openings:
        with opening() as file:
            assert await content_of(file) == DATA
            assert not file.closed


async def test_a_file_that_can_only_read_is_a_source() -> None:
    source: Any = OnlyRead(DATA)

    assert await content_of(source) == DATA


@pytest.mark.every_backend
async def test_a_file_that_is_read_by_awaiting_is_a_source(path: Path) -> None:
    source: Any = AsyncFile(DATA)

    assert await content_of(source) == DATA
    async with await anyio.open_file(path, "rb") as file:
        assert await content_of(file) == DATA


async def test_an_open_file_is_read_from_where_it_stands_and_stays_open(path: Path) -> None:
    with path.open("rb") as file:
        file.seek(8)

        assert await content_of(file) == DATA[8:]
        assert not file.closed


async def test_what_was_written_to_an_open_file_is_there() -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"mobile\n06\n")
        file.seek(0)

        assert await content_of(file) == b"mobile\n06\n"


async def test_an_open_file_at_its_end_is_empty(path: Path) -> None:
    with path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        with pytest.raises(InvalidRequest, match="read to its end"):
            await content_of(file)


async def test_a_file_in_text_mode_is_refused(path: Path) -> None:
    asynchronous: Any = AsyncFile("mobile\n06\n")
    with path.open() as file:
        text: Any = file
        for source in (text, asynchronous):
            with pytest.raises(InvalidRequest, match="binary mode"):
                await content_of(source)


async def test_a_file_that_cannot_be_read_is_refused_with_the_reason(path: Path) -> None:
    with path.open("rb") as closed:
        pass
    with path.open("ab") as written:
        cases: list[tuple[Any, str]] = [
            (written, "read"),
            (closed, r"read of closed file|I/O operation on closed file"),
            (path / "0612345678", "Not a directory"),
            (path.with_name("0612345678"), "No such file"),
            (path.parent, "Is a directory"),
            ("people\0.csv", "embedded null"),
        ]
        for source, reason in cases:
            with pytest.raises(
                InvalidRequest, match=f"source: cannot be read: ({reason})"
            ) as caught:
                await content_of(source)
            assert "0612345678" not in str(caught.value)


@pytest.mark.parametrize("source", [17, None, {"mobile": "0612345678"}, object(), ["06"], [["06"]]])
async def test_what_is_no_source_is_refused(source: Any) -> None:
    with pytest.raises(InvalidRequest, match="source: "):
        await content_of(source)


@settings(deadline=None)
@given(
    kinds=st.lists(
        st.tuples(st.binary(max_size=9), st.sampled_from([1, 2**16, 2**18])), max_size=4
    ),
    is_async=st.booleans(),
)
def test_pieces_of_any_size_arrive_in_order(
    kinds: list[tuple[bytes, int]], *, is_async: bool
) -> None:
    pieces = [start * times for start, times in kinds]

    async def read() -> bytes:
        async def one_by_one() -> AsyncIterator[bytes]:
            for piece in pieces:
                yield piece

        return await content_of(one_by_one() if is_async else iter(pieces))

    expected = b"".join(pieces)
    if expected:
        assert anyio.run(read) == expected
    else:
        with pytest.raises(InvalidRequest, match="empty"):
            anyio.run(read)


async def test_a_source_of_any_size_takes_the_memory_of_a_small_one(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    with path.open("wb") as file:
        file.truncate(50_000_000)
    made: list[Callable[[], Any]] = [
        lambda: path,
        lambda: ({"mobile": f"06{number:08}", "note": "x" * 4000} for number in range(12_500)),
        lambda: (b"x" * 100_000 for _ in range(500)),
    ]
    for source in made:
        tracemalloc.start()
        try:
            async with opened(source()) as content:
                offset = 0
                while offset < content.size:
                    offset += sum(map(len, await content.read(offset)))
            assert offset >= 50_000_000
            assert tracemalloc.get_traced_memory()[1] < 10_000_000
        finally:
            tracemalloc.stop()


async def test_bytes_in_memory_are_not_there_twice() -> None:
    data = bytes(50_000_000)
    tracemalloc.start()
    try:
        async with opened(data) as content:
            offset = 0
            while offset < content.size:
                offset += sum(map(len, await content.read(offset)))
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_what_is_kept_on_the_disk_has_no_name(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    seen: list[list[Path]] = []

    def rows() -> Iterator[dict[str, str]]:
        for number in range(30_000):
            if number % 1000 == 0:
                seen.append(list(tmp_path.iterdir()))
            yield {"mobile": f"{number:0100}"}

    assert len(anyio.run(content_of, rows())) > 3_000_000
    assert seen == [[]] * 30
