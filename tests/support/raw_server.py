"""A server on a real socket that answers with whatever bytes a test wants, or not at all."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from enum import Enum, auto
from typing import Final

from attrs import field, frozen

_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
_HEAD_END: Final = b"\r\n\r\n"


class Silence(Enum):
    """What a server can do instead of answering."""

    RESET = auto()
    """Reset the connection."""
    HANG = auto()
    """Keep the connection open and say nothing until the server ends."""


RESET: Final = Silence.RESET
HANG: Final = Silence.HANG


@frozen
class RawRequest:
    """A request as it came in, credentials included."""

    method: str
    target: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    names: tuple[str, ...] = field(repr=False)
    """The names of the headers, each as often as it came."""


Answer = bytes | Silence
Answering = Callable[[RawRequest], Answer]


def http(
    status: int = 200,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    length: int | None = None,
) -> bytes:
    """Return an answer's bytes; `length` is announced instead of the body's own."""
    lines = [
        f"HTTP/1.1 {status} Anything",
        f"Content-Length: {len(body) if length is None else length}",
    ]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "Connection: close"]).encode() + _HEAD_END + body


def http_json(status: int = 200, data: object = None, **headers: str) -> bytes:
    """Return an answer in JSON; `retry_after` becomes the header of that name."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return http(status, json.dumps(data).encode(), {"Content-Type": "application/json", **names})


class RawServer:
    """Takes one request per connection, records it, and answers as told.

    Args:
        answering: gives the answer to each request, or answers for them in turn, the last one
            for all that follow.
        keeps_open: leave a connection open after the answer, until the server ends.
    """

    def __init__(self, answering: Answering | list[Answer], *, keeps_open: bool = False) -> None:
        self._keeps_open = keeps_open
        self._answering = _in_turn(answering) if isinstance(answering, list) else answering
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._refusing = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._serving: list[tuple[threading.Thread, socket.socket]] = []
        self._under_way = 0
        self.requests: list[RawRequest] = []
        self.connections = 0
        self.most_at_once = 0

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @contextmanager
    def running(self) -> Generator[RawServer, None, None]:
        accepting = threading.Thread(target=self._accept, daemon=True)
        accepting.start()
        try:
            yield self
        finally:
            self._stop()
            accepting.join()
            for thread, connection in self._serving:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
                thread.join()

    def refuse(self) -> None:
        """Refuse every further connection."""
        self._refusing.set()
        # Shutting it down wakes `accept`, which closing it would not.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _stop(self) -> None:
        self._stopping.set()
        self.refuse()

    def _accept(self) -> None:
        while not self._refusing.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._serving.append((thread, connection))
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            request = _read(connection)
            with self._lock:
                self.connections += 1
            if request is None:
                return
            with self._counted(request):
                answer = self._answering(request)
            self._give(connection, answer)

    @contextmanager
    def _counted(self, request: RawRequest) -> Generator[None, None, None]:
        with self._lock:
            self.requests.append(request)
            self._under_way += 1
            self.most_at_once = max(self.most_at_once, self._under_way)
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= 1

    def _give(self, connection: socket.socket, answer: Answer) -> None:
        if answer is HANG:
            self._stopping.wait()
        elif answer is RESET:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        elif isinstance(answer, bytes):
            connection.sendall(answer)
            if self._keeps_open:
                self._stopping.wait()


def _in_turn(answers: list[Answer]) -> Answering:
    left = list(answers)
    lock = threading.Lock()

    def answer(_: RawRequest) -> Answer:
        with lock:
            return left.pop(0) if len(left) > 1 else left[0]

    return answer


def _read(connection: socket.socket) -> RawRequest | None:
    data = b""
    while _HEAD_END not in data:
        piece = connection.recv(65536)
        if not piece:
            return None
        data += piece
    head, _, body = data.partition(_HEAD_END)
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = [line.partition(":") for line in lines]
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    while len(body) < int(headers.get("content-length", 0)):
        piece = connection.recv(65536)
        if not piece:
            return None
        body += piece
    method, target, _ = first.split(" ", 2)
    return RawRequest(method, target, headers, body, tuple(name.lower() for name, _, _ in pairs))


@contextmanager
def unused_port() -> Generator[int, None, None]:
    """Give a port on which nothing listens, kept from everyone else meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield int(bound.getsockname()[1])
