"""Fixtures: a database for a queue and a journal, and what is seen in it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from mediasflow_async.workers import Queue
from tests.support.local_postgres import PostgresServer


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[str]:
    """The URL of an empty database."""
    with postgres.new_database() as url:
        yield url


@pytest.fixture
async def queue(database: str) -> AsyncIterator[Queue]:
    """An empty queue in that database."""
    async with Queue.open(database) as opened:
        yield opened
