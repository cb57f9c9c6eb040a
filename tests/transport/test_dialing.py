"""How a connection comes about: names and addresses, TLS, Unix sockets."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest

from mediasflow_async._core.proof import Proof
from mediasflow_async.errors import Sent
from mediasflow_async.transport import AsyncioTransport
from tests.support.byte_servers import (
    OK,
    Peer,
    answering,
    new_client_context,
    new_server_context,
    refusing,
    server_context,
    serving,
)
from tests.support.transport_requests import fetch

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("nothing_left")]


async def not_reached(
    transport: httpx.AsyncBaseTransport,
    url: str,
    error: type[httpx.TransportError] = httpx.ConnectError,
    reason: str | None = None,
    **options: Any,
) -> None:
    """Check that a connection fails with an error, and that nothing was sent."""
    proof = Proof(is_trusted=True)
    with pytest.raises(error, match=reason):
        await fetch(transport, url, proof=proof, **options)
    assert proof.verdict is Sent.NOT_SENT


async def test_a_port_that_refuses(transport: AsyncioTransport) -> None:
    await not_reached(transport, f"http://127.0.0.1:{refusing()}/")


async def test_a_port_that_cannot_be(transport: AsyncioTransport) -> None:
    await not_reached(transport, "http://127.0.0.1:0/")


async def test_a_name_that_does_not_exist(transport: AsyncioTransport) -> None:
    await not_reached(transport, "http://nobody.invalid/")


async def test_a_name_that_cannot_be(transport: AsyncioTransport) -> None:
    await not_reached(transport, f"http://{'x' * 64}.invalid/")


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "ws://127.0.0.1/", "://127.0.0.1/"])
async def test_a_scheme_that_is_not_spoken(transport: AsyncioTransport, url: str) -> None:
    await not_reached(transport, url, httpx.UnsupportedProtocol, "neither http nor https")


@pytest.mark.parametrize("url", ["http:///", "https:///"])
async def test_no_host(transport: AsyncioTransport, url: str) -> None:
    await not_reached(transport, url, httpx.LocalProtocolError, "Host header is missing")
    named = {"Host": "127.0.0.1"}
    await not_reached(transport, url, httpx.UnsupportedProtocol, "no host", headers=named)


@pytest.mark.parametrize("tls", [None, server_context("::1")], ids=["plain", "tls"])
async def test_an_address_of_version_6(
    transport: AsyncioTransport, tls: ssl.SSLContext | None
) -> None:
    async with serving(answering(OK), host="::1", tls=tls) as server:
        assert "[::1]" in server.url
        assert (await fetch(transport, server.url)).content == b"hello"


async def test_a_name_is_looked_up(transport: AsyncioTransport) -> None:
    async with serving(answering(OK), name="localhost", tls=server_context()) as server:
        assert (await fetch(transport, server.url)).content == b"hello"


async def test_a_certificate_that_nobody_vouches_for() -> None:
    async with (
        serving(answering(OK), tls=server_context()) as server,
        AsyncioTransport(ssl_context=ssl.create_default_context()) as strict,
    ):
        await not_reached(strict, server.url, reason="CERTIFICATE_VERIFY_FAILED")


async def test_a_certificate_of_somebody_else(transport: AsyncioTransport) -> None:
    async with serving(answering(OK), tls=server_context("else.test")) as server:
        await not_reached(transport, server.url, reason="CERTIFICATE_VERIFY_FAILED")


async def test_httpxs_own_settings_are_the_default() -> None:
    async with (
        serving(answering(OK), tls=server_context()) as server,
        AsyncioTransport() as default,
    ):
        for _ in range(2):
            await not_reached(default, server.url, reason="CERTIFICATE_VERIFY_FAILED")


async def test_settings_that_cannot_be_made_are_a_connect_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "authorities.pem").write_text("no certificate at all")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authorities.pem"))
    async with AsyncioTransport() as default:
        await not_reached(default, f"https://127.0.0.1:{refusing()}/")


async def test_a_server_without_tls(transport: AsyncioTransport) -> None:
    async def plain(peer: Peer) -> None:
        await peer.reader.read(1)
        await peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with serving(plain) as server:
        await not_reached(transport, server.url.replace("http:", "https:"))


async def test_a_server_that_goes_while_tls_begins(transport: AsyncioTransport) -> None:
    async def gone(peer: Peer) -> None:
        await peer.reader.read(1)

    async with serving(gone) as server:
        await not_reached(transport, server.url.replace("http:", "https:"))


async def test_the_server_is_told_which_name_is_meant(transport: AsyncioTransport) -> None:
    names: list[str | None] = []
    context = new_server_context("localhost", "else.test")
    context.sni_callback = lambda _, name, __: names.append(name)
    async with serving(answering(OK), name="localhost", tls=context) as server:
        by_number = server.url.replace("localhost", "127.0.0.1")
        await fetch(transport, server.url)
        await fetch(transport, server.url, sni_hostname="else.test")
        await fetch(transport, by_number, sni_hostname="else.test")
    assert names == ["localhost", "else.test", "else.test"]


@pytest.mark.parametrize("name", [".", "a..b", "x" * 64])
async def test_a_name_that_tls_cannot_take(transport: AsyncioTransport, name: str) -> None:
    async with serving(answering(OK), tls=server_context()) as server:
        await not_reached(transport, server.url, sni_hostname=name)
        assert not server.peers


async def test_http_2_is_not_agreed_to() -> None:
    """Settings that a client of HTTP/2 uses too offer it; what it chooses we could not speak."""
    ours, theirs = new_client_context(), new_server_context()
    ours.set_alpn_protocols(["h2", "http/1.1"])
    async with AsyncioTransport(ssl_context=ours) as transport:
        theirs.set_alpn_protocols(["h2"])
        async with serving(answering(OK), tls=theirs) as server:
            await not_reached(transport, server.url, reason="more than HTTP/1.1")
        theirs.set_alpn_protocols(["http/1.1"])
        async with serving(answering(OK), tls=theirs) as server:
            assert (await fetch(transport, server.url)).content == b"hello"
