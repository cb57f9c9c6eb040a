"""The array of an answer, read element by element."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import anyio
import httpx
import pytest

from mediasflow_async import ApiError, ConnectionFailed, ResponseInvalid, Sent, Session
from mediasflow_async._core.calls import Operation, OperationKind
from tests.support.raw_server import RawServer, http
from tests.support.sessions import TOKEN, session_with

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.every_backend,
    # On trio, generators within httpx and httpcore that are left early say so.
    pytest.mark.filterwarnings("ignore:.*Async generator:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:.*async_generator:pytest.PytestUnraisableExceptionWarning"),
]

LIST = Operation(OperationKind.READ, "GET", "lists")
ROWS = [{"line": line, "text": "},{" * (line % 5)} for line in range(20_000)]
LARGE = json.dumps(ROWS).encode()


async def elements(session: Session, **options: Any) -> list[Any]:
    found: list[Any] = []
    async with session.stream(LIST) as body, aclosing(body.aiter_array(**options)) as blocks:
        async for block in blocks:
            found += block
    return found


async def answered(body: bytes, **options: Any) -> list[Any]:
    with RawServer([http(body=body)]).running() as server:
        async with session_with(server.url) as session:
            return await elements(session, **options)


@pytest.mark.parametrize(
    "body",
    [
        LARGE,
        b'{"total": 20000, "items": ' + LARGE + b', "columns": ["line"]}',
        b"\n " + json.dumps(ROWS, indent=2).encode() + b"\n",
    ],
    ids=["bare", "wrapped", "indented"],
)
async def test_a_large_array_is_given_whole(body: bytes) -> None:
    assert await answered(body) == ROWS


@pytest.mark.parametrize(
    "body", [b"[1, 2]", b'{"rows": [1, 2]}', b'{"columns": [], "data": [1, 2]}']
)
async def test_a_small_array_is_given_whole(body: bytes) -> None:
    assert await answered(body) == [1, 2]


async def test_no_body_is_no_array_unless_it_may_stand_for_one() -> None:
    assert await answered(b"", may_be_empty=True) == []
    assert await answered(b"[]") == []
    with pytest.raises(ResponseInvalid, match="no list"):
        await answered(b"")


@pytest.mark.parametrize(
    "body",
    [
        b"17",
        b"<html>Login</html>",
        b"{}",
        b'{"a": 1}',
        b'{"a": [], "b": []}',
        b"[1",
        LARGE + b"]",
        b'{"a": ' + LARGE + b', "b": []}',
        b'{"items": ' + LARGE + b', "rows": []}',
        b'{"items": ' + LARGE,
        b"?" * 2_000_000,
        LARGE + b" " * 2_000_000,
    ],
    ids=map(str, range(12)),
)
async def test_what_is_no_array_is_refused(body: bytes) -> None:
    with pytest.raises(ResponseInvalid) as caught:
        await answered(body)
    assert caught.value.status == 200
    assert caught.value.sent is Sent.ANSWERED


async def test_where_an_array_cannot_be_read_is_told_without_its_elements() -> None:
    for end in (b", {]}", b", 1"):
        with pytest.raises(ResponseInvalid) as caught:
            await answered(LARGE[:-1] + end)
        assert caught.value.wire_path == "$[19999:]"
        assert caught.value.body == ""
        assert "line" not in str(caught.value)


async def test_what_stands_instead_of_an_array_is_shown() -> None:
    with pytest.raises(ResponseInvalid) as caught:
        await answered(b"<html>+33612345678</html>")
    assert caught.value.body.startswith("<html>")
    assert "612345" not in caught.value.body


@pytest.mark.parametrize("rows", [b"[]", LARGE], ids=["small", "large"])
async def test_an_error_under_a_status_of_success_is_one(rows: bytes) -> None:
    body = b'{"items": ' + rows + b', "error": "NO", "message": "not for ' + TOKEN.encode() + b'"}'
    with pytest.raises(ApiError) as caught:
        await answered(body)
    assert caught.value.code == "NO"
    assert caught.value.message == "the server refused: not for ***"


async def test_an_array_that_breaks_off_is_an_error_after_what_came() -> None:
    found: list[Any] = []

    async def take(session: Session) -> None:
        async with session.stream(LIST) as body, aclosing(body.aiter_array()) as blocks:
            async for block in blocks:
                found.extend(block)

    with RawServer([http(body=LARGE[:-100], length=len(LARGE))]).running() as server:
        async with session_with(server.url) as session:
            with pytest.raises(ConnectionFailed):
                await take(session)
    assert found == ROWS[: len(found)]
    assert len(found) > len(ROWS) / 2


class Endless(httpx.AsyncByteStream):
    """A body that is there at once, however long it is."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"["
        while True:
            yield LARGE[1:-1] + b","


class AtOnce(httpx.AsyncBaseTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Endless(), request=request)


async def test_the_event_loop_goes_on_between_two_blocks() -> None:
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await anyio.lowlevel.checkpoint()

    async def size_of_next(blocks: AsyncGenerator[list[Any], None]) -> int:
        block = await anext(blocks)
        # Who takes a block is busy with it for longer than the loop should be held.
        time.sleep(0.0011)  # noqa: ASYNC251 - that is the point
        return len(block)

    async with (
        session_with("http://localhost/", transport=AtOnce()) as session,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(count_turns)
        async with session.stream(LIST) as body, aclosing(body.aiter_array()) as blocks:
            sizes = [await size_of_next(blocks) for _ in range(50)]
            # One turn between any two blocks; trio draws lots for who goes first in a round.
            assert turns >= 48
        tasks.cancel_scope.cancel()
    assert max(sizes) < 5000
