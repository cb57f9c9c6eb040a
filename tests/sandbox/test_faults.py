"""Faults on demand, seen from a real socket and in process."""

from __future__ import annotations

import gzip
import socket
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from mediasflow_async import ConfigurationError
from mediasflow_async.sandbox import Fault, ServerRules
from mediasflow_async.sandbox.api import _operations

if TYPE_CHECKING:
    from collections.abc import Callable

    from mediasflow_async.sandbox import Sandbox

    Json = dict[str, Any]

LOST = (httpx.RemoteProtocolError, httpx.ReadError)


def raw_get(sandbox: Sandbox, http: httpx.Client, path: str) -> bytes:
    """Return every byte that the server sends until it closes the connection."""
    url = httpx.URL(sandbox.base_url)
    lines = (
        f"GET {url.path}{path} HTTP/1.1",
        f"Host: {url.host}",
        f"Authorization: {http.headers['Authorization']}",
    )
    received = b""
    with socket.create_connection((url.host, url.port or 0), timeout=10) as connection:
        connection.sendall("\r\n".join((*lines, "", "")).encode())
        while chunk := connection.recv(65536):
            received += chunk
    return received


def test_a_status_replaces_the_answer_once(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.faults.add(Fault(status=429, headers={"Retry-After": "2"}))
    refused = http.get("blacklist")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "2")
    assert http.get("blacklist").status_code == 200
    assert sandbox.faults.waiting == ()


