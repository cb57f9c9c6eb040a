"""A journal on PostgreSQL whose server goes away, or whose answers do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import quote

import anyio.to_thread
import pytest

from mediasflow_async.delivery import Journal, JournalError, State
from mediasflow_async.delivery import postgres as pool
from mediasflow_async.delivery.postgres import Address
from tests.support.journals import LONG, OVER, claimed, kept, moved
from tests.support.local_postgres import PASSWORD, PostgresServer
from tests.support.lossy_proxy import LossyProxy

pytest_plugins = ["tests.support.postgres_fixtures"]
pytestmark = pytest.mark.anyio

CLAIM = b"INSERT INTO mediasflow_entries"
UPDATE = b"UPDATE mediasflow_entries"
TAKE = b"WITH free AS"
PACE = b"UPDATE mediasflow_pace"
GET = b"SELECT key, digest"


@pytest.fixture
async def lossy(postgres_url: str) -> AsyncIterator[tuple[LossyProxy, Journal]]:
    """A journal behind a proxy."""
    async with LossyProxy.to(postgres_url) as (proxy, url), Journal.open(url) as journal:
        yield proxy, journal


async def test_what_was_done_is_known_when_the_answer_is_lost(
    lossy: tuple[LossyProxy, Journal],
) -> None:
    proxy, journal = lossy
    proxy.lose(CLAIM)
    entry = await claimed(journal)
    assert (entry.state, entry.owner) == (State.NEW, "owner")
    for state in (State.PREPARED, State.LAUNCHING, State.LAUNCHING):
        proxy.lose(UPDATE)
        entry = await moved(journal, entry, state)
    assert (entry.state, entry.launches) == (State.LAUNCHING, 2)
    proxy.lose(UPDATE)
    renewed = await journal.renew(entry, 2 * LONG)
    assert renewed is not None
    proxy.lose(UPDATE)
    free = await journal.release(renewed)
    assert free is not None
    proxy.lose(TAKE)
    before = await journal.now() + LONG
    taken = await journal.take(owner="next", lease=LONG, limit=5, before=before)
    assert [one.owner for one in taken] == ["next"]
    assert proxy.has_lost_all


async def test_what_was_not_to_be_is_still_refused_when_the_answer_is_lost(
    lossy: tuple[LossyProxy, Journal],
) -> None:
    proxy, journal = lossy
    entry = await claimed(journal)
    await moved(journal, entry, State.PREPARED)
    proxy.lose(UPDATE)
    assert await journal.move(entry, State.REJECTED) is None
    assert (await kept(journal)).state is State.PREPARED
    assert proxy.has_lost_all


async def test_an_entry_that_another_took_meanwhile_is_not_ones_own(
    postgres_url: str, lossy: tuple[LossyProxy, Journal]
) -> None:
    proxy, journal = lossy
    entry = await moved(journal, await claimed(journal), State.PREPARED)
    async with Journal.open(postgres_url) as other:

        async def take_over() -> None:
            taken = await claimed(other, owner="other")
            assert taken.owner == "other"

        proxy.lose(UPDATE, take_over)
        assert await journal.renew(entry, OVER) is None
        assert (await kept(journal)).owner == "other"


async def test_a_departure_whose_answer_is_lost_is_lost(lossy: tuple[LossyProxy, Journal]) -> None:
    proxy, journal = lossy
    proxy.lose(PACE)
    wait = await journal.pace(0.01)
    assert timedelta(seconds=90) < wait <= timedelta(seconds=100)
    proxy.lose(b"DELETE FROM mediasflow_entries")
    assert await journal.purge(LONG) == 0
    proxy.lose(GET)
    assert await journal.get("key") is None
    assert proxy.has_lost_all


async def test_a_server_that_says_nothing_is_asked_again(
    lossy: tuple[LossyProxy, Journal], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, journal = lossy
    monkeypatch.setattr(pool, "_ATTEMPT_SECONDS", 0.3)
    proxy.lose(CLAIM, is_silent=True)
    assert (await claimed(journal)).owner == "owner"
    assert proxy.has_lost_all


async def test_the_journal_outlives_a_restart_of_the_server(
    postgres: PostgresServer, postgres_url: str
) -> None:
    async with Journal.open(postgres_url) as journal:
        entry = await claimed(journal)
        await anyio.to_thread.run_sync(postgres.stop)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(moved, journal, entry, State.PREPARED)
            await anyio.to_thread.run_sync(postgres.start)
        assert (await kept(journal)).state is State.PREPARED


async def test_a_server_that_stays_away_is_an_error(
    postgres: PostgresServer, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "_PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(pool, "_ATTEMPT_SECONDS", 0.2)
    async with Journal.open(postgres_url) as journal:
        await anyio.to_thread.run_sync(postgres.stop)
        try:
            with pytest.raises(JournalError, match="PostgreSQL: ") as failed:
                await claimed(journal)
        finally:
            await anyio.to_thread.run_sync(postgres.start)
    assert PASSWORD not in str(failed.value)


async def test_no_error_shows_the_password(postgres_url: str) -> None:
    wrong = postgres_url.replace(quote(PASSWORD), "a-wrong-password")
    with pytest.raises(JournalError, match="password authentication failed") as refused:
        async with Journal.open(wrong):
            pass
    assert "a-wrong-password" not in str(refused.value)


async def test_a_server_that_is_not_there_is_an_error() -> None:
    with pytest.raises(JournalError, match="PostgreSQL: ") as failed:
        async with Journal.open(f"postgresql://journal:{PASSWORD}@127.0.0.1:1/none"):
            pass
    assert PASSWORD not in str(failed.value)


async def test_a_journal_whose_tables_are_gone_says_so(
    postgres: PostgresServer, postgres_url: str
) -> None:
    async with Journal.open(postgres_url) as journal:
        schema = postgres_url.rpartition("%3D")[2]
        postgres.execute(f"DROP TABLE {schema}.mediasflow_entries")
        with pytest.raises(JournalError, match="mediasflow_entries"):
            await claimed(journal)


async def test_commits_wait_for_the_disk_also_where_the_database_does_not(
    postgres: PostgresServer,
) -> None:
    with postgres.new_database() as url:
        name = url.rpartition("/")[2]
        postgres.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
        async with pool.PostgresPool.open(Address.of(url)) as opened:

            async def asked(connection: pool.Connection, _: int) -> object:
                found = await connection.execute(b"SHOW synchronous_commit")
                (row,) = await found.fetchall()
                return row[0]

            assert await opened.run(asked) == "on"
