from __future__ import annotations

import csv
import gc
import io
import tracemalloc
import warnings
from collections.abc import AsyncIterator, Iterator
from email.parser import BytesParser
from email.policy import HTTP
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasflow_async import InvalidRequest
from mediasflow_async.uploads import MultipartBody, UploadSource, multipart, opened

pytestmark = pytest.mark.anyio


async def content_of(source: UploadSource) -> bytes:
    async with opened(source) as file:
        file.seek(0)
        first = file.read()
        file.seek(0)
        assert file.read() == first
        return first


def rows_in(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline=""), delimiter=";"))


async def sent(body: MultipartBody) -> bytes:
    return b"".join([piece async for piece in body.stream()])


def parts_of(body: MultipartBody, data: bytes) -> list[tuple[str, str | None, bytes]]:
    head = f"Content-Type: {body.content_type}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + data)
    found = []
    for part in message.iter_parts():
        disposition: Any = part["content-disposition"]
        payload = part.get_payload(decode=True)
        assert isinstance(payload, bytes)
        found.append((disposition.params["name"], disposition.params.get("filename"), payload))
    return found


@pytest.mark.every_backend
async def test_rows_become_csv_with_semicolons() -> None:
    rows: list[dict[str, Any]] = [
        {"mobile": "0612345678", "Nom": 'L"é;\nt'},
        {"mobile": "07"},
        {"Nom": None},
    ]

    data = await content_of(rows)

    assert data.startswith(b"mobile;Nom\r\n")
    assert rows_in(data) == [
        {"mobile": "0612345678", "Nom": 'L"é;\nt'},
        {"mobile": "07", "Nom": ""},
        {"mobile": "", "Nom": ""},
    ]


@pytest.mark.parametrize("count", [1, 499, 500, 501, 1000, 1001])
async def test_no_row_is_lost_between_two_batches(count: int) -> None:
    rows = ({"mobile": str(number)} for number in range(count))

    data = await content_of(rows)

    assert [row["mobile"] for row in rows_in(data)] == [str(number) for number in range(count)]


async def test_bytes_that_come_in_pieces_are_joined() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"mob", b"", b"ile\n06", bytes(3)):
            yield piece

    assert await content_of(pieces()) == b"mobile\n06\0\0\0"


async def test_a_memory_view_is_bytes() -> None:
    view: Any = memoryview(b"mobile\n06")

    assert await content_of(view) == b"mobile\n06"


async def test_rows_and_bytes_do_not_mix() -> None:
    mixed: Any = [{"mobile": "06"}, b"raw", {"mobile": "07"}]

    with pytest.raises(InvalidRequest, match="source"):
        await content_of(mixed)


@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {"mobile": st.text(max_size=5), "é;": st.text(st.characters(codec="utf-8"), max_size=5)}
        ),
        min_size=1,
        max_size=5,
    )
)
def test_every_text_survives_as_a_cell(rows: list[dict[str, str]]) -> None:
    data = anyio.run(content_of, rows)

    assert rows_in(data) == rows


async def test_a_list_of_any_size_takes_the_memory_of_a_small_one() -> None:
    rows = ({"mobile": f"06{number:08}", "note": "x" * 2000} for number in range(10_000))
    tracemalloc.start()
    try:
        async with opened(rows) as file:
            body = multipart(file, filename="l", file_field="file", fields={})
            size = 0
            async for piece in body.stream():
                size += len(piece)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert size == body.length > 20_000_000
    assert peak < 5_000_000


class Kill(BaseException):
    """What nobody catches."""


@pytest.mark.every_backend
async def test_a_source_that_fails_leaves_no_open_file() -> None:
    def broken() -> Iterator[dict[str, str]]:
        for number in range(50_000):
            yield {"mobile": f"{number:0100}"}
        raise Kill

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(Kill):
            await content_of(broken())
        gc.collect()

    assert [w for w in caught if w.category is ResourceWarning and "file" in str(w.message)] == []


@pytest.mark.every_backend
async def test_an_upload_that_is_cancelled_leaves_no_open_file(tmp_path: Path) -> None:
    path = tmp_path / "l.csv"
    path.write_bytes(b"mobile\n06\n")
    held = []

    with anyio.CancelScope() as scope:
        async with opened(path) as file:
            held.append(file)
            scope.cancel()
            await anyio.sleep_forever()

    assert held[0].closed


@pytest.mark.every_backend
async def test_a_source_that_is_cancelled_while_it_is_read_leaves_no_open_file() -> None:
    async def endless() -> AsyncIterator[dict[str, str]]:
        for number in range(30_000):
            yield {"mobile": f"{number:0100}"}
        scope.cancel()
        await anyio.sleep_forever()

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with anyio.CancelScope() as scope:
            await content_of(endless())
        gc.collect()

    assert [w for w in caught if w.category is ResourceWarning and "file" in str(w.message)] == []


@pytest.mark.every_backend
async def test_a_form_has_its_fields_and_its_file() -> None:
    file = io.BytesIO(b"mobile\r\n06\r\n")
    body = multipart(
        file, filename="people.csv", file_field="File", fields={"filename": "été", "x": ""}
    )

    data = await sent(body)

    assert len(data) == body.length
    assert parts_of(body, data) == [
        ("filename", None, "été".encode()),
        ("x", None, b""),
        ("File", "people.csv", b"mobile\r\n06\r\n"),
    ]


async def test_a_form_can_be_sent_again_from_its_start() -> None:
    file = io.BytesIO(b"mobile\n06\n")
    body = multipart(file, filename="l", file_field="file", fields={})

    assert await sent(body) == await sent(body)

    half = body.stream()
    await anext(half)
    assert len(await sent(body)) == body.length


async def test_a_name_cannot_break_out_of_its_header() -> None:
    wicked = 'a"\r\nX-Evil: 1\r\n\r\nb'
    body = multipart(io.BytesIO(b""), filename=wicked, file_field=wicked, fields={wicked: "v"})

    data = await sent(body)

    assert b"\r\nX-Evil" not in data
    assert data.count(b"a%22%0D%0AX-Evil: 1") == 3


async def test_progress_is_told_after_each_piece() -> None:
    file = io.BytesIO(bytes(3 * 2**20))
    seen: list[tuple[int, int]] = []
    body = multipart(
        file, filename="l", file_field="file", fields={}, progress=lambda *s: seen.append(s)
    )

    sizes = [len(piece) async for piece in body.stream()]

    assert [sent_bytes for sent_bytes, _ in seen] == [
        sum(sizes[: count + 1]) for count in range(len(sizes))
    ]
    assert seen[-1] == (body.length, body.length)
    assert max(sizes) == 2**20


def test_a_form_shows_nothing_of_its_contents() -> None:
    body = multipart(
        io.BytesIO(b"0612345678"), filename="secret", file_field="f", fields={"a": "b"}
    )

    assert "secret" not in repr(body)
    assert "0612345678" not in repr(body)
