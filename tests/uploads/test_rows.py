"""Rows become CSV that gives every text back, and nothing is lost without a word."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasflow_async import InvalidRequest
from mediasflow_async.uploads import opened

pytestmark = pytest.mark.anyio

Row = Mapping[Any, Any]


async def csv_of(rows: Any) -> bytes:
    async with opened(rows) as content:
        data = b""
        while len(data) < content.size:
            data += b"".join(await content.read(len(data)))
        return data


def rows_in(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline=""), delimiter=";"))


async def one_by_one(rows: Sequence[Row]) -> AsyncGenerator[Row]:
    for row in rows:
        yield row


class AsyncRows:
    """Rows that are no generator."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = iter(rows)

    def __aiter__(self) -> AsyncRows:
        return self

    async def __anext__(self) -> Row:
        for row in self._rows:
            return row
        raise StopAsyncIteration


KINDS: dict[str, Callable[[Sequence[Row]], Any]] = {
    "list": list,
    "iterator": iter,
    "async generator": one_by_one,
    "async iterator": AsyncRows,
    "other mappings": lambda rows: [MappingProxyType(dict(row)) for row in rows],
}


@pytest.mark.every_backend
@pytest.mark.parametrize("kind", KINDS)
async def test_rows_become_csv_with_semicolons(kind: str) -> None:
    rows: list[Row] = [
        {"mobile": "0612345678", "Nom": 'L"é;\nt'},
        {"mobile": "07"},
        {"Nom": None},
        {"Nom": 17, "mobile": 6.5},
    ]

    data = await csv_of(KINDS[kind](rows))

    assert data.startswith(b"mobile;Nom\r\n")
    assert rows_in(data) == [
        {"mobile": "0612345678", "Nom": 'L"é;\nt'},
        {"mobile": "07", "Nom": ""},
        {"mobile": "", "Nom": ""},
        {"mobile": "6.5", "Nom": "17"},
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [1, 2, 32, 33, 34, 1000])
async def test_no_row_is_lost_between_two_batches(kind: str, count: int) -> None:
    rows = [{"mobile": str(number)} for number in range(count)]

    assert rows_in(await csv_of(KINDS[kind](rows))) == rows


CELLS = st.one_of(
    st.text(max_size=6),
    st.text(st.sampled_from('é€😀;",\t \r\n\0\ufeff\u2028'), max_size=6),
)


@given(rows=st.lists(st.fixed_dictionaries({"mobile": CELLS, 'é";': CELLS}), min_size=1))
def test_every_text_survives_as_a_cell(rows: list[dict[str, str]]) -> None:
    assert rows_in(anyio.run(csv_of, rows)) == rows


@given(texts=st.lists(CELLS, min_size=1))
def test_every_text_survives_in_a_list_of_one_column(texts: list[str]) -> None:
    text = anyio.run(csv_of, [{"mobile": text} for text in texts]).decode()

    assert list(csv.reader(io.StringIO(text, newline=""), delimiter=";")) == [
        ["mobile"],
        *([text] for text in texts),
    ]


@given(
    columns=st.lists(CELLS, min_size=1, max_size=4, unique=True),
    data=st.data(),
)
def test_every_name_survives_as_a_column(columns: list[str], data: st.DataObject) -> None:
    missing = data.draw(st.sets(st.sampled_from(columns)))
    rows = [dict.fromkeys(columns, "x"), {name: "y" for name in columns if name not in missing}]

    text = anyio.run(csv_of, rows).decode()

    header, first, second = csv.reader(io.StringIO(text, newline=""), delimiter=";")
    assert header == columns
    assert first == ["x"] * len(columns)
    assert second == ["" if name in missing else "y" for name in columns]


MIXED: dict[str, Any] = {
    "bytes among rows": [{"mobile": "06"}, b"raw", {"mobile": "07"}],
    "a row among bytes": [b"mobile\n06\n", {"mobile": "07"}],
    "text": ["0612345678"],
    "lists": [["0612345678"]],
    "text among rows": [{"mobile": "06"}, "07"],
}


@pytest.mark.parametrize("case", MIXED)
async def test_what_is_neither_bytes_nor_rows_is_refused(case: str) -> None:
    with pytest.raises(InvalidRequest, match="all of it is bytes, or all of it rows"):
        await csv_of(MIXED[case])


@pytest.mark.parametrize("at", [1, 5, 40, 999])
@pytest.mark.parametrize(
    "row", [{"mobile": "06", "Nom": "X", "Age": 7}, {"mobile": "06", "Age": 7}, {"Age": 7}]
)
async def test_a_new_column_is_refused_wherever_it_comes(at: int, row: Row) -> None:
    rows: list[Row] = [{"mobile": "06", "Nom": "X"}] * 1000
    rows[at] = row

    with pytest.raises(InvalidRequest, match="the first row has no column Age"):
        await csv_of(rows)


async def test_a_new_column_is_refused_in_a_row_that_makes_up_what_it_has_not() -> None:
    rows = [{"mobile": "06", "Nom": "X"}, defaultdict(str, {"mobile": "06", "Age": 7})]

    with pytest.raises(InvalidRequest, match="no column Age"):
        await csv_of(rows)


async def test_a_number_is_not_shown_where_it_came_as_a_column() -> None:
    with pytest.raises(InvalidRequest) as caught:
        await csv_of([{"mobile": "06"}, {"0612345678": "06"}])

    assert "0612345678" not in str(caught.value)


async def test_rows_without_columns_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="the first row has columns"):
        await csv_of([{}, {"mobile": "06"}])


async def test_text_that_utf_8_cannot_hold_is_refused_without_showing_it() -> None:
    with pytest.raises(InvalidRequest, match="surrogate") as caught:
        await csv_of([{"mobile": "0612345678", "Nom": "\ud83d"}])

    assert "0612345678" not in str(caught.value)
    assert caught.value.__context__ is None


async def test_others_on_the_event_loop_have_their_turn_between_rows() -> None:
    turns = 0

    def rows() -> Iterator[dict[str, Any]]:
        while turns < 5:
            yield {"mobile": "0612345678", "note": "x" * 100}

    async def count() -> None:
        nonlocal turns
        while turns < 5:
            turns += 1
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(count)
        await csv_of(rows())
    assert turns == 5
