"""Servers that cannot be reached: nothing leaves, however often it is tried."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import anyio
import pytest

from mediasflow_async import ConnectionFailed, MediasflowError, RequestTimeout, Sent
from tests.faults.launches import cancelled, launch
from tests.support.raw_server import unused_port
from tests.support.sessions import WITHOUT_TLS, session_with

pytestmark = [pytest.mark.anyio, pytest.mark.every_transport]

_SHORT_SECONDS = 0.05

only_on_linux = pytest.mark.skipif(
    sys.platform != "linux", reason="other systems refuse what they have no room for"
)


@contextmanager
def black_hole() -> Iterator[int]:
    """Give a port at which no connection is refused, and none is made."""
    with ExitStack() as stack, socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.settimeout(0)
            waiting.connect_ex(listening.getsockname())
        yield int(listening.getsockname()[1])


async def failure(url: str, **options: float | None) -> MediasflowError:
    async with session_with(url, ssl_context=WITHOUT_TLS, **options) as session:
        with pytest.raises(MediasflowError) as caught:
            await launch(session)
    return caught.value


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_connection_that_is_refused(scheme: str) -> None:
    with unused_port() as port:
        error = await failure(f"{scheme}://127.0.0.1:{port}/")
    assert (type(error), error.sent, error.attempts) == (ConnectionFailed, Sent.NOT_SENT, 4)


@pytest.mark.parametrize("code", [socket.EAI_NONAME, socket.EAI_AGAIN, socket.EAI_FAIL])
async def test_a_name_that_leads_nowhere(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(code, "no address")

    # Where no resolver answers, it would take as long as that one's patience.
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    error = await failure("https://mediasflow.invalid/")
    assert (type(error), error.sent, error.attempts) == (ConnectionFailed, Sent.NOT_SENT, 4)


@only_on_linux
async def test_a_connection_that_is_never_made() -> None:
    with black_hole() as port:
        error = await failure(
            f"http://127.0.0.1:{port}/", connect_timeout=_SHORT_SECONDS, deadline=None
        )
    assert (type(error), error.sent, error.attempts) == (RequestTimeout, Sent.NOT_SENT, 4)


@only_on_linux
async def test_a_connection_that_is_never_made_before_the_deadline() -> None:
    with black_hole() as port:
        error = await failure(
            f"http://127.0.0.1:{port}/", connect_timeout=None, deadline=_SHORT_SECONDS
        )
    assert (type(error), error.sent, error.attempts) == (RequestTimeout, Sent.NOT_SENT, 1)


@only_on_linux
async def test_a_connection_that_is_not_made_yet_when_the_launch_is_cancelled() -> None:
    with black_hole() as port:
        session = session_with(f"http://127.0.0.1:{port}/", connect_timeout=None, deadline=None)
        error = await cancelled(session, anyio.move_on_after(_SHORT_SECONDS))
    assert (type(error), error.sent) == (ConnectionFailed, Sent.NOT_SENT)
