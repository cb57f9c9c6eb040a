"""A server that goes in the middle of an upload, before the loop has had the time to tell."""

from __future__ import annotations

import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import httpx
import pytest
from attrs import define, field

from mediasflow_async._core.proof import Proof
from mediasflow_async.errors import Sent
from mediasflow_async.transport import AsyncioTransport
from tests.support.byte_servers import http
from tests.support.transport_requests import fetch

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("nothing_left")]

TOO_LARGE = http(b"too large", status=b"413 Content Too Large")
PIECES = 100


@define
class Upload:
    """A body that stands still, and the loop with it, until the server has gone."""

    url: str
    has_begun: threading.Event = field(factory=threading.Event)
    has_gone: threading.Event = field(factory=threading.Event)
    taken: int = 0

    async def body(self) -> AsyncIterator[bytes]:
        yield b"begun"
        self.has_begun.set()
        assert self.has_gone.wait(10)
        for self.taken in range(1, PIECES + 1):
            yield b"x" * 64 * 1024


@contextmanager
def going(last_words: bytes) -> Iterator[Upload]:
    """Serve one connection, with something to say before it ends."""

    def serve(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            assert upload.has_begun.wait(10)
            # What is left unread would reset the connection.
            while b"begun" not in connection.recv(64 * 1024):
                pass
            connection.sendall(last_words)
        upload.has_gone.set()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        upload = Upload(f"http://127.0.0.1:{listening.getsockname()[1]}/")
        listening.settimeout(10)
        thread = threading.Thread(target=serve, args=(listening,))
        thread.start()
        try:
            yield upload
        finally:
            thread.join()


async def test_its_answer_is_read_rather_than_the_rest_written() -> None:
    with going(TOO_LARGE) as upload:
        async with AsyncioTransport() as transport:
            response = await fetch(transport, upload.url, "POST", content=upload.body())
            assert (response.status_code, response.content) == (413, b"too large")
    assert upload.taken == 1


async def test_without_an_answer_nothing_more_is_written(
    caplog: pytest.LogCaptureFixture,
) -> None:
    proof = Proof(is_trusted=True)
    with going(b"") as upload:
        async with AsyncioTransport() as transport:
            with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
                await fetch(transport, upload.url, "POST", content=upload.body(), proof=proof)
    assert upload.taken == 1
    assert (proof.verdict, proof.is_answered) == (Sent.UNKNOWN, False)
    assert caplog.records == []
