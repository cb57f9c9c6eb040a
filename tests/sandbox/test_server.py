"""How a sandbox starts, what it shows, and how it stops."""

from __future__ import annotations

import json
import logging
import socket
import ssl
import threading
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest

from mediasflow_async.sandbox import Fault, Sandbox, ServerRules
from tests.support.sandboxes import WITHOUT_TLS

if TYPE_CHECKING:
    from collections.abc import Callable

    Json = dict[str, Any]

# Signed by itself, for this machine only.
CERTIFICATE = Path(__file__).with_name("localhost.pem")


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def port_of(sandbox: Sandbox) -> int:
    return httpx.URL(sandbox.base_url).port or 0


@pytest.mark.anyio
@pytest.mark.every_backend
async def test_a_sandbox_serves_while_its_block_runs() -> None:
    async with Sandbox(username="me", password="mine") as sandbox:
        form = {"login": "me", "password": "mine"}
        for base_url in (sandbox.base_url, sandbox.base_url_alt):
            async with httpx.AsyncClient(base_url=base_url, verify=WITHOUT_TLS) as http:
                assert (await http.post("users/login", data=form)).status_code == 200
        port = port_of(sandbox)
    assert not is_open(port)


@pytest.mark.anyio
@pytest.mark.every_backend
async def test_a_cancelled_block_stops_its_sandbox() -> None:
    ports = []
    with anyio.CancelScope() as scope:
        async with Sandbox() as sandbox:
            ports.append(port_of(sandbox))
            scope.cancel()
            await anyio.sleep_forever()
    assert scope.cancelled_caught
    assert [is_open(port) for port in ports] == [False]


@pytest.mark.anyio
@pytest.mark.every_backend
async def test_a_sandbox_answers_in_process_without_a_socket() -> None:
    sandbox = Sandbox()
    form = {"login": sandbox.username, "password": sandbox.password}
    async with httpx.AsyncClient(transport=sandbox.transport, base_url=sandbox.base_url) as http:
        assert (await http.post("users/login", data=form)).status_code == 200
    sandbox.close()


def test_a_sandbox_can_speak_tls() -> None:
    ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ours.load_cert_chain(CERTIFICATE)
    theirs = ssl.create_default_context(cafile=CERTIFICATE)
    with (
        Sandbox(ssl_context=ours).serve_in_thread() as sandbox,
        httpx.Client(verify=theirs) as http,
    ):
        assert sandbox.base_url.startswith("https://127.0.0.1:")
        assert http.get(f"{sandbox.base_url}blacklist").status_code == 401
        sandbox.faults.add(Fault(reset=True))
        with pytest.raises(httpx.TransportError):
            http.get(f"{sandbox.base_url}blacklist")


def test_nothing_of_a_stopped_sandbox_stays() -> None:
    before = set(threading.enumerate())
    sandbox = Sandbox()
    with sandbox.serve_in_thread(), httpx.Client(verify=WITHOUT_TLS) as http:
        port = port_of(sandbox)
        assert http.get(sandbox.base_url).status_code == 404
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=5)
    assert set(threading.enumerate()) <= before
    assert not is_open(port)
    with pytest.raises(RuntimeError, match="has stopped"):
        _ = sandbox.messages
    sandbox.close()


def test_a_sandbox_stops_although_a_request_hangs() -> None:
    with Sandbox().serve_in_thread() as sandbox:
        sandbox.faults.add(Fault(delay=timedelta(hours=1)))
        with (
            httpx.Client(verify=WITHOUT_TLS, timeout=0.1) as http,
            pytest.raises(httpx.ReadTimeout),
        ):
            http.get(f"{sandbox.base_url}blacklist")


def test_a_port_of_ones_own_is_used_again_at_once() -> None:
    with Sandbox().serve_in_thread() as sandbox:
        port = port_of(sandbox)
    for _ in range(2):
        with Sandbox(port=port).serve_in_thread() as again:
            assert port_of(again) == port


def test_a_port_that_is_taken_is_an_error(sandbox: Sandbox) -> None:
    other = Sandbox(port=port_of(sandbox))
    with pytest.raises(OSError, match="in use"), other.serve_in_thread():
        pass
    other.close()


def test_a_running_sandbox_cannot_be_started_twice(sandbox: Sandbox) -> None:
    with pytest.raises(RuntimeError, match="runs already"), sandbox.serve_in_thread():
        pass


