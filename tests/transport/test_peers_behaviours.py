"""What the tests of httpx and httpcore ask of a transport, asked of ours under httpx's client.

Most of it is asked, more closely, by the other modules of this folder. Where each behaviour is:

- httpcore, connections (`test_connection.py`): a request over a fresh connection, an answer to a
  cut-off upload, the loss of a connection during one: `test_uploads.py`. Unix sockets:
  `test_dialing.py`.
- httpcore, HTTP/1.1 (`test_http11.py`): unread and incomplete answers, protocol errors of both
  sides, interim answers, a head of 100 KB: `test_answers.py`, `test_broken_answers.py`,
  `test_downloads.py`, `test_requests.py`.
- httpcore, pool (`test_connection_pool.py`): keeping, closing, expiry, no keeping at all, the
  limit under concurrency with one host or several, failures, closing under way, timeouts of the
  pool down to zero, unknown schemes: `test_pool.py`, `test_timeouts.py`, `test_closing.py`,
  `test_dialing.py`.
- httpcore, cancellation (`test_cancellations.py`): while writing and while reading:
  `test_cancelling.py`, `test_many_cancelled.py`.
- httpcore, integration (`test_integration.py`): plain and TLS: `test_answers.py`,
  `test_dialing.py`.
- httpx, timeouts (`test_timeouts.py`): connect, read, write, pool: `test_timeouts.py`.
- httpx, client (`test_async_client.py`): here.

What does not apply, and why:

- HTTP/2, proxies, SOCKS, trio: not ours; a session gives those to httpx's own transport. Its
  settings of TLS may offer HTTP/2 all the same: `test_dialing.py`.
- 101 and upgrades, CONNECT: nothing that the API has; 101 is an error (`test_broken_answers.py`).
- `network_stream` and what it tells of a connection: our connections carry one request after
  the other, and lend themselves to nobody.
- `trace` and debug logs: the `proof` extension tells what they are needed for
  (`test_departures.py`); no log may hold what a request holds.
- Retries of connecting: a retry is the session's decision, with its own policy.
- One connection asked for a second request at once, or for another origin: nobody outside the
  pool holds a connection.
- States and `repr` of connections and pools: they are seen here by what they do: which
  connection a server gets the next request over.
- `local_address` and socket options: not offered.
- Cookies, redirects, authentication, event hooks, mounts without a transport: httpx's client
  does them above any transport.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import NoReturn

import httpx
import pytest

from mediasflow_async.transport import AsyncioTransport
from tests.support.byte_servers import OK, Peer, Server, answering, client_context, http, serving

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("nothing_left")]


async def telling(peer: Peer) -> None:
    """Answer with what was asked, or with a status that the path names."""
    while True:
        head, _, body = (await peer.request()).partition(b"\r\n\r\n")
        line, *headers = head.decode().split("\r\n")
        method, path, _ = line.split()
        told = {"method": method, "path": path, "headers": headers, "body": body.decode()}
        status = path.removeprefix("/status/") if path.startswith("/status/") else "200"
        answer = json.dumps(told).encode()
        if method == "HEAD":
            await peer.send(http(status=f"{status} Told".encode(), length=len(answer)))
        else:
            await peer.send(http(answer, status=f"{status} Told".encode()))


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving(telling) as server:
        yield server


@pytest.fixture
async def client(transport: AsyncioTransport) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=transport) as client:
        yield client


async def hello_world() -> AsyncIterator[bytes]:
    yield b"Hello, "
    yield b"world!"


async def test_a_response_tells_what_it_is(client: httpx.AsyncClient, server: Server) -> None:
    response = await client.get(server.url)
    assert (response.status_code, str(response.url)) == (200, server.url)
    assert (response.http_version, response.reason_phrase) == ("HTTP/1.1", "Told")
    assert response.extensions["http_version"] == b"HTTP/1.1"
    assert repr(response) == "<Response [200 Told]>"
    assert response.elapsed > timedelta(0)
    assert response.json()["path"] == "/"


@pytest.mark.parametrize("method", ["GET", "OPTIONS", "DELETE", "POST", "PUT", "PATCH"])
async def test_methods(client: httpx.AsyncClient, server: Server, method: str) -> None:
    response = await client.request(method, server.url + "path?a=b")
    assert response.json() | {"headers": []} == {
        "method": method,
        "path": "/path?a=b",
        "headers": [],
        "body": "",
    }


async def test_head_has_headers_alone(client: httpx.AsyncClient, server: Server) -> None:
    response = await client.head(server.url)
    assert (response.status_code, response.text) == (200, "")
    assert int(response.headers["content-length"]) > 0


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
async def test_bodies(client: httpx.AsyncClient, server: Server, method: str) -> None:
    response = await client.request(method, server.url, content=b"Hello, world!")
    assert response.json()["body"] == "Hello, world!"
    response = await client.request(method, server.url, json={"text": "Hello!"})
    assert json.loads(response.json()["body"]) == {"text": "Hello!"}
    response = await client.request(method, server.url, content=hello_world())
    assert response.json()["body"] == "7\r\nHello, \r\n6\r\nworld!\r\n0\r\n\r\n"


async def test_parts(client: httpx.AsyncClient, server: Server) -> None:
    response = await client.post(server.url, files={"file": ("a.csv", b"Hello, world!")})
    assert "\r\n\r\nHello, world!\r\n--" in response.json()["body"]


async def test_a_request_may_be_changed_before_it_is_sent(
    client: httpx.AsyncClient, server: Server
) -> None:
    request = client.build_request("GET", server.url)
    request.headers.update({"Custom-header": "value"})
    response = await client.send(request)
    assert "Custom-header: value" in response.json()["headers"]


async def test_a_body_for_the_other_world_is_refused(
    client: httpx.AsyncClient, server: Server
) -> None:
    def body() -> Iterator[bytes]:
        yield b"Hello"

    with pytest.raises(RuntimeError):
        await client.post(server.url, content=body())
    assert not server.peers


@pytest.mark.parametrize("url", ["invalid://example.org", "://example.org", "http://"])
async def test_an_address_that_is_none(client: httpx.AsyncClient, url: str) -> None:
    with pytest.raises((httpx.UnsupportedProtocol, httpx.LocalProtocolError)):
        await client.get(url)


@pytest.mark.parametrize("status", [200, 400, 404, 500, 505])
async def test_statuses(client: httpx.AsyncClient, server: Server, status: int) -> None:
    response = await client.get(f"{server.url}status/{status}")
    assert response.status_code == status
    if response.is_success:
        assert response.raise_for_status() is response
    else:
        with pytest.raises(httpx.HTTPStatusError) as caught:
            response.raise_for_status()
        assert caught.value.response is response


async def test_a_stream_may_be_read_whole(client: httpx.AsyncClient, server: Server) -> None:
    async with client.stream("GET", server.url) as response:
        body = await response.aread()
    assert response.content == body
    assert json.loads(body)["method"] == "GET"


async def test_a_stream_may_be_left_unread(client: httpx.AsyncClient, server: Server) -> None:
    async with client.stream("GET", server.url) as response:
        pass
    assert response.status_code == 200
    with pytest.raises(httpx.ResponseNotRead):
        _ = response.content


async def test_a_stream_is_read_once(client: httpx.AsyncClient, server: Server) -> None:
    async with client.stream("GET", server.url) as response:
        assert b"".join([piece async for piece in response.aiter_raw()])
        with pytest.raises(httpx.StreamConsumed):
            await anext(response.aiter_raw())


async def test_lines(client: httpx.AsyncClient) -> None:
    async with (
        serving(answering(http(b"one\ntwo\nthree"))) as server,
        client.stream("GET", server.url) as response,
    ):
        assert [line async for line in response.aiter_lines()] == ["one", "two", "three"]


async def test_who_expects_to_be_told_to_go_on_is_told(client: httpx.AsyncClient) -> None:
    async def script(peer: Peer) -> None:
        await peer.head()
        await peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert await peer.reader.readexactly(5) == b"Hello"
        await peer.send(OK)
        await peer.end()

    async with serving(script) as server:
        response = await client.post(
            server.url, headers={"Expect": "100-continue"}, content=b"Hello"
        )
        assert (response.status_code, response.content) == (200, b"hello")


async def test_redirects_go_over_the_same_connection(client: httpx.AsyncClient) -> None:
    moved = http(b"gone there", b"Location: /there", status=b"302 Found")
    async with serving(answering(moved, OK)) as server:
        response = await client.get(server.url, follow_redirects=True)
        assert (response.content, len(response.history)) == (b"hello", 1)
        assert len(server.peers) == 1


async def test_a_client_closes_its_transport(server: Server) -> None:
    client = httpx.AsyncClient(transport=AsyncioTransport(ssl_context=client_context()))
    await client.get(server.url)
    assert not client.is_closed
    await client.aclose()
    await server.peers[0].left()
    with pytest.raises(RuntimeError):
        await client.get(server.url)
    with pytest.raises(RuntimeError):
        await client.__aenter__()


async def test_a_transport_may_be_mounted(transport: AsyncioTransport, server: Server) -> None:
    def elsewhere(_: httpx.Request) -> NoReturn:
        raise AssertionError("not for this transport")

    mounts = {"http://127.0.0.1": transport}
    elsewhere_too = httpx.MockTransport(elsewhere)
    async with httpx.AsyncClient(transport=elsewhere_too, mounts=mounts) as client:
        assert (await client.get(server.url)).status_code == 200


async def test_a_transport_belongs_to_one_block(server: Server) -> None:
    """httpx's client opens and closes a transport by `async with`."""
    async with AsyncioTransport() as transport:
        async with httpx.AsyncClient(transport=transport) as client:
            await client.get(server.url)
        with pytest.raises(RuntimeError, match="has been closed"):
            await transport.handle_async_request(httpx.Request("GET", server.url))


async def test_what_ends_the_reading_of_a_body_closes_its_connection(
    client: httpx.AsyncClient,
) -> None:
    async with serving(answering(http(b"hel", length=5))) as server:

        async def read() -> NoReturn:
            async with client.stream("GET", server.url) as response:
                await anext(response.aiter_raw())
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            await read()
        await server.peers[0].left()


async def test_timeouts_of_a_client_reach_the_transport(transport: AsyncioTransport) -> None:
    async def silent(peer: Peer) -> None:
        await peer.end()

    timeout = httpx.Timeout(None, read=0.01)
    async with serving(silent) as server:
        client = httpx.AsyncClient(transport=transport, timeout=timeout)
        with pytest.raises(httpx.ReadTimeout) as caught:
            await client.get(server.url)
        assert caught.value.request.url == server.url
