"""A question about a launch has its end, whatever the server does with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from mediasflow_async import DeliveryUnknown, RetryPolicy
from mediasflow_async.delivery import State
from tests.soak.replies import json_reply
from tests.support.senders import memory_journal, request_for, sending
from tests.support.sessions import session_with

pytestmark = pytest.mark.anyio

ONCE = RetryPolicy.off()
DRAFT = json_reply({"id": 7, "status": "DRAFT"})
LAUNCHED = json_reply({"id": 7, "status": "INPROGRESS"})
ENDLESS = b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nConnection: close\r\n\r\n"


class Trickling:
    """A server whose reports never end, and that loses the first launches.

    Args:
        sender: the answer to the question whether it is a draft; None for a trickle.
        lost: how many launches it does not answer.
    """

    def __init__(self, sender: bytes | None, lost: int) -> None:
        self._sender = sender
        self._lost = lost
        self._serving: set[asyncio.Task[object]] = set()
        self.launches = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        async with await asyncio.start_server(self._serve, "127.0.0.1", 0) as server:
            try:
                yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            finally:
                for task in self._serving:
                    task.cancel()
                await asyncio.gather(*self._serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if task := asyncio.current_task():
            self._serving.add(task)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await self._answer(head, await self._body(head, reader), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.transport.abort()

    async def _body(self, head: bytes, reader: asyncio.StreamReader) -> bytes:
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        return await reader.readexactly(int(length or 0))

    async def _answer(self, head: bytes, body: bytes, writer: asyncio.StreamWriter) -> None:
        if b'"startNow":true' in body.replace(b" ", b""):
            self.launches += 1
            if self.launches <= self._lost:
                raise ConnectionResetError
            writer.write(LAUNCHED)
        elif b"/sender" in head and self._sender is not None:
            writer.write(self._sender)
        elif b"/sender" in head or b"/report" in head:
            writer.write(ENDLESS)
            while True:
                writer.write(b"REF_LIST")
                await writer.drain()
                await asyncio.sleep(0.01)
        else:
            writer.write(DRAFT)


async def test_a_report_that_never_ends_leaves_the_state_to_decide() -> None:
    server = Trickling(DRAFT, lost=1)
    async with server.running() as url:
        with anyio.fail_after(20):
            async with sending(session_with(url), lease=1) as sender:
                receipt = await sender.send("order-1", request_for())
    assert (receipt.state, receipt.launches, server.launches) == (State.LAUNCHED, 2, 2)


async def test_questions_that_never_end_count_as_unanswered() -> None:
    server, journal = Trickling(None, lost=9), memory_journal()
    async with server.running() as url:
        with anyio.fail_after(20):
            async with sending(session_with(url), journal, lease=1, retry=ONCE) as sender:
                with pytest.raises(DeliveryUnknown, match="could not be asked"):
                    await sender.send("order-1", request_for())
    entry = journal.kept["order-1"]
    assert (entry.state, entry.owner, server.launches) == (State.LAUNCHING, None, 1)
