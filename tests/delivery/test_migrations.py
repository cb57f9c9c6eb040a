"""A journal of an earlier version is brought up to date, one of a later version left alone."""

from __future__ import annotations

from datetime import timedelta

import anyio
import pytest

from mediasflow_async.delivery import Journal, JournalError, sql
from mediasflow_async.delivery.sql import MIGRATIONS
from tests.support.journals import claimed, kept
from tests.support.raw_journal import asked

pytest_plugins = ["tests.support.journal_fixtures", "tests.support.postgres_fixtures"]
pytestmark = pytest.mark.anyio

NEXT = (
    *MIGRATIONS,
    (
        "CREATE TABLE mediasflow_notes (moment {timestamp} NOT NULL)",
        "INSERT INTO mediasflow_notes (moment) VALUES ({epoch})",
    ),
)


@pytest.fixture
def next_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that knows one version more."""
    monkeypatch.setattr(sql, "MIGRATIONS", NEXT)


async def _open(url: str) -> None:
    async with Journal.open(url):
        pass


async def _open_by_many(url: str) -> None:
    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(_open, url)


async def test_a_journal_is_made_once_by_those_who_open_it_at_once(journal_url: str) -> None:
    await _open_by_many(journal_url)
    assert asked(journal_url, "SELECT version FROM mediasflow_journal") == [(len(MIGRATIONS),)]


async def test_an_earlier_version_is_brought_up_to_date_and_loses_nothing(
    journal_url: str, request: pytest.FixtureRequest
) -> None:
    async with Journal.open(journal_url) as journal:
        entry = await claimed(journal)
        salt = journal.salt
    request.getfixturevalue("next_version")
    await _open_by_many(journal_url)
    assert asked(journal_url, "SELECT version FROM mediasflow_journal") == [(len(NEXT),)]
    assert asked(journal_url, "SELECT count(*) FROM mediasflow_notes") == [(1,)]
    async with Journal.open(journal_url) as journal:
        assert journal.salt == salt
        assert (await kept(journal)).owner == entry.owner


async def test_a_later_version_is_left_alone(journal_url: str) -> None:
    await _open(journal_url)
    asked(journal_url, "UPDATE mediasflow_journal SET version = 99")
    with pytest.raises(JournalError, match="version 99") as refused:
        await _open(journal_url)
    assert "nothing was changed" in str(refused.value.next_step)
    assert asked(journal_url, "SELECT version FROM mediasflow_journal") == [(99,)]


IN_2099 = {
    "sqlite": "UPDATE mediasflow_pace SET next_slot = 4077302400000000",
    "postgresql": "UPDATE mediasflow_pace SET next_slot = timestamptz '2099-03-16'",
}


def _poison(url: str) -> None:
    """Let no request leave before the year 2099."""
    asked(url, IN_2099[url.partition(":")[0]])


async def test_a_journal_that_lets_nothing_leave_for_years_is_mended(journal_url: str) -> None:
    await _open(journal_url)
    _poison(journal_url)
    asked(journal_url, "UPDATE mediasflow_journal SET version = 2")
    async with Journal.open(journal_url) as journal:
        assert await journal.pace(10) == timedelta(0)


async def test_a_departure_in_years_is_taken_for_damage(journal_url: str) -> None:
    async with Journal.open(journal_url) as journal:
        _poison(journal_url)
        assert await journal.pace(10) == timedelta(0)
        assert timedelta(0) < await journal.pace(10) <= timedelta(seconds=0.1)
