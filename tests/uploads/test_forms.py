"""A form holds its fields and its file, whole, however often it is sent."""

from __future__ import annotations

from collections.abc import Callable
from email.parser import BytesParser
from email.policy import HTTP
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasflow_async import InvalidRequest, Sent
from mediasflow_async.uploads import MultipartBody, ProgressFailed, UploadSource, multipart, opened

pytestmark = pytest.mark.anyio


def form(content: Any, **changes: Any) -> MultipartBody:
    return multipart(content, **{"filename": "l", "file_field": "file", "fields": {}, **changes})


async def form_of(source: UploadSource, **changes: Any) -> MultipartBody:
    async with opened(source) as content:
        return form(content, **changes)


async def sent(body: MultipartBody) -> bytes:
    pieces: list[bytes] = []
    await collect(body, pieces)
    return b"".join(pieces)


async def collect(body: MultipartBody, pieces: list[bytes]) -> None:
    async for piece in body.stream():
        pieces.append(piece)  # noqa: PERF401 - kept also when the next one fails


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
async def test_a_form_has_its_fields_and_its_file() -> None:
    body = await form_of(
        b"mobile\r\n06\r\n",
        filename="people.csv",
        file_field="File",
        fields={"filename": "été", "x": ""},
    )

    data = await sent(body)

    assert len(data) == body.length
    assert parts_of(body, data) == [
        ("filename", None, "été".encode()),
        ("x", None, b""),
        ("File", "people.csv", b"mobile\r\n06\r\n"),
    ]


async def test_a_name_cannot_break_out_of_its_header() -> None:
    wicked = 'a"\r\nX-Evil: 1\r\n\r\nb'
    body = await form_of(b"06", filename=wicked, file_field=wicked, fields={wicked: "v"})

    data = await sent(body)

    assert b"\r\nX-Evil" not in data
    assert data.count(b"a%22%0D%0AX-Evil: 1") == 3


EDGES = [1, 2**18 - 1, 2**18, 2**18 + 1, 2**21 - 1, 2**21, 2**21 + 1, 2**22, 5 * 2**20 + 7]


@pytest.mark.parametrize("size", EDGES)
async def test_a_file_of_any_size_is_sent_whole_and_can_be_sent_again(
    tmp_path: Path, size: int
) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    path = tmp_path / "l.csv"
    path.write_bytes(data[:size])

    async with opened(path) as content:
        body = form(content)
        half = body.stream()
        await anext(half)
        await anext(half)
        first = await sent(body)
        assert first == await sent(body)

    assert len(first) == body.length
    assert parts_of(body, first) == [("file", "l", data[:size])]


async def test_pieces_are_small_enough_to_leave_the_event_loop_soon(tmp_path: Path) -> None:
    path = tmp_path / "l.csv"
    path.write_bytes(bytes(3 * 2**20))

    for source in (path, path.read_bytes()):
        async with opened(source) as content:
            assert max([len(piece) async for piece in form(content).stream()]) == 2**18


async def test_progress_is_told_after_each_piece() -> None:
    seen: list[tuple[int, int]] = []
    async with opened(bytes(3 * 2**20)) as content:
        body = form(content, progress=lambda *step: seen.append(step))
        stream = body.stream()
        await anext(stream)
        assert seen == []
        sizes = [len(body.head), *[len(piece) async for piece in stream]]

    assert [told for told, _ in seen] == [sum(sizes[: end + 1]) for end in range(len(sizes))]
    assert seen[-1] == (body.length, body.length)


@pytest.mark.parametrize("error", [ValueError("a"), OSError("b"), StopAsyncIteration(), EOFError()])
async def test_what_progress_raises_ends_the_form(error: Exception) -> None:
    def progress(*_: int) -> None:
        raise error

    with pytest.raises(ProgressFailed) as caught:
        await sent(await form_of(b"06", progress=progress))

    assert caught.value.error is error


def grown(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"x")


def cut(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 1)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("size", [1, 2**21 - 1, 2**21, 2**21 + 1, 2**22])
@pytest.mark.parametrize("change", [grown, cut, emptied])
async def test_a_file_that_changes_its_size_is_never_sent_to_its_end(
    tmp_path: Path, size: int, change: Callable[[Path], None]
) -> None:
    path = tmp_path / "l.csv"
    path.write_bytes(bytes(size))
    pieces: list[bytes] = []

    async with opened(path) as content:
        body = form(content)
        change(path)
        with pytest.raises(InvalidRequest, match=f"source: had {size} bytes") as caught:
            await collect(body, pieces)

    assert sum(map(len, pieces)) < body.length
    assert body.tail not in pieces
    assert caught.value.sent is Sent.UNKNOWN
    assert "Nothing was sent" not in str(caught.value)
    assert "the server has no list" in str(caught.value)


async def test_a_file_that_is_closed_meanwhile_is_told(tmp_path: Path) -> None:
    path = tmp_path / "l.csv"
    path.write_bytes(b"mobile\n06\n")

    with path.open("rb") as file:
        async with opened(file) as content:
            file.close()
            with pytest.raises(InvalidRequest, match=r"cannot be read any more: .*closed"):
                await sent(form(content))


@given(
    names=st.dictionaries(
        st.text(st.characters(codec="utf-8", categories=["L"]), min_size=1),
        st.text(st.characters(codec="utf-8", categories=["L", "N", "P"])),
    ),
    data=st.binary(min_size=1),
)
def test_any_bytes_and_names_come_back_from_a_parser(names: dict[str, str], data: bytes) -> None:
    async def make() -> tuple[MultipartBody, bytes]:
        body = await form_of(data, fields=names)
        return body, await sent(body)

    body, raw = anyio.run(make)
    boundary = body.content_type.rpartition("=")[2].encode()
    *before, end = raw.split(b"--" + boundary)
    assert end == b"--\r\n"
    assert before[-1].partition(b"\r\n\r\n")[2] == data + b"\r\n"
    assert [part.partition(b"\r\n\r\n")[2][:-2].decode() for part in before[1:-1]] == [
        *names.values()
    ]


async def test_a_form_shows_nothing_of_its_contents() -> None:
    body = await form_of(b"0612345678", filename="secret", fields={"a": "b"})

    for shown in (repr(body), repr(body.content)):
        assert "secret" not in shown
        assert "0612345678" not in shown
