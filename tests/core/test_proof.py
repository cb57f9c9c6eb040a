"""Whether a request left this machine is proven by the transport, never guessed."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import httpx
import pytest

from mediasflow_async import (
    ConnectionFailed,
    DeliveryUnknown,
    MediasflowError,
    OperationKind,
    RequestTimeout,
    Sent,
    Session,
)
from mediasflow_async._core.calls import Operation
from mediasflow_async._core.proof import Proof
from mediasflow_async.sandbox import Fault, Sandbox
from mediasflow_async.transport import AsyncioTransport
from tests.support.raw_server import HANG, RESET, Answer, RawServer, http, http_json, unused_port
from tests.support.sessions import ONCE, WITHOUT_TLS, Connect, session_with

pytest_plugins = ["tests.support.session_fixtures"]
pytestmark = [pytest.mark.anyio, pytest.mark.every_transport]


async def failure_of_a_send(session: Session) -> MediasflowError:
    async with session:
        with pytest.raises(MediasflowError) as caught:
            await session.request("POST", "campaigns/inject", json={"msg": "Hi"})
    return caught.value


async def failure_of_a_read(session: Session) -> MediasflowError:
    async with session:
        with pytest.raises(MediasflowError) as caught:
            await session.request("GET", "blacklist")
    return caught.value


@pytest.mark.every_backend
async def test_a_refused_connection_sent_nothing() -> None:
    with unused_port() as port:
        error = await failure_of_a_send(session_with(f"http://127.0.0.1:{port}/", retry=ONCE))
    assert type(error) is ConnectionFailed
    assert error.sent is Sent.NOT_SENT


async def test_a_host_that_does_not_exist_was_sent_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    # Where no resolver answers, it would take as long as that one's patience.
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    error = await failure_of_a_send(session_with("https://mediasflow.invalid/", retry=ONCE))
    assert type(error) is ConnectionFailed
    assert error.sent is Sent.NOT_SENT


@pytest.mark.every_backend
async def test_a_failed_tls_handshake_sent_nothing(sandbox: Sandbox) -> None:
    url = sandbox.base_url.replace("http:", "https:")
    error = await failure_of_a_send(session_with(url, retry=ONCE))
    assert type(error) is ConnectionFailed
    assert error.sent is Sent.NOT_SENT
    assert sandbox.requests == ()


async def test_a_proxy_that_refuses_the_tunnel_was_sent_nothing_of_the_request() -> None:
    with RawServer([http(403)]).running() as proxy:
        async with httpx.AsyncHTTPTransport(proxy=proxy.url, verify=WITHOUT_TLS) as transport:
            error = await failure_of_a_send(
                session_with("https://mediasflow.example/", transport=transport, retry=ONCE)
            )
    assert [request.method for request in proxy.requests] == ["CONNECT"]
    assert "authorization" not in proxy.requests[0].headers
    assert type(error) is ConnectionFailed
    assert error.sent is Sent.NOT_SENT


async def test_a_proxy_in_the_environment_that_refuses_the_tunnel_was_sent_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with RawServer([RESET]).running() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        error = await failure_of_a_send(session_with("https://mediasflow.example/", retry=ONCE))
    assert [request.method for request in proxy.requests] == ["CONNECT"]
    assert error.sent is Sent.NOT_SENT


@pytest.mark.every_backend
@pytest.mark.parametrize("answer", [RESET, b"", HANG, http(length=5), b"HTTP/1.1 2"], ids=range(5))
async def test_without_a_whole_answer_nobody_knows(answer: Answer) -> None:
    with RawServer([answer]).running() as server:
        error = await failure_of_a_send(session_with(server.url, timeout=0.1))
        assert len(server.requests) == 1
    assert type(error) is DeliveryUnknown
    assert error.sent is Sent.UNKNOWN


async def test_an_answer_that_is_whole_tells_what_happened() -> None:
    with RawServer([http_json(400, {"message": "no draft"})]).running() as server:
        error = await failure_of_a_send(session_with(server.url))
    assert error.sent is Sent.ANSWERED


async def test_a_sandbox_that_sent_and_was_cut_off_sent_once(
    sandbox: Sandbox, connect: Connect
) -> None:
    sandbox.faults.add(Fault(operation="send", when="after", reset=True))
    body = {"msg": "Hi", "listRecipient": [{"mobile": "0612345678"}], "startNow": True}
    async with connect() as session:
        with pytest.raises(DeliveryUnknown):
            await session.request("POST", "campaigns/inject", json=body)
    assert len(sandbox.messages) == 1
    assert sum(request.operation == "inject" for request in sandbox.requests) == 1


class SilentTransport(httpx.AsyncBaseTransport):
    """Says nothing of what leaves, as any transport but httpx's own."""

    def __init__(self, failure: Callable[[], Exception]) -> None:
        self.failure = failure
        self.seen: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        raise self.failure()


