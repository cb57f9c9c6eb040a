"""A proxy before PostgreSQL that loses answers after the server has executed the statement."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit

from attrs import define, field

__all__ = ["LossyProxy"]

_PIECE_BYTES: Final = 2**16


async def _nothing() -> None:
    pass


@define
class _Loss:
    """An answer that will be lost."""

    statement: bytes
    meanwhile: Callable[[], Awaitable[object]]
    is_silent: bool


@define(eq=False)
class LossyProxy:
    """Stands between a journal and its server."""

    _port: int
    _losses: list[_Loss] = field(factory=list)

    @classmethod
    @asynccontextmanager
    async def to(cls, url: str) -> AsyncIterator[tuple[LossyProxy, str]]:
        """Give a proxy to the server of an address, and the address that goes through it."""
        port = urlsplit(url).port or 0
        proxy = cls(port)
        server = await asyncio.start_server(proxy._connected, "127.0.0.1", 0)
        own_port = server.sockets[0].getsockname()[1]
        async with server:
            yield proxy, url.replace(f":{port}/", f":{own_port}/")

    def lose(
        self,
        statement: bytes,
        meanwhile: Callable[[], Awaitable[object]] = _nothing,
        *,
        is_silent: bool = False,
    ) -> None:
        """Lose the answer to the next statement that begins so, after those before it.

        Args:
            statement: its beginning.
            meanwhile: awaited when the server has done it, before the connection is cut.
            is_silent: leave the connection open, without a word, rather than cut it.
        """
        self._losses.append(_Loss(statement, meanwhile, is_silent))

    @property
    def has_lost_all(self) -> bool:
        """Whether all that was to be lost is lost."""
        return not self._losses

    async def _connected(self, reader: StreamReader, writer: StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            await self._pass_on(reader, to_server, from_server, writer)
        except ConnectionError:
            # Either side may leave as it likes.
            pass
        finally:
            to_server.close()
            writer.close()

    async def _pass_on(
        self, ask: StreamReader, asked: StreamWriter, answer: StreamReader, answered: StreamWriter
    ) -> None:
        asking = asyncio.create_task(ask.read(_PIECE_BYTES))
        answering = asyncio.create_task(answer.read(_PIECE_BYTES))
        loss: _Loss | None = None
        while True:
            await asyncio.wait([asking, answering], return_when=asyncio.FIRST_COMPLETED)
            if asking.done():
                if not (question := asking.result()):
                    answering.cancel()
                    return
                loss = loss or self._loss_of(question)
                asked.write(question)
                asking = asyncio.create_task(ask.read(_PIECE_BYTES))
            if answering.done():
                reply = answering.result()
                if not reply or (loss and await self._is_cut(loss)):
                    asking.cancel()
                    return
                if loss is None:
                    answered.write(reply)
                answering = asyncio.create_task(answer.read(_PIECE_BYTES))

    def _loss_of(self, question: bytes) -> _Loss | None:
        is_meant = self._losses and self._losses[0].statement in question
        return self._losses.pop(0) if is_meant else None

    async def _is_cut(self, loss: _Loss) -> bool:
        await loss.meanwhile()
        return not loss.is_silent
