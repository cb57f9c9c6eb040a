"""Two senders over one real journal, in each store, while the server misbehaves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import anyio
import pytest

from mediasflow_async.delivery import Journal, Sender, State
from mediasflow_async.sandbox import Fault, Sandbox
from tests.support.senders import launches, request_for, sending
from tests.support.sessions import Connect

pytest_plugins = [
    "tests.support.session_fixtures",
    "tests.support.journal_fixtures",
    "tests.support.postgres_fixtures",
]
pytestmark = pytest.mark.anyio

FAULTS: list[dict[str, Any]] = [
    {"operation": "prepare", "drop": True},
    {"operation": "prepare", "status": 503, "when": "after"},
    {"operation": "launch", "drop": True},
    {"operation": "launch", "reset": True, "when": "after"},
    {"operation": "launch", "status": 502, "when": "late", "delay": timedelta(seconds=0.2)},
    {"operation": "launch", "status": 429, "headers": {"Retry-After": "0"}},
    {"operation": "sender", "drop": True},
    {"operation": "report_csv", "status": 500},
]


@asynccontextmanager
async def sending_from(url: str, connect: Connect) -> AsyncIterator[Sender]:
    """Open what one process would."""
    async with Journal.open(url) as journal, sending(connect(), journal, settle=0.4) as sender:
        yield sender


async def test_every_key_is_launched_once(
    sandbox: Sandbox, connect: Connect, journal_url: str
) -> None:
    async def send_all(sender: Sender) -> None:
        pairs = ((f"order-{number}", request_for(str(number))) for number in range(30))
        async for outcome in sender.send_many(pairs):
            assert outcome.unwrap().is_launched

    for number, fault in enumerate(FAULTS):
        sandbox.faults.add(Fault(skip=number, times=2, **fault))
    async with (
        sending_from(journal_url, connect) as one,
        sending_from(journal_url, connect) as other,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(send_all, one)
        tasks.start_soon(send_all, other)
    async with Journal.open(journal_url) as journal:
        assert (await journal.counts())[State.LAUNCHED] == 30
        assert await journal.check() == []
    assert launches(sandbox) == [1] * 30
