"""The server of the soak in a process of its own."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Final

import httpx
from attrs import frozen

from tests.soak.api import LEDGER
from tests.soak.faults import Faults
from tests.soak.ledger import Statement
from tests.soak.orphans import end_with
from tests.soak.server import Server

__all__ = ["Address", "serving"]

_ASK_AGAIN_SECONDS: Final = 0.05


@frozen
class Address:
    """Where a server is.

    Attributes:
        origin: its address.
    """

    origin: str

    @property
    def base_url(self) -> str:
        """The address of the API."""
        return f"{self.origin}/v1/"

    async def statement(self) -> Statement:
        """Return the ledger, once nothing is waiting to be processed late."""
        async with httpx.AsyncClient(base_url=self.origin, trust_env=False) as client:
            while True:
                statement: Statement = (await client.get(LEDGER)).json()
                if not statement["pending"]:
                    return statement
                await asyncio.sleep(_ASK_AGAIN_SECONDS)


@contextmanager
def serving(faults: Faults, latest: float) -> Iterator[Address]:
    """Run a server in a process of its own.

    Args:
        faults: what it does to requests.
        latest: how many seconds after a client gave up a request may still be processed.
    """
    fork = multiprocessing.get_context("fork")
    ours, theirs = fork.Pipe()
    given = (os.getpid(), faults, latest, theirs)
    process = fork.Process(target=_serve, args=given, daemon=True)
    process.start()
    try:
        yield Address(f"http://127.0.0.1:{ours.recv()}")
    finally:
        process.kill()
        process.join()


def _serve(parent: int, faults: Faults, latest: float, line: Connection) -> None:
    end_with(parent)
    asyncio.run(_serve_for_ever(Server(faults=faults, latest=latest), line))


async def _serve_for_ever(server: Server, line: Connection) -> None:
    listening = await server.listen()
    line.send(listening.sockets[0].getsockname()[1])
    await listening.serve_forever()
