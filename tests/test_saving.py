from __future__ import annotations

import csv
import os
import stat
import tracemalloc
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediasflow_async.saving import save_bytes, save_parts

pytestmark = pytest.mark.anyio

Record = Mapping[str, str]
Part = tuple[str, Callable[[], AsyncIterator[Record]]]


class Kill(BaseException):
    """What nobody catches."""


async def pieces(*data: bytes, end: BaseException | None = None) -> AsyncIterator[bytes]:
    for piece in data:
        yield piece
    if end:
        raise end


def part(name: str, *records: Record, end: BaseException | None = None) -> Part:
    async def given_records() -> AsyncIterator[Record]:
        for record in records:
            yield record
        if end:
            raise end

    return name, given_records


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter=";"))


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.every_backend
async def test_a_file_appears_with_everything_that_was_written(tmp_path: Path) -> None:
    target = tmp_path / "report.csv"

    assert await save_bytes(target, pieces(b"one;", b"", b"two")) == target

    assert target.read_bytes() == b"one;two"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert names_in(tmp_path) == ["report.csv"]


@pytest.mark.every_backend
async def test_a_file_that_fails_in_the_middle_never_appears(tmp_path: Path) -> None:
    for end in (OSError("gone"), Kill()):
        with pytest.raises(type(end)):
            await save_bytes(tmp_path / "report.csv", pieces(b"half", end=end))

    assert names_in(tmp_path) == []


@pytest.mark.every_backend
async def test_a_file_whose_writing_is_cancelled_never_appears(tmp_path: Path) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"half"
        scope.cancel()
        await anyio.sleep_forever()

    with anyio.CancelScope() as scope:
        await save_bytes(tmp_path / "report.csv", slow())

    assert names_in(tmp_path) == []


async def test_an_older_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "report.csv"
    target.write_bytes(b"old")

    with pytest.raises(Kill):
        await save_bytes(target, pieces(b"new", end=Kill()))
    assert target.read_bytes() == b"old"

    await save_bytes(target, pieces(b"new"))
    assert target.read_bytes() == b"new"


async def test_a_file_is_private_from_its_first_byte(tmp_path: Path) -> None:
    old = os.umask(0)
    try:

        async def looked_at() -> AsyncIterator[bytes]:
            yield b"secret"
            assert modes_in(tmp_path) == {0o600}

        await save_bytes(tmp_path / "report.csv", looked_at())
    finally:
        os.umask(old)


def modes_in(folder: Path) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


async def save(
    folder: Path,
    parts: Sequence[Part],
    progress: Callable[[int, int], object] | None = None,
) -> Path:
    return await save_parts(folder / "report.csv", folder / "parts", parts, progress)


@pytest.mark.every_backend
async def test_parts_are_joined_under_the_columns_of_all(tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []

    target = await save(
        tmp_path,
        [part("1", {"A": "1", "B": "2"}), part("2", {"B": "3", "C": 'x;"y"\r\nz'}), part("3")],
        lambda *step: steps.append(step),
    )

    assert read(target) == [
        {"A": "1", "B": "2", "C": ""},
        {"A": "", "B": "3", "C": 'x;"y"\r\nz'},
    ]
    assert steps == [(1, 3), (2, 3), (3, 3)]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert names_in(tmp_path) == ["report.csv"]


async def test_parts_that_are_there_are_not_asked_for_again(tmp_path: Path) -> None:
    first = part("1", {"A": "1"})
    with pytest.raises(Kill):
        await save(tmp_path, [first, part("2", {"A": "2"}, end=Kill())])
    assert names_in(tmp_path) == ["parts"]
    assert names_in(tmp_path / "parts") == ["1"]

    never = part("1", end=Kill())
    target = await save(tmp_path, [never, part("2", {"A": "2"})])

    assert [row["A"] for row in read(target)] == ["1", "2"]


async def test_parts_are_private(tmp_path: Path) -> None:
    with pytest.raises(Kill):
        await save(tmp_path, [part("1", {"A": "1"}), part("2", end=Kill())])

    folder = tmp_path / "parts"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "1").stat().st_mode) == 0o600


async def test_a_progress_that_raises_leaves_what_is_done_for_the_next_time(
    tmp_path: Path,
) -> None:
    def refuse(_: int, __: int) -> None:
        raise Kill

    with pytest.raises(Kill):
        await save(tmp_path, [part("1", {"A": "1"}), part("2", {"A": "2"})], refuse)

    assert not (tmp_path / "report.csv").exists()
    target = await save(tmp_path, [part("1", end=Kill()), part("2", {"A": "2"})])
    assert len(read(target)) == 2


async def test_cells_beyond_the_first_records_columns_are_kept(tmp_path: Path) -> None:
    records = [{"A": "1"}, {"A": "2", "column_2": "more"}]

    target = await save(tmp_path, [part("1", *records), part("2", {"A": "3"})])

    assert [list(row.values()) for row in read(target)] == [["1", ""], ["2", "more"], ["3", ""]]


async def test_memory_stays_flat_however_many_rows_there_are(tmp_path: Path) -> None:
    async def many() -> AsyncIterator[Record]:
        for number in range(4_000):
            yield {"A": f"{number:01000}", "B": "x" * 1000}

    tracemalloc.start()
    try:
        target = await save(tmp_path, [("1", many), ("2", many)])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert target.stat().st_size > 16_000_000
    assert peak < 4_000_000


texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8)
columns = st.lists(st.sampled_from(["A", "B", "é", "D;", 'E"']), unique=True)


@st.composite
def tables(draw: st.DrawFn) -> list[dict[str, str]]:
    """Return rows with the same columns, one of which is never empty."""
    names = draw(columns)
    row = st.lists(texts, min_size=len(names), max_size=len(names))
    rows = draw(st.lists(row, max_size=4))
    return [{"ID": "1", **dict(zip(names, cells, strict=True))} for cells in rows]


@settings(max_examples=30)
@given(given_tables=st.lists(tables(), min_size=1, max_size=4))
def test_what_is_joined_is_what_was_given(
    given_tables: list[list[dict[str, str]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("join")
    parts = [part(str(number), *table) for number, table in enumerate(given_tables)]

    target = anyio.run(save, folder, parts)

    names = {name: None for table in given_tables for row in table for name in row}
    assert read(target) == [
        {name: row.get(name, "") for name in names} for table in given_tables for row in table
    ]
