"""Fixtures: journals in each store, since what one of them promises, all do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mediasflow_async.delivery.journal import Journal
from tests.support.journals import sqlite_url


@pytest.fixture(params=["sqlite", "postgres"])
def journal_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a journal that does not exist yet."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
async def journal(journal_url: str) -> AsyncIterator[Journal]:
    """An empty journal."""
    async with Journal.open(journal_url) as opened:
        yield opened
