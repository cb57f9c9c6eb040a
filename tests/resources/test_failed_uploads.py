"""An upload that fails is told as what it is, is never accepted by half, and leaves nothing."""

from __future__ import annotations

import gc
import os
import socket
import threading
import weakref
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from mediasflow_async import BadRequest, ConnectionFailed, InvalidRequest, Sent, Session
from tests.support.raw_server import RESET, RawServer, http, http_json
from tests.support.sessions import session_with

pytestmark = [pytest.mark.anyio, pytest.mark.every_backend]

LIST = http_json(200, {"id": 7})
DATA = b"mobile\n" + b"0612345678\n" * 500_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_bytes(DATA)
    return path


def is_open(path: Path) -> bool:
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("this system does not list open files")
    return any(file.is_symlink() and file.readlink() == path for file in folder.iterdir())


class Hitch(Exception):
    """Something of the caller's own."""


@pytest.mark.parametrize(
    "error",
    [Hitch(), OSError("no space"), httpx.ReadError("not this upload's"), StopAsyncIteration()],
    ids=lambda error: type(error).__name__,
)
async def test_what_progress_raises_reaches_the_caller(path: Path, error: Exception) -> None:
    told = []

    def progress(sent: int, total: int) -> None:
        told.append((sent, total))
        if len(told) == 3:
            raise error

    with RawServer([LIST]).running() as server:
        async with session_with(server.url) as session:
            with pytest.raises(type(error)) as caught:
                await session.lists.upload(path, filename="l", progress=progress)
            assert not is_open(path)
            assert (await session.lists.upload(path, filename="l")).id == 7
        assert len(server.requests) == 1

    assert caught.value is error
    assert len(told) == 3


@pytest.mark.parametrize("by", [-1, 1])
async def test_a_file_that_changes_its_size_is_never_accepted(path: Path, by: int) -> None:
    def change(*_: int) -> None:
        os.truncate(path, len(DATA) + by)

    with RawServer([LIST]).running() as server:
        async with session_with(server.url) as session:
            with pytest.raises(InvalidRequest, match=r"source: had .* bytes") as caught:
                await session.lists.upload(path, filename="l", progress=change)
            assert not is_open(path)
        assert server.requests == []

    assert caught.value.sent is Sent.UNKNOWN


async def test_a_file_that_changes_between_two_attempts_is_never_accepted(path: Path) -> None:
    def answer(_: object) -> bytes:
        os.truncate(path, 100)
        return http(503)

    with RawServer(answer).running() as server:
        async with session_with(server.url) as session:
            with pytest.raises(InvalidRequest, match=r"source: had .* bytes"):
                await session.lists.upload(path, filename="l")
        assert len(server.requests) == 1


async def test_an_open_file_is_sent_again_from_where_it_stood(path: Path) -> None:
    with RawServer([RESET, http(503), LIST]).running() as server:
        async with session_with(server.url) as session:
            with path.open("rb") as file:
                file.seek(5_000_000)
                await session.lists.upload(file, filename="l")
                assert not file.closed
        bodies = [request.body for request in server.requests]

    assert len(bodies) == 3
    assert len(set(bodies)) == 1
    assert DATA[5_000_000:] in bodies[0]
    assert len(bodies[0]) < 1_000_000


async def test_a_server_that_is_gone_is_told_and_the_file_closed(path: Path) -> None:
    with RawServer([RESET]).running() as server:
        async with session_with(server.url) as session:
            with pytest.raises(ConnectionFailed) as caught:
                await session.lists.upload(path, filename="l")
        assert caught.value.attempts == len(server.requests) == 4
    assert not is_open(path)


async def test_an_upload_that_is_cancelled_closes_its_file(path: Path) -> None:
    with RawServer([LIST]).running() as server:
        async with session_with(server.url) as session:
            with anyio.CancelScope() as scope:
                await session.lists.upload(path, filename="l", progress=lambda *_: scope.cancel())
            assert scope.cancelled_caught
            assert not is_open(path)
            assert (await session.lists.upload(b"mobile\n06\n", filename="l")).id == 7
        assert len(server.requests) == 1


@contextmanager
def refusing_at_the_head(answer: bytes) -> Generator[str]:
    """A server that answers before the body, and then takes the rest and forgets it."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(answer)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(2**20):
                pass

    thread = threading.Thread(target=serve)
    thread.start()
    with listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        thread.join()


async def test_a_refusal_that_comes_before_the_end_is_told(path: Path) -> None:
    with refusing_at_the_head(http_json(413, {"message": "too large"})) as url:
        async with session_with(url) as session:
            with pytest.raises(BadRequest, match="too large") as caught:
                await session.lists.upload(path, filename="l")
    assert caught.value.status == 413
    assert not is_open(path)


async def fail(session: Session, path: Path) -> weakref.ref[Any]:
    def progress(*_: int) -> None:
        raise Hitch

    try:
        await session.lists.upload(path, filename="l", progress=progress)
    except Hitch as error:
        return weakref.ref(error)
    raise AssertionError("the upload did not fail")


async def test_what_progress_raised_goes_with_the_last_name_that_holds_it(path: Path) -> None:
    with RawServer([LIST]).running() as server:
        async with session_with(server.url) as session:
            await fail(session, path)
            gc.collect()
            gc.disable()
            try:
                assert (await fail(session, path))() is None
            finally:
                gc.enable()
