"""The server of the soak: real sockets, and what the seed says is broken on them."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import httptools
from attrs import define, field

from tests.soak.api import LEDGER, Api, ApiCall
from tests.soak.faults import Fault, Faults, Hit
from tests.soak.ledger import Ledger
from tests.soak.replies import FAILED, LIMITED, broken, json_reply, odd

__all__ = ["Server"]

_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
_TRICKLE_BYTES: Final = 8
_SLOWEST_TRICKLE_SECONDS: Final = 0.05


@define(eq=False, kw_only=True)
class Server:
    """Answers requests, or breaks them.

    Attributes:
        faults: what it does to requests.
        latest: how many seconds after a client gave up a request may still be processed.
        ledger: what it has.
    """

    faults: Faults
    latest: float
    ledger: Ledger = field(factory=Ledger)
    api: Api = field(init=False)
    _seen: Counter[str] = field(factory=Counter)

    def __attrs_post_init__(self) -> None:
        self.api = Api(self.ledger)

    async def listen(self) -> asyncio.Server:
        """Take connections, on any port of the loopback interface."""
        loop = asyncio.get_running_loop()
        return await loop.create_server(lambda: _Line(self), "127.0.0.1", 0, backlog=1024)

    def hit(self, call: ApiCall) -> Hit | None:
        """Return what is done to a request that has come in, and write it down."""
        name = f"{call.operation}/{call.about}"
        hit = self.faults.hitting(name, self._seen[name])
        self._seen[name] += 1
        self.ledger.requests[call.operation] += 1
        if hit is not None:
            self.ledger.faults[hit.fault] += 1
        return hit

    def process_later(self, call: ApiCall, part: float) -> None:
        """Process a request for which nobody waits any more."""
        loop = asyncio.get_running_loop()
        given_up = loop.time()

        def process() -> None:
            call.process()
            self.ledger.pending -= 1
            self.ledger.latest = max(self.ledger.latest, loop.time() - given_up)

        self.ledger.pending += 1
        loop.call_later(part * self.latest, process)


class _Line(asyncio.Protocol):
    """One connection."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._parser = httptools.HttpRequestParser(self)
        self._target = b""
        self._body = b""
        self._when_lost: Callable[[], object] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.abort()

    def connection_lost(self, _: Exception | None) -> None:
        if self._when_lost is not None:
            self._when_lost()

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        method, target, body = self._parser.get_method(), self._target, self._body
        self._target = self._body = b""
        if target == LEDGER.encode():
            self._transport.write(json_reply(self._server.ledger.statement()))
            return
        call = self._server.api.call_of(method.decode(), target.decode(), body)
        hit = self._server.hit(call)
        if hit is None:
            self._transport.write(call.process())
        else:
            self._spoil(call, hit)

    def _spoil(self, call: ApiCall, hit: Hit) -> None:
        whole = call.process() if hit.fault.processes else b""
        match hit.fault:
            case Fault.LATE:
                self._when_lost = lambda: self._server.process_later(call, hit.part)
            case Fault.SILENT_BEFORE | Fault.SILENT_AFTER:
                pass
            case Fault.RESET_BEFORE | Fault.RESET_AFTER:
                self._reset()
            case Fault.CLOSED_BEFORE:
                self._transport.close()
            case Fault.LIMITED:
                self._transport.write(LIMITED)
            case Fault.FAILED_BEFORE | Fault.FAILED_AFTER:
                self._transport.write(FAILED)
            case Fault.ODD_BEFORE | Fault.ODD_AFTER:
                is_report = call.operation == "report"
                self._transport.write(odd(hit.part, call.number, is_report=is_report))
            case Fault.TRICKLED:
                self._trickle(whole, hit.part * _SLOWEST_TRICKLE_SECONDS)
            case _:
                self._transport.write(broken(hit.fault, whole))
                self._transport.close()

    def _reset(self) -> None:
        connection = self._transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()

    def _trickle(self, rest: bytes, pause: float) -> None:
        if rest and not self._transport.is_closing():
            self._transport.write(rest[:_TRICKLE_BYTES])
            further = rest[_TRICKLE_BYTES:]
            asyncio.get_running_loop().call_later(pause, self._trickle, further, pause)
