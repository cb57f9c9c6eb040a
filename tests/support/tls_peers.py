"""A server with TLS under many names, and a proxy that tunnels to it, on threads of their own."""

from __future__ import annotations

import select
import socket
import ssl
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, cast

import trustme

__all__ = ["NAMES", "Proxy", "everything_here", "proxy", "tls_server"]

ADDRESS: Final = "127.0.0.1"
NAMES: Final = ("mediasflow.test", "api.mediasflow.test", "10.1.2.3", "2001:db8::1")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""


class _Answering(_Handler):
    """Answers a GET with an empty list; after one of ``/close`` it closes the connection."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        if self.path == "/close":
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"[]")


class Proxy(ThreadingHTTPServer):
    """A proxy that opens tunnels to this machine, whatever host it is asked for.

    Attributes:
        tunnels: what was asked for, as host and port.
        logins: the `Proxy-Authorization` of each.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((ADDRESS, 0), _Tunnelling)
        self.tunnels: list[str] = []
        self.logins: list[str | None] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Tunnelling(_Handler):
    def do_CONNECT(self) -> None:
        proxy = cast("Proxy", self.server)
        proxy.tunnels.append(self.path)
        proxy.logins.append(self.headers["Proxy-Authorization"])
        self.close_connection = True
        port = int(self.path.rpartition(":")[2])
        with socket.create_connection((ADDRESS, port)) as there:
            self.send_response(200)
            self.end_headers()
            _pump(self.connection, there)


def _pump(one: socket.socket, other: socket.socket) -> None:
    while True:
        for ready in select.select([one, other], [], [])[0]:
            data = ready.recv(65536)
            if not data:
                return
            (other if ready is one else one).sendall(data)


@contextmanager
def _served(server: ThreadingHTTPServer) -> Generator[None]:
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def tls_server(folder: Path) -> Generator[int]:
    """Serve https, and write the certificate that makes it trusted to `authority.pem`.

    Yields:
        The port.
    """
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "authority.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*NAMES, ADDRESS).configure_cert(context)
    server = ThreadingHTTPServer((ADDRESS, 0), _Answering)
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    with _served(server):
        yield int(server.server_address[1])


@contextmanager
def proxy() -> Generator[Proxy]:
    """Run a proxy."""
    server = Proxy()
    with _served(server):
        yield server


def everything_here(real: Callable[..., Any]) -> Callable[..., Any]:
    """Return a `getaddrinfo` for which every host is this machine."""

    def resolve(_: object, port: object, __: int = 0, *further: int, **options: Any) -> Any:
        return real(ADDRESS, port, socket.AF_INET, *further, **options)

    return resolve