FAILURES: list[Callable[[], Exception]] = [
    lambda: httpx.ConnectError("refused"),
    lambda: httpx.ConnectTimeout("slow"),
    lambda: ConnectionRefusedError("refused"),
]


@pytest.mark.parametrize("failure", FAILURES, ids=range(3))
async def test_a_transport_that_reports_nothing_proves_nothing(
    failure: Callable[[], Exception],
) -> None:
    transport = SilentTransport(failure)
    error = await failure_of_a_send(session_with("https://a.example/", transport=transport))
    assert type(error) is DeliveryUnknown
    assert len(transport.seen) == 1
    error = await failure_of_a_read(session_with("https://a.example/", transport=transport))
    assert type(error) in {ConnectionFailed, RequestTimeout}
    assert error.sent is Sent.UNKNOWN


OTHERS: list[Callable[[], Exception]] = [
    lambda: RuntimeError("the pool is closed"),
    anyio.BrokenResourceError,
    lambda: ExceptionGroup("several", [KeyError("a"), ValueError("b")]),
    lambda: UnicodeError("label too long"),
]
"""What transports raise that are not made with httpx's exceptions."""


@pytest.mark.parametrize("failure", OTHERS, ids=range(4))
async def test_a_transport_that_raises_what_it_likes_proves_nothing(
    failure: Callable[[], Exception],
) -> None:
    transport = SilentTransport(failure)
    error = await failure_of_a_send(session_with("https://a.example/", transport=transport))
    assert type(error) is DeliveryUnknown
    assert error.sent is Sent.UNKNOWN
    assert len(transport.seen) == 1
    error = await failure_of_a_read(session_with("https://a.example/", transport=transport))
    assert type(error) is ConnectionFailed
    assert len(transport.seen) > 2


async def test_an_error_names_what_a_transport_raised() -> None:
    transport = SilentTransport(OTHERS[0])
    error = await failure_of_a_send(session_with("https://a.example/", transport=transport))
    assert "RuntimeError: the pool is closed" in str(error)


async def test_a_transport_that_reports_and_then_raises_what_it_likes_is_believed() -> None:
    class Reporting(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await request.extensions["trace"]("connection.connect_tcp.started", {})
            raise RuntimeError("no connection")

    error = await failure_of_a_send(
        session_with("https://a.example/", transport=Reporting(), retry=ONCE)
    )
    assert type(error) is ConnectionFailed
    assert error.sent is Sent.NOT_SENT


async def test_a_body_whose_transport_raises_what_it_likes_is_in_doubt() -> None:
    class Breaking(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b'{"id": '
            raise RuntimeError("gone")

    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Breaking()))
    error = await failure_of_a_send(session_with("https://a.example/", transport=transport))
    assert type(error) is DeliveryUnknown
    assert error.sent is Sent.UNKNOWN


async def test_a_client_of_the_callers_proves_as_much_as_its_transport_reports() -> None:
    silent = SilentTransport(FAILURES[0])
    async with httpx.AsyncClient(transport=silent) as client:
        options: dict[str, Any] = {"client": client, "ssl_context": None, "retry": ONCE}
        error = await failure_of_a_send(session_with("https://a.example/", **options))
        assert error.sent is Sent.UNKNOWN
    with unused_port() as port:
        async with httpx.AsyncClient(verify=WITHOUT_TLS) as client:
            options["client"] = client
            error = await failure_of_a_send(session_with(f"http://127.0.0.1:{port}/", **options))
    assert error.sent is Sent.NOT_SENT