def test_skip_and_times_choose_the_requests(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.faults.add(Fault(status=503, skip=1, times=2))
    found = [http.get("blacklist").status_code for _ in range(5)]
    assert found == [200, 503, 503, 200, 200]


def test_a_fault_can_last_until_it_is_cleared(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.faults.add(Fault(status=500, times=None))
    assert {http.get("blacklist").status_code for _ in range(5)} == {500}
    sandbox.faults.clear()
    assert http.get("blacklist").status_code == 200


@pytest.mark.parametrize(
    ("fault", "hit"),
    [
        (Fault(operation="blacklist", status=500), True),
        (Fault(operation="blacklist_add", status=500), False),
        (Fault(method="get", status=500), True),
        (Fault(method="POST", status=500), False),
        (Fault(path="/black", status=500), True),
        (Fault(path="campaigns/", status=500), False),
    ],
)
def test_a_fault_hits_what_it_names(
    sandbox: Sandbox, http: httpx.Client, fault: Fault, *, hit: bool
) -> None:
    sandbox.faults.add(fault)
    assert http.get("blacklist").status_code == (500 if hit else 200)


@pytest.mark.parametrize(
    ("operation", "expected"),
    [("send", [500, 200, 200]), ("prepare", [200, 500, 200]), ("launch", [200, 200, 500])],
)
def test_injections_are_told_apart(
    sandbox: Sandbox,
    order: Callable[..., httpx.Response],
    http: httpx.Client,
    operation: str,
    expected: list[int],
) -> None:
    draft = order(startNow=False).json()["id"]
    sandbox.faults.add(Fault(operation=operation, status=500))
    launch = {"campaignId": draft, "startNow": True}
    found = [order(), order(startNow=False), http.post("campaigns/inject", json=launch)]
    assert [response.status_code for response in found] == expected


@pytest.mark.parametrize(("when", "sent"), [("before", 0), ("after", 1)])
@pytest.mark.parametrize(
    "outcome", [{"status": 500}, {"drop": True}, {"reset": True}, {"html": True}], ids=str
)
def test_a_fault_comes_before_or_after_processing(
    sandbox: Sandbox,
    order: Callable[..., httpx.Response],
    when: Any,
    sent: int,
    outcome: Any,
) -> None:
    sandbox.faults.add(Fault(when=when, **outcome))
    if outcome.keys() & {"drop", "reset"}:
        with pytest.raises(LOST):
            order()
    else:
        assert order().status_code in {500, 502}
    assert len(sandbox.messages) == sent


def test_a_dropped_connection_ends_without_a_byte(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.faults.add(Fault(drop=True, operation="blacklist"))
    assert raw_get(sandbox, http, "blacklist") == b""
    assert sandbox.requests[-1].status is None


def test_a_reset_connection_is_an_error(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.faults.add(Fault(reset=True, operation="blacklist"))
    with pytest.raises(ConnectionResetError):
        raw_get(sandbox, http, "blacklist")


def test_a_truncated_body_is_shorter_than_announced(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.faults.add(Fault(truncate=1))
    head, _, body = raw_get(sandbox, http, "blacklist").partition(b"\r\n\r\n")
    assert b"content-length: 2" in head.lower()
    assert body == b"["
    sandbox.faults.add(Fault(truncate=1))
    with pytest.raises(httpx.RemoteProtocolError, match="complete message body"):
        http.get("blacklist")


def test_the_server_survives_its_faults(sandbox: Sandbox, http: httpx.Client) -> None:
    for fault in (Fault(drop=True), Fault(reset=True), Fault(truncate=1)):
        sandbox.faults.add(fault)
        with pytest.raises(LOST):
            http.get("blacklist")
        assert http.get("blacklist").status_code == 200


def test_an_html_page_has_a_title(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.faults.add(Fault(html=True, status=503))
    response = http.get("blacklist")
    assert response.status_code == 503
    assert response.headers["Content-Type"].startswith("text/html")
    assert "<title>503 Service Unavailable</title>" in response.text


def test_a_gzip_bomb_is_small_until_it_is_unpacked(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.faults.add(Fault(gzip_bomb=3_000_000))
    with http.stream("GET", "blacklist") as response:
        packed = b"".join(response.iter_raw())
    assert len(packed) < 30_000
    assert len(gzip.decompress(packed)) == 3_000_000


def test_a_redirect_leads_elsewhere(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.faults.add(Fault(redirect="http://elsewhere.example/"))
    response = http.get("blacklist")
    assert (response.status_code, response.headers["Location"]) == (
        307,
        "http://elsewhere.example/",
    )


def test_a_body_of_ones_own_is_answered(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.faults.add(Fault(body='{"error": "x"}'))
    response = http.get("blacklist")
    assert (response.status_code, response.json()) == (200, {"error": "x"})


def test_a_delayed_request_is_processed_although_nobody_waits(
    sandbox: Sandbox, order: Callable[..., httpx.Response], http: httpx.Client
) -> None:
    sandbox.faults.add(Fault(operation="send", delay=timedelta(milliseconds=300)))
    http.timeout = httpx.Timeout(5, read=0.05)
    with pytest.raises(httpx.ReadTimeout):
        order()
    http.timeout = httpx.Timeout(5)
    tick = threading.Event()
    for _ in range(200):
        if sandbox.messages:
            break
        tick.wait(0.02)
    assert len(sandbox.messages) == 1


@pytest.mark.parametrize("outcome", [{"drop": True}, {"status": 504}], ids=str)
def test_a_request_can_be_processed_after_its_answer_was_lost(
    sandbox: Sandbox, order: Callable[..., httpx.Response], outcome: Any
) -> None:
    sandbox.faults.add(Fault(operation="send", when="late", delay=timedelta(minutes=10), **outcome))
    if "drop" in outcome:
        with pytest.raises(LOST):
            order()
    else:
        assert order().status_code == 504
    sandbox.clock.advance(timedelta(minutes=9))
    assert len(sandbox.messages) == 0
    sandbox.clock.advance(timedelta(minutes=1))
    assert len(sandbox.messages) == 1
    assert len(sandbox.messages) == 1


def test_a_late_request_is_seen_by_the_ones_that_come_after_it(
    sandbox: Sandbox, order: Callable[..., httpx.Response], http: httpx.Client
) -> None:
    draft = order(startNow=False).json()["id"]
    sandbox.faults.add(Fault(when="late", delay=timedelta(minutes=2), status=504))
    launch = {"campaignId": draft, "startNow": True}
    assert http.post("campaigns/inject", json=launch).status_code == 504
    assert http.get(f"campaigns/reportjson/{draft}").status_code == 404
    sandbox.clock.advance(timedelta(minutes=2))
    assert http.get(f"campaigns/reportjson/{draft}").status_code == 200


def test_a_late_request_is_processed_at_its_time_however_far_the_clock_jumps(
    sandbox: Sandbox, order: Callable[..., httpx.Response]
) -> None:
    at = sandbox.clock.now()
    order(scheduleOn=f"{at + timedelta(minutes=9):%Y-%m-%dT%H:%M:%SZ}", msg="first")
    sandbox.faults.add(Fault(operation="send", when="late", delay=timedelta(minutes=10), drop=True))
    with pytest.raises(LOST):
        order(msg="second")
    sandbox.clock.advance(timedelta(hours=1))
    first, second = sandbox.messages
    assert (first.text, second.text) == ("first", "second")
    assert timedelta(minutes=10) <= second.sent_at - at < timedelta(minutes=11)


def test_a_reset_forgets_late_requests(
    sandbox: Sandbox, order: Callable[..., httpx.Response]
) -> None:
    sandbox.faults.add(Fault(when="late", delay=timedelta(minutes=2), status=504))
    order()
    sandbox.reset()
    sandbox.clock.advance(timedelta(minutes=2))
    assert sandbox.campaigns == ()


@pytest.mark.anyio
@pytest.mark.every_backend
async def test_in_process_faults_are_errors_of_the_transport(sandbox: Sandbox) -> None:
    form = {"login": sandbox.username, "password": sandbox.password}
    async with httpx.AsyncClient(transport=sandbox.transport, base_url=sandbox.base_url) as http:
        for fault in (Fault(drop=True), Fault(reset=True), Fault(truncate=3)):
            sandbox.faults.add(fault)
            with pytest.raises(httpx.RemoteProtocolError):
                await http.post("users/login", data=form | {"login": "nobody"})
        assert (await http.post("users/login", data=form)).status_code == 200


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"operation": "lunch"}, "operation"),
        ({"when": "sometimes"}, "when"),
        ({"delay": 1}, "delay"),
        ({"delay": timedelta(seconds=-1)}, "delay"),
        ({"status": "500"}, "status"),
        ({"truncate": -1}, "truncate"),
        ({"times": 0.5}, "times"),
        ({"skip": None}, "skip"),
    ],
)
def test_a_fault_that_would_hit_nothing_is_refused(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        Fault(**options)


def test_a_fault_tells_all_that_is_wrong_with_it() -> None:
    wrong: Any = {"operation": "lunch", "when": "sometimes", "skip": -1}
    with pytest.raises(ConfigurationError, match=r"operation.*when.*skip"):
        Fault(**wrong)


def test_every_operation_of_the_api_can_be_hit() -> None:
    names = {each.name for each in _operations(ServerRules())}
    assert {Fault(operation=name).operation for name in names} == names
