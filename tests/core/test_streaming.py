"""An answer that is read piece by piece."""

from __future__ import annotations

import gzip
import warnings
from contextlib import aclosing

import anyio
import httpx
import pytest

from mediasflow_async import (
    ConnectionFailed,
    MediasflowError,
    NotFound,
    RequestTimeout,
    ResponseInvalid,
    Sent,
    ServerError,
    Session,
)
from mediasflow_async._core.calls import Operation, OperationKind
from tests.support.raw_server import HANG, RawRequest, RawServer, http, http_json
from tests.support.sessions import ONCE, QUICKLY, session_with

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.every_backend,
    # On trio, generators within httpx and httpcore that are left early say so.
    pytest.mark.filterwarnings("ignore:.*Async generator:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:.*async_generator:pytest.PytestUnraisableExceptionWarning"),
]

CSV = Operation(OperationKind.READ, "GET", "reports/csv")


async def drain(session: Session) -> list[bytes]:
    async with session.stream(CSV) as stream:
        return [piece async for piece in stream.aiter_bytes()]


async def test_a_stream_gives_all_bytes() -> None:
    content = bytes(range(256)) * 4000
    with RawServer([http(body=content)]).running() as server:
        async with session_with(server.url) as session, session.stream(CSV) as stream:
            pieces = [piece async for piece in stream.aiter_bytes()]
    assert b"".join(pieces) == content
    assert len(pieces) > 1


async def test_a_stream_is_not_held_to_the_size_of_answers_in_memory() -> None:
    with RawServer([http(body=b"x" * 5000)]).running() as server:
        async with (
            session_with(server.url, max_response_bytes=1000) as session,
            session.stream(CSV) as stream,
        ):
            assert sum([len(piece) async for piece in stream.aiter_bytes()]) == 5000


async def test_a_compressed_stream_is_decoded_in_small_pieces() -> None:
    content = bytes(8 << 20)
    answer = http(body=gzip.compress(content), headers={"Content-Encoding": "gzip"})
    with RawServer([answer]).running() as server:
        async with session_with(server.url) as session, session.stream(CSV) as stream:
            sizes = [len(piece) async for piece in stream.aiter_bytes()]
    assert sum(sizes) == len(content)
    assert max(sizes) <= 1 << 20


async def test_a_stream_of_several_compressed_parts_is_read_to_its_end() -> None:
    body = gzip.compress(b"one") + gzip.compress(b"two")
    with RawServer([http(body=body, headers={"Content-Encoding": "gzip"})]).running() as server:
        async with session_with(server.url) as session, session.stream(CSV) as stream:
            assert b"".join([piece async for piece in stream.aiter_bytes()]) == b"onetwo"


async def test_a_body_that_a_transport_made_in_memory_is_a_stream_too() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=b"MOBILE\n"))
    async with session_with("http://localhost/", transport=transport) as session:
        assert await drain(session) == [b"MOBILE\n"]


async def test_the_opening_of_a_stream_is_retried() -> None:
    with RawServer([http(503), b"", http(body=b"MOBILE\n")]).running() as server:
        async with session_with(server.url) as session, session.stream(CSV) as stream:
            assert [piece async for piece in stream.aiter_bytes()] == [b"MOBILE\n"]
    assert len(server.requests) == 3


async def test_a_refusal_is_raised_before_the_block() -> None:
    with RawServer([http_json(404, {"message": "no such campaign"})]).running() as server:
        async with session_with(server.url) as session:
            with pytest.raises(NotFound, match="no such campaign"):
                async with session.stream(CSV):
                    pytest.fail("the block was entered")


async def test_a_stream_that_fails_for_good_makes_its_attempts() -> None:
    with RawServer([http(500)]).running() as server:
        async with session_with(server.url) as session:
            with pytest.raises(ServerError) as caught:
                async with session.stream(CSV):
                    pytest.fail("the block was entered")
    assert caught.value.attempts == len(server.requests) == QUICKLY.attempts


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (http(body=b"half", length=9), ConnectionFailed),
        (
            http(body=gzip.compress(b"x" * 99)[:-9], headers={"Content-Encoding": "gzip"}),
            ResponseInvalid,
        ),
        (http(body=b"plain text", headers={"Content-Encoding": "gzip"}), ResponseInvalid),
    ],
    ids=["cut", "compression cut", "no compression"],
)
async def test_a_stream_that_breaks_off_is_an_error_and_not_an_end(
    answer: bytes, error: type[MediasflowError]
) -> None:
    with RawServer([answer]).running() as server:
        async with session_with(server.url) as session:
            with pytest.raises(error) as caught:
                await drain(session)
            assert len(server.requests) == 1
    assert caught.value.path == "reports/csv"
    assert caught.value.__context__ is None


async def test_a_stream_that_stands_still_is_a_timeout() -> None:
    def answer(_: RawRequest) -> bytes:
        return http(body=b"half", length=9)

    server = RawServer(answer, keeps_open=True)
    with server.running():
        async with session_with(server.url, timeout=0.1, retry=ONCE) as session:
            with pytest.raises(RequestTimeout) as caught:
                await drain(session)
    assert caught.value.sent is Sent.UNKNOWN


async def test_the_deadline_is_over_once_a_stream_has_begun() -> None:
    with RawServer([http(body=b"x" * 1000)]).running() as server:
        async with (
            session_with(server.url) as session,
            session.stream(CSV, deadline=0.2) as stream,
        ):
            await anyio.sleep(0.3)
            assert len(b"".join([piece async for piece in stream.aiter_bytes()])) == 1000


async def test_a_stream_that_is_left_early_gives_its_place_back() -> None:
    with RawServer([http(body=b"x" * 10_000_000), http_json(data=[])]).running() as server:
        async with session_with(server.url, max_in_flight=1) as session:
            async with session.stream(CSV) as stream, aclosing(stream.aiter_bytes()) as pieces:
                async for _ in pieces:
                    break
            with anyio.fail_after(5):
                assert (await session.request("GET", "x")).data == []


async def test_a_mistake_of_the_reader_is_the_readers() -> None:
    with RawServer([http(body=b"x"), http_json(data=[])]).running() as server:
        async with session_with(server.url, max_in_flight=1) as session:
            with pytest.raises(LookupError, match="mine"):
                async with session.stream(CSV):
                    raise LookupError("mine")
            assert (await session.request("GET", "x")).data == []


async def test_a_stream_holds_its_place_until_it_ends() -> None:
    with RawServer([http(body=b"x"), HANG]).running() as server:
        async with session_with(server.url, max_in_flight=1) as session, session.stream(CSV):
            with pytest.raises(RequestTimeout):
                await session.request("GET", "x", deadline=0.05)
        assert len(server.requests) == 1


async def test_no_generator_of_ours_is_left_to_the_collector() -> None:
    body = http(body=b"?" * 2_000_000, headers={"Content-Encoding": "gzip"})
    with RawServer([body]).running() as server, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        async with session_with(server.url, retry=ONCE) as session:
            with pytest.raises(ResponseInvalid):
                await session.request("GET", "x")
            with pytest.raises(ResponseInvalid):
                await drain(session)
    ours = [str(item.message) for item in caught if "mediasflow" in str(item.message)]
    assert ours == []
    assert "aiter_raw" not in "".join(str(item.message) for item in caught)
