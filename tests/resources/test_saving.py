from __future__ import annotations

import csv
import os
import stat
import tracemalloc
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediasflow_async.resources.csv_files import Part, Records, save_bytes, save_parts

pytestmark = pytest.mark.anyio

Table = list[list[str]]


class Kill(BaseException):
    """What nobody catches."""


async def pieces(*data: bytes, end: BaseException | None = None) -> AsyncIterator[bytes]:
    for piece in data:
        yield piece
    if end:
        raise end


def part(name: str, *blocks: Table, end: BaseException | None = None) -> Part:
    async def given_blocks() -> Records:
        for block in blocks:
            yield block
        if end:
            raise end

    return Part(name, given_blocks)


def read(path: Path) -> Table:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file, delimiter=";"))


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
        [
            part("1", [["A", "B"], ["1", "2"]], [["3", "4"]]),
            part("2", [["B", "C"]], [["3", 'x;"y"\r\nz']]),
            part("3"),
        ],
        lambda *step: steps.append(step),
    )

    assert read(target) == [
        ["A", "B", "C"],
        ["1", "2", ""],
        ["3", "4", ""],
        ["", "3", 'x;"y"\r\nz'],
    ]
    assert steps == [(1, 3), (2, 3), (3, 3)]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert names_in(tmp_path) == ["report.csv"]


async def test_parts_that_are_there_are_not_asked_for_again(tmp_path: Path) -> None:
    first = part("1", [["A"], ["1"]])
    with pytest.raises(Kill):
        await save(tmp_path, [first, part("2", [["A"], ["2"]], end=Kill())])
    assert names_in(tmp_path) == ["parts"]
    assert names_in(tmp_path / "parts") == ["1"]

    never = part("1", end=Kill())
    target = await save(tmp_path, [never, part("2", [["A"], ["2"]])])

    assert read(target) == [["A"], ["1"], ["2"]]


async def test_parts_are_private(tmp_path: Path) -> None:
    with pytest.raises(Kill):
        await save(tmp_path, [part("1", [["A"], ["1"]]), part("2", end=Kill())])

    folder = tmp_path / "parts"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "1").stat().st_mode) == 0o600


async def test_a_progress_that_raises_leaves_what_is_done_for_the_next_time(
    tmp_path: Path,
) -> None:
    def refuse(_: int, __: int) -> None:
        raise Kill

    second = part("2", [["A"], ["2"]])
    with pytest.raises(Kill):
        await save(tmp_path, [part("1", [["A"], ["1"]]), second], refuse)

    assert not (tmp_path / "report.csv").exists()
    target = await save(tmp_path, [part("1", end=Kill()), second])
    assert read(target) == [["A"], ["1"], ["2"]]


async def test_cells_beyond_the_columns_stay_beyond_them(tmp_path: Path) -> None:
    same = [part("1", [["A"], ["1"], ["2", "more"]]), part("2", [["A"], ["3"]])]
    assert read(await save(tmp_path, same)) == [["A"], ["1"], ["2", "more"], ["3"]]

    others = [part("1", [["A"], ["2", "more", "and more"]]), part("2", [["B"], ["3"]])]
    assert read(await save(tmp_path, others)) == [
        ["A", "B"],
        ["2", "", "more", "and more"],
        ["", "3"],
    ]


async def test_cells_that_a_record_lacks_are_empty(tmp_path: Path) -> None:
    for second in ("B", "C"):
        parts = [part("1", [["A", "B"], ["1"]]), part("2", [["A", second], ["2", "3"]])]
        first, *_ = read(await save(tmp_path, parts))[1:]
        assert first == (["1", ""] if second == "B" else ["1", "", ""])


async def test_a_part_that_somebody_damaged_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(Kill):
        await save(tmp_path, [part("1", [["A"], ["1"]]), part("2", end=Kill())])
    damaged = b'A\r\n"' + b"x" * 200_000
    (tmp_path / "parts" / "1").write_bytes(damaged)

    with pytest.raises(OSError, match="damaged on the disk"):
        await save(tmp_path, [part("1"), part("2", [["B"]])])

    assert names_in(tmp_path) == ["parts"]


@pytest.mark.every_backend
async def test_as_many_parts_as_are_allowed_are_on_their_way_and_joined_in_order(
    tmp_path: Path,
) -> None:
    under_way: set[str] = set()
    most = 0
    first_begun, second_ended = anyio.Event(), anyio.Event()

    def watched(name: str) -> Part:
        async def blocks() -> Records:
            nonlocal most
            under_way.add(name)
            most = max(most, len(under_way))
            if name == "1":
                first_begun.set()
                await second_ended.wait()
            await first_begun.wait()
            yield [["A"], [name]]
            under_way.remove(name)
            if name == "2":
                second_ended.set()

        return Part(name, blocks)

    steps: list[tuple[int, int]] = []
    with anyio.fail_after(30):
        target = await save_parts(
            tmp_path / "report.csv",
            tmp_path / "parts",
            [watched(name) for name in "12345"],
            lambda *step: steps.append(step),
            at_once=2,
        )

    assert read(target) == [["A"], ["1"], ["2"], ["3"], ["4"], ["5"]]
    assert steps == [(done, 5) for done in range(1, 6)]
    assert most == 2


@pytest.mark.every_backend
async def test_a_part_that_fails_ends_the_others_and_leaves_what_is_whole(tmp_path: Path) -> None:
    is_closed = False

    async def endless() -> Records:
        nonlocal is_closed
        try:
            yield [["A"]]
            await anyio.sleep_forever()
        finally:
            is_closed = True

    parts = [part("1", [["A"], ["1"]]), Part("2", endless), part("3", end=OSError("no room"))]
    with pytest.raises(OSError, match="no room"):
        await save_parts(tmp_path / "report.csv", tmp_path / "parts", parts, at_once=2)

    assert is_closed
    assert names_in(tmp_path) == ["parts"]
    assert names_in(tmp_path / "parts") == ["1"]


async def test_memory_stays_flat_however_many_rows_there_are(tmp_path: Path) -> None:
    async def many() -> Records:
        yield [["A", "B"]]
        for number in range(4_000):
            yield [[f"{number:01000}", "x" * 1000]]

    tracemalloc.start()
    try:
        target = await save(tmp_path, [Part("1", many), Part("2", many)])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert target.stat().st_size > 16_000_000
    assert peak < 4_000_000


texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8)
columns = st.lists(st.sampled_from(["A", "B", "é", "D;", 'E"']), unique=True)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Return columns, and records with a cell for each, of which one is never empty."""
    names = draw(columns)
    row = st.lists(texts, min_size=len(names), max_size=len(names))
    rows = draw(st.lists(row, max_size=4))
    return [["ID", *names], *(["1", *cells] for cells in rows)]


@settings(max_examples=30, deadline=None)  # what is saved is flushed to the disk
@given(given_tables=st.lists(tables(), min_size=1, max_size=4))
def test_what_is_joined_is_what_was_given(
    given_tables: list[Table], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("join")
    parts = [
        part(str(number), *([line] for line in table)) for number, table in enumerate(given_tables)
    ]

    target = anyio.run(save, folder, parts)

    names = list(dict.fromkeys(name for table in given_tables for name in table[0]))
    rows = [dict(zip(header, row, strict=True)) for header, *rows in given_tables for row in rows]
    assert read(target) == [names, *([row.get(name, "") for name in names] for row in rows)]
