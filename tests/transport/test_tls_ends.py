"""An answer without a length ends with its connection: over TLS, with the word that TLS has for it.

A process that dies, or whoever is on the way, can cut a connection. Without close_notify an answer
that has another end is as good as any, and one that has none is not known to be whole.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest
from anyio.to_thread import run_sync

from mediasflow_async import ConnectionFailed
from mediasflow_async.transport import AsyncioTransport
from tests.support.byte_servers import OK, client_context, http, server_context
from tests.support.openssl_server import typing_server
from tests.support.sessions import ONCE, session_with
from tests.support.transport_requests import fetch, send

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("nothing_left")]

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\n\r\n"
CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
LINES = b"MOBILE;STATUS_CODE\n33612345678;16\n"
NO_WORD = "no close_notify"

Ending = Callable[[socket.socket], object]


def cut(connection: socket.socket) -> None:
    """End TCP, whatever is said in TLS."""
    connection.shutdown(socket.SHUT_WR)


def end(connection: socket.socket) -> None:
    """End TLS, and then TCP."""
    assert isinstance(connection, ssl.SSLSocket)
    # The client does not wait to say the same.
    with suppress(OSError):
        connection.unwrap()


@asynccontextmanager
async def saying(answer: bytes, ending: Ending, *, is_tls: bool = True) -> AsyncIterator[str]:
    """Serve in a thread: answer one request, and end the connection in this way."""

    def serve() -> None:
        accepted, _ = listening.accept()
        if is_tls:
            accepted = server_context().wrap_socket(accepted, server_side=True)
        with accepted as connection:
            connection.recv(64 * 1024)
            connection.sendall(answer)
            ending(connection)
            with suppress(OSError):
                connection.recv(1)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            scheme = "https" if is_tls else "http"
            yield f"{scheme}://127.0.0.1:{listening.getsockname()[1]}/"
        finally:
            await run_sync(thread.join)


async def test_an_answer_without_a_length_is_whole_when_tls_has_ended(
    transport: AsyncioTransport,
) -> None:
    async with saying(HEAD + LINES, end) as url:
        assert (await fetch(transport, url)).content == LINES


@pytest.mark.parametrize("body", [LINES, b""], ids=["rows", "nothing"])
async def test_an_answer_without_a_length_is_not_whole_when_tls_was_cut(
    transport: AsyncioTransport, body: bytes
) -> None:
    async with saying(HEAD + body, cut) as url:
        with pytest.raises(httpx.RemoteProtocolError, match=NO_WORD):
            await fetch(transport, url)


async def test_without_tls_an_answer_ends_with_its_connection(transport: AsyncioTransport) -> None:
    async with saying(HEAD + LINES, cut, is_tls=False) as url:
        assert (await fetch(transport, url)).content == LINES


@pytest.mark.parametrize("ending", [cut, end])
async def test_an_answer_with_another_end_is_whole_in_any_case(
    transport: AsyncioTransport, ending: Ending
) -> None:
    for answer in (OK, CHUNKS + b"0\r\n\r\n"):
        async with saying(answer, ending) as url:
            assert (await fetch(transport, url)).content == b"hello"


@pytest.mark.parametrize("ending", [cut, end])
@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (http(b"hel", length=5), "without sending complete message body"),
        (CHUNKS, "without sending complete message body"),
        (b"HTTP/1.1 200 O", "without sending a response"),
        (b"", "without sending a response"),
    ],
    ids=["length", "chunks", "half a head", "nothing"],
)
async def test_half_an_answer_is_none_however_it_ends(
    transport: AsyncioTransport, answer: bytes, problem: str, ending: Ending
) -> None:
    async with saying(answer, ending) as url:
        with pytest.raises(httpx.RemoteProtocolError, match=problem):
            await fetch(transport, url)


async def test_openssls_own_server_ends_what_has_no_length(
    transport: AsyncioTransport, tmp_path: Path
) -> None:
    (tmp_path / "report.csv").write_bytes(LINES)
    async with typing_server(tmp_path, "-WWW") as server:
        answer = await fetch(transport, f"{server.url}report.csv")
    assert "content-length" not in answer.headers
    assert answer.content == LINES


async def test_openssls_own_server_leaves_in_the_middle(
    transport: AsyncioTransport, tmp_path: Path
) -> None:
    async with typing_server(tmp_path, "-tls1_3") as server:
        asking = asyncio.create_task(send(transport, server.url))
        await server.shows(b"GET /")
        server.types(HEAD + LINES)
        answer = await asking
        # It closes the socket, and says nothing in TLS.
        server.types(b"q\n")
        with pytest.raises(httpx.RemoteProtocolError, match=NO_WORD):
            await answer.aread()


async def test_a_report_that_was_cut_is_an_error() -> None:
    rows = []
    async with (
        saying(HEAD + LINES, cut) as url,
        session_with(url, retry=ONCE, ssl_context=client_context()) as session,
    ):
        report = session.reports.campaign_csv(7)
        with pytest.raises(ConnectionFailed, match=NO_WORD):
            rows.extend([row async for row in report])
    assert rows == []
