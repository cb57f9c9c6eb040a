"""These tests run on asyncio and on uvloop, and each of them looks at what it leaves behind."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from mediasflow_async.transport import AsyncioTransport
from tests.support.byte_servers import client_context
from tests.support.sessions import until

LOOPS = {"asyncio": False} if sys.platform == "win32" else {"asyncio": False, "uvloop": True}


@pytest.fixture(scope="module", params=LOOPS)
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, object]]:
    return "asyncio", {"use_uvloop": LOOPS[request.param]}


@pytest.fixture
async def nothing_left() -> AsyncIterator[None]:
    """Fail a test that leaves a task or a socket behind."""
    tasks, sockets = len(asyncio.all_tasks()), open_sockets()
    yield
    with anyio.fail_after(5):
        await until(lambda: len(asyncio.all_tasks()) <= tasks and open_sockets() <= sockets)


def open_sockets() -> int:
    """Return how many sockets this process has open, where the system tells."""
    listing = Path("/dev/fd")
    return sum(path.is_socket() for path in listing.iterdir()) if listing.exists() else 0


@pytest.fixture
async def transport(nothing_left: None) -> AsyncIterator[AsyncioTransport]:  # noqa: ARG001 - before it
    async with AsyncioTransport(ssl_context=client_context()) as transport:
        yield transport