async def test_a_transport_derived_from_httpxs_own_is_not_believed_blindly() -> None:
    class Mine(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            raise httpx.ConnectError("after I sent it my own way", request=request)

    async with Mine(verify=WITHOUT_TLS) as transport:
        error = await failure_of_a_send(session_with("https://a.example/", transport=transport))
    assert error.sent is Sent.UNKNOWN


class Rehearsing(AsyncioTransport):
    """What a caller may make of our transport: it sends nothing."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert request.method == "POST"
        return httpx.Response(200, json={"id": 7})


async def test_a_transport_derived_from_ours_is_not_passed_by() -> None:
    with RawServer([http_json(data={"id": 8})]).running() as server:
        async with (
            Rehearsing() as transport,
            session_with(server.url, transport=transport, ssl_context=None) as session,
        ):
            answer = await session.request("POST", "campaigns/inject", json={"msg": "Hi"})
    assert answer.data == {"id": 7}
    assert server.connections == 0


@pytest.mark.parametrize("reason", ["itself", "another"])
async def test_a_failure_that_is_said_to_come_from_itself_is_read_once(reason: str) -> None:
    """Some who keep a failure, to try again, raise it from the one they kept."""
    failure, other = httpx.ReadError("gone"), httpx.ReadError("gone before")
    other.__cause__ = failure

    def fail(_: httpx.Request) -> httpx.Response:
        raise failure from {"itself": failure, "another": other}[reason]

    transport = httpx.MockTransport(fail)
    session = session_with("https://a.example/", transport=transport, retry=ONCE, ssl_context=None)
    assert isinstance(await failure_of_a_send(session), DeliveryUnknown)


async def test_a_body_that_fails_on_its_way_out_leaves_doubt() -> None:
    class Failing:
        content_type = "text/csv"
        length = 1000

        async def stream(self) -> AsyncIterator[bytes]:
            yield b"x" * 10
            raise OSError("the disk is gone")

    with RawServer([http()]).running() as server:
        async with session_with(server.url) as session:
            with pytest.raises(DeliveryUnknown):
                await session.request("POST", "lists/upload", body=Failing())


async def test_what_a_body_raises_is_its_owners() -> None:
    class Wrong:
        content_type = "text/csv"
        length = 1000

        async def stream(self) -> AsyncIterator[bytes]:
            yield b"x" * 10
            raise error

    error = ValueError("row 2 has no number")
    with RawServer([http()]).running() as server:
        async with session_with(server.url) as session:
            with pytest.raises(ValueError, match="row 2") as caught:
                await session.request("POST", "lists/upload", body=Wrong())
    assert caught.value is error


def test_a_proof_reads_the_events_of_every_version_of_http() -> None:
    get = type("Request", (), {"method": b"GET"})()
    tunnel = type("Request", (), {"method": b"CONNECT"})()

    def verdict(*events: tuple[str, object]) -> Sent:
        proof = Proof(is_trusted=False)
        for event, request in events:
            asyncio.run(proof.trace(event, {"request": request} if request else {}))
        return proof.verdict

    assert verdict() is Sent.UNKNOWN
    assert verdict(("connection.connect_tcp.started", None)) is Sent.NOT_SENT
    assert verdict(("http11.send_request_headers.started", tunnel)) is Sent.NOT_SENT
    assert verdict(("http11.send_request_headers.started", get)) is Sent.UNKNOWN
    assert verdict(("http2.send_request_headers.started", get)) is Sent.UNKNOWN
    assert verdict(("http2.send_request_headers.started", None)) is Sent.UNKNOWN
    assert Proof(is_trusted=True).verdict is Sent.NOT_SENT


def test_only_what_sends_is_in_doubt() -> None:
    doubtful = [kind for kind in OperationKind if Operation(kind, "POST", "x").may_send]
    assert doubtful == [OperationKind.LAUNCH, OperationKind.ONE_SHOT]
