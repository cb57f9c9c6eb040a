"""Servers for the programs: each in a process of its own, on a free port of this machine."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from attrs import frozen

__all__ = ["Server", "free_port", "in_python", "nginx", "trusting"]

_PATIENCE_SECONDS: Final = 10.0
_TRIES: Final = 5
_IN_PYTHON: Final = Path(__file__).with_name("python_server.py")
_CERTIFICATE: Final = "ssl_certificate {folder}/chain.pem; ssl_certificate_key {folder}/chain.pem;"
_NGINX: Final = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/client;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    client_max_body_size 0;
    sendfile on;
    tcp_nodelay on;
    default_type application/json;
    geo $dollar {{ default "$"; }}
    server {{
        listen 127.0.0.1:{port}{tls};
        {certificate}
        location / {{ return 200 '{answer}'; }}
        location /files/ {{ alias {files}/; types {{ text/csv csv; }} }}
    }}
}}
"""


@frozen
class Server:
    """A running server.

    Attributes:
        name: which one it is, with its version.
        port: where it listens, at 127.0.0.1.
        ca: file with the certificate that signed the server's, or an empty text without TLS.
    """

    name: str
    port: int
    ca: str

    @property
    def url(self) -> str:
        """The address, with a closing slash."""
        return f"http{'s' if self.ca else ''}://127.0.0.1:{self.port}/"

    @property
    def settings(self) -> dict[str, Any]:
        """The address for contenders: `url`, `port` and `ca`."""
        return {"url": self.url, "port": self.port, "ca": self.ca}


def trusting(ca: str) -> ssl.SSLContext:
    """Return TLS settings for a client of a server with this `ca`."""
    return ssl.create_default_context(cafile=ca) if ca else ssl.create_default_context()


@contextmanager
def nginx(
    answer: bytes = b"{}", *, files: Path | None = None, uses_tls: bool = True
) -> Generator[Server]:
    """Run nginx, or where there is none, a server in Python, and say so.

    Args:
        answer: what every request gets, as JSON, without regard to method and path.
        files: folder that is served under `/files/`.
        uses_tls: whether it speaks TLS, with a certificate made for the occasion.
    """
    if shutil.which("nginx") is None:
        print("nginx is not installed: a server in Python stands in for it", file=sys.stderr)
        with in_python("fixed", answer, files=files, uses_tls=uses_tls) as server:
            yield server
        return
    with _certified(uses_tls=uses_tls) as folder:
        told = {
            "folder": folder,
            "files": files or folder / "none",
            "answer": _quoted(answer),
            "tls": " ssl" if uses_tls else "",
            "certificate": _CERTIFICATE.format(folder=folder) if uses_tls else "",
        }
        with _running(lambda port: _nginx_command(folder, told | {"port": port})) as port:
            yield Server(_nginx_version(), port, _ca(folder, uses_tls=uses_tls))


@contextmanager
def in_python(
    kind: str,
    answer: bytes,
    *,
    files: Path | None = None,
    uses_tls: bool = True,
    polls: bool = False,
) -> Generator[Server]:
    """Run a server of `python_server.py`.

    Args:
        kind: "prompt" for the fastest answer to small requests, "fixed" for uploads and files,
            "campaigns" for campaigns with numbers of their own.
        answer: the body of the answer; of a campaign, the number and the state are replaced.
        files: folder that `fixed` serves under `/files/`.
        uses_tls: as for `nginx`.
        polls: whether it never waits for its sockets, and so is never woken by a client.
    """
    with _certified(uses_tls=uses_tls) as folder:
        (folder / "answer").write_bytes(answer)
        told = {
            "kind": kind,
            "answer": str(folder / "answer"),
            "files": str(files or ""),
            "chain": str(folder / "chain.pem") if uses_tls else "",
            "polls": polls,
        }
        command = [sys.executable, str(_IN_PYTHON)]
        with _running(lambda port: [*command, json.dumps(told | {"port": port})]) as port:
            yield Server(f"asyncio, {kind}", port, _ca(folder, uses_tls=uses_tls))


@contextmanager
def _certified(*, uses_tls: bool) -> Generator[Path]:
    """Give an empty folder, or one with a certificate and the one that signed it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if uses_tls:
            import trustme

            authority = trustme.CA()
            authority.cert_pem.write_to_path(str(folder / "ca.pem"))
            chain = authority.issue_cert("127.0.0.1", "localhost").private_key_and_cert_chain_pem
            chain.write_to_path(str(folder / "chain.pem"))
        yield folder


def _ca(folder: Path, *, uses_tls: bool) -> str:
    return str(folder / "ca.pem") if uses_tls else ""


def _quoted(answer: bytes) -> str:
    escaped = answer.decode().replace("\\", "\\\\").replace("'", "\\'")
    return escaped.replace("$", "${dollar}")


def _nginx_command(folder: Path, told: dict[str, Any]) -> Sequence[str]:
    configuration = folder / "nginx.conf"
    configuration.write_text(_NGINX.format(**told), encoding="utf-8")
    return ["nginx", "-p", str(folder), "-e", "stderr", "-c", str(configuration)]


def _nginx_version() -> str:
    told = subprocess.run(["nginx", "-v"], check=True, capture_output=True, text=True).stderr  # noqa: S607 - wherever it is installed
    return told.strip().rpartition(" ")[2]


@contextmanager
def _running(command_for: Callable[[int], Sequence[str]]) -> Generator[int]:
    """Run a server on a free port, and end it with the block."""
    for _ in range(_TRIES):
        port = free_port()
        process = subprocess.Popen(command_for(port), stdin=subprocess.PIPE)
        try:
            if _accepts(process, port):
                yield port
                return
        finally:
            process.terminate()
            process.wait()
    raise SystemExit("the server does not start")


def free_port() -> int:
    """Return a port of 127.0.0.1 where nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def _accepts(process: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until the process accepts connections; False when it ended instead."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while process.poll() is None and time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.01)
        else:
            return True
    return False