@pytest.mark.parametrize(
    "rules",
    [
        {"token_place": "cookie"},
        {"put_params": {"query", "header"}},
        {"cancel_methods": "PUT"},
        {"max_segments": 7},
    ],
    ids=str,
)
def test_rules_that_no_server_has_are_refused(rules: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        ServerRules(**rules)


def test_a_request_that_breaks_off_is_not_processed(sandbox: Sandbox, http: httpx.Client) -> None:
    url = httpx.URL(sandbox.base_url)
    head = f"POST {url.path}blacklist HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{"
    with socket.create_connection((url.host, url.port or 0)) as connection:
        connection.sendall(head.encode())
    assert http.get("blacklist").status_code == 200
    assert [request.method for request in sandbox.requests] == ["POST", "GET"]


def test_passwords_are_random_unless_given() -> None:
    first, second = Sandbox(), Sandbox()
    assert first.password != second.password
    assert first.password not in repr(first)
    first.close()
    second.close()


def test_uvicorn_says_nothing(
    sandbox: Sandbox, http: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "uvicorn")
    sandbox.faults.add(Fault(drop=True))
    with pytest.raises(httpx.RemoteProtocolError):
        http.get("blacklist")
    http.get("blacklist")
    assert not [record for record in caplog.records if record.name.startswith("uvicorn")]


def test_requests_are_recorded_without_credentials(
    sandbox: Sandbox, inject: Callable[..., Json], http: httpx.Client
) -> None:
    inject()
    http.get("campaigns/reportjson/943", params={"status": "16"})
    login, injection, report = sandbox.requests
    assert (login.operation, login.method, login.path) == ("login", "POST", "users/login")
    assert login.body == b"login=demo&password=***"
    assert (injection.operation, injection.status) == ("inject", 200)
    assert json.loads(injection.body)["msg"] == "Bonjour"
    assert injection.headers["authorization"] == "Bearer ***"
    assert (report.path, report.query) == ("campaigns/reportjson/943", {"status": "16"})
    assert login.received_at <= injection.received_at <= report.received_at
    assert sandbox.password not in repr(sandbox.requests)


@pytest.mark.parametrize("path", ["users/login", "login", "campaigns/inject"])
@pytest.mark.parametrize(
    "arguments",
    [
        {"data": {"login": "demo", "password": "s3cret"}},
        {"params": {"login": "demo", "password": "s3cret"}},
        {"json": {"login": "demo", "password": "s3cret"}},
        {"content": b"s3cret", "headers": {"Content-Type": "text/plain"}},
        {"auth": ("demo", "s3cret")},
    ],
    ids=["form", "query", "json", "unreadable", "basic"],
)
def test_no_kind_of_login_leaves_its_password(
    sandbox: Sandbox, http: httpx.Client, path: str, arguments: Any
) -> None:
    http.put(path, **arguments)
    http.post("users/login", **arguments)
    request = sandbox.requests[-2]
    assert b"s3cret" not in request.body
    request = sandbox.requests[-1]
    assert b"s3cret" not in request.body
    assert "s3cret" not in str([request.query for request in sandbox.requests])
    assert "czNjcmV0" not in str([request.headers for request in sandbox.requests])


def test_reset_forgets_everything_but_users_and_port(
    sandbox: Sandbox,
    http: httpx.Client,
    inject: Callable[..., Json],
    upload: Callable[..., Json],
) -> None:
    inject()
    upload("SMS\n0612345678\n")
    sandbox.block("0612345678")
    sandbox.faults.add(Fault(status=500))
    sandbox.clock.advance(timedelta(minutes=5))
    url = sandbox.base_url
    sandbox.reset()
    assert [*sandbox.messages, *sandbox.campaigns] == []
    assert [*sandbox.requests, *sandbox.blacklist] == []
    assert (sandbox.credit, sandbox.base_url) == (1_000_000, url)
    assert http.get("blacklist").json() == []
    assert inject()["id"] == 943
    assert upload("SMS\n0612345678\n")["id"] == 392


def test_the_clock_does_not_go_back(sandbox: Sandbox) -> None:
    before = sandbox.clock.now()
    sandbox.clock.advance(timedelta(days=400))
    assert sandbox.clock.now() - before >= timedelta(days=400)
    with pytest.raises(ValueError, match="only goes forward"):
        sandbox.clock.advance(timedelta(seconds=-1))


def test_a_file_keeps_the_state(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    body = {"msg": "Hello", "listRecipient": [{"mobile": "0612345678"}], "startNow": True}
    for expected in (1, 2):
        with (
            Sandbox(database=path, password="kept").serve_in_thread() as sandbox,
            httpx.Client(base_url=sandbox.base_url, verify=WITHOUT_TLS) as http,
        ):
            form = {"login": "demo", "password": "kept"}
            bearer = http.post("users/login", data=form).headers["Authorization"]
            http.post("campaigns/inject", json=body, headers={"Authorization": bearer})
            assert len(sandbox.messages) == expected
            assert sandbox.credit == 1_000_000 - expected
    assert path.exists()


def test_many_threads_are_answered_one_after_the_other(
    sandbox: Sandbox, inject: Callable[..., Json]
) -> None:
    threads = [threading.Thread(target=inject) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(campaign.id for campaign in sandbox.campaigns) == list(range(943, 963))
    assert len(sandbox.messages) == 20
