"""Faults before the first byte of HTTP: on the way to TLS, and in the tunnel of a proxy."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, partial
from typing import Final

import trustme
from attrs import frozen

from tests.faults.misbehaving import Peer, Script
from tests.faults.rows import Row, answered_well, in_doubt, launch_well, not_sent
from tests.support.byte_servers import client_context, http, server_context
from tests.support.sessions import WITHOUT_TLS

__all__ = ["BARE_ROWS", "HOST", "PROXY_ROWS", "TLS_CASES", "TlsCase"]

HOST: Final = "mediasflow.example"
"""What proxies are asked for."""

_TLS_1_2: Final = ssl.TLSVersion.TLSv1_2
_TLS_1_3: Final = ssl.TLSVersion.TLSv1_3
_OPENED: Final = b"HTTP/1.1 200 Connection established\r\n\r\n"
_HELLO_BYTES: Final = 5


@frozen
class TlsCase:
    """A handshake that fails though both sides speak TLS.

    Attributes:
        server: gives the settings of the server.
        client: gives those of the session.
    """

    server: Callable[[], ssl.SSLContext]
    client: Callable[[], ssl.SSLContext] = client_context


def _expired() -> ssl.SSLContext:
    past = datetime(2020, 1, 1, tzinfo=UTC)
    certificate = _authority().issue_cert("127.0.0.1", not_before=past, not_after=past)
    return _server_with(certificate)


@cache
def _authority() -> trustme.CA:
    return trustme.CA()


def _server_with(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def _trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _authority().configure_trust(context)
    return context


def _old_server() -> ssl.SSLContext:
    context = _server_with(_authority().issue_cert("127.0.0.1"))
    context.maximum_version = _TLS_1_2
    return context


def _new_client() -> ssl.SSLContext:
    context = _trusting()
    context.minimum_version = _TLS_1_3
    return context


def _asking_for_a_certificate() -> ssl.SSLContext:
    context = _old_server()
    _authority().configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


TLS_CASES: Final[dict[str, TlsCase]] = {
    "an authority that is not trusted": TlsCase(server_context, lambda: WITHOUT_TLS),
    "a certificate of another host": TlsCase(lambda: server_context("other.example")),
    "a certificate of the past": TlsCase(_expired, _trusting),
    "no version in common": TlsCase(_old_server, _new_client),
    "a certificate that the client lacks": TlsCase(_asking_for_a_certificate, _trusting),
}


def after_hello(ending: Script, answer: bytes = b"") -> Script:
    """Wait for the client to begin its handshake, and do something else."""

    async def does(peer: Peer) -> None:
        await peer.read(_HELLO_BYTES)
        await peer.send(answer)
        await ending(peer)

    return does


_BARE: Final[dict[str, tuple[Script, bool]]] = {
    "a close before the handshake": (Peer.close, True),
    "a reset before the handshake": (Peer.reset, True),
    "a close in the handshake": (after_hello(Peer.close), True),
    "a reset in the handshake": (after_hello(Peer.reset), True),
    "silence in the handshake": (after_hello(Peer.stall), False),
    "plain HTTP in the handshake": (
        after_hello(Peer.close, http(b"{}", status=b"400 Bad Request")),
        True,
    ),
    "garbage in the handshake": (after_hello(Peer.close, b"\0" * 64), True),
    "half a record and a close": (after_hello(Peer.close, b"\x16\x03\x03\x00\x7a\x02"), True),
    "half a record and silence": (after_hello(Peer.stall, b"\x16\x03\x03\x00\x7a\x02"), False),
    "an alert in the handshake": (after_hello(Peer.close, b"\x15\x03\x03\x00\x02\x02\x28"), True),
}

BARE_ROWS: Final[dict[str, Row]] = {
    name: not_sent(does, in_time=in_time) for name, (does, in_time) in _BARE.items()
}


def tunnelling(inside: Script, answer: bytes = _OPENED) -> Script:
    """Answer the CONNECT of a client, and go on."""

    async def does(peer: Peer) -> None:
        await peer.other_request()
        await peer.send(answer)
        await inside(peer)

    return does


def bare(inside: Script) -> Script:
    """Open the tunnel to something that is no server of TLS."""

    async def does(peer: Peer) -> None:
        peer.start_bare_tls()
        await inside(peer)

    return tunnelling(does)


def encrypted(inside: Script, *names: str) -> Script:
    """Open the tunnel to a server of TLS."""

    async def does(peer: Peer) -> None:
        await peer.start_tls(server_context(*(names or (HOST,))))
        await inside(peer)

    return tunnelling(does)


async def read_and(ending: Script, peer: Peer) -> None:
    await peer.launch()
    await ending(peer)


async def process_and(ending: Script, peer: Peer) -> None:
    await peer.launch()
    peer.process()
    await ending(peer)


async def half_a_connect(ending: Script, peer: Peer) -> None:
    await peer.read(1)
    peer.forget()
    await ending(peer)


PROXY_ROWS: Final[dict[str, Row]] = {
    **{
        f"a proxy that answers {status.decode()}": not_sent(
            tunnelling(Peer.close, http(status=status))
        )
        for status in (
            b"302 Found",
            b"403 Forbidden",
            b"407 Proxy Authentication Required",
            b"429 Too Many Requests",
            b"502 Bad Gateway",
            b"503 Service Unavailable",
            b"504 Gateway Timeout",
        )
    },
    "a proxy that closes": not_sent(tunnelling(Peer.close, b"")),
    "a proxy that resets": not_sent(tunnelling(Peer.reset, b"")),
    "a proxy that is silent": not_sent(tunnelling(Peer.stall, b""), in_time=False),
    "a proxy that closes with half a status line": not_sent(tunnelling(Peer.close, b"HTTP/1.1 2")),
    "a proxy that is silent with half a head": not_sent(
        tunnelling(Peer.stall, b"HTTP/1.1 200 OK\r\n"), in_time=False
    ),
    "a proxy that talks nonsense": not_sent(tunnelling(Peer.close, b"no proxy here\r\n\r\n")),
    "a tunnel whose end closes": not_sent(bare(Peer.close)),
    "a tunnel whose end resets": not_sent(bare(Peer.reset)),
    "a tunnel whose end closes in the handshake": not_sent(bare(after_hello(Peer.close))),
    "a tunnel whose end resets in the handshake": not_sent(bare(after_hello(Peer.reset))),
    "a tunnel whose end is silent in the handshake": not_sent(
        bare(after_hello(Peer.stall)), in_time=False
    ),
    "a tunnel to another host": not_sent(encrypted(launch_well, "other.example")),
    "a tunnel that is reset after the request": in_doubt(encrypted(partial(read_and, Peer.reset))),
    "a tunnel that is closed after processing": in_doubt(
        encrypted(partial(process_and, Peer.close)), processed=1
    ),
    "a tunnel that is silent after processing": in_doubt(
        encrypted(partial(process_and, Peer.stall)), processed=1
    ),
    "a tunnel that holds": answered_well(encrypted(launch_well)),
}
