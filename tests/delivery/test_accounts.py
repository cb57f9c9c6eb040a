"""A journal belongs to one account: the numbers in it are other campaigns elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import anyio
import pytest

from mediasflow_async import ConfigurationError
from mediasflow_async.delivery import Account, Journal, State, sql
from mediasflow_async.delivery.records import account_of, check_account
from mediasflow_async.delivery.sql import MIGRATIONS
from mediasflow_async.sandbox import DeliveryPlan, Sandbox, User
from tests.support.journals import claimed, kept
from tests.support.raw_journal import asked
from tests.support.senders import launches, left_behind, quick_sender, request_for
from tests.support.sessions import TOKEN, Connect, session_at, session_with

pytest_plugins = [
    "tests.support.session_fixtures",
    "tests.support.journal_fixtures",
    "tests.support.postgres_fixtures",
]
pytestmark = pytest.mark.anyio

HERE = Account("https://here.example/api/", "a" * 32)
ELSEWHERE = Account("https://elsewhere.example/api/", "b" * 32)


@pytest.fixture
def elsewhere() -> Iterator[Sandbox]:
    """Another server, on which the same numbers are other campaigns."""
    second = User("second", "Another-password-2")
    with Sandbox(users=[second], delivery=DeliveryPlan.instant()).serve_in_thread() as running:
        yield running


async def _refused(journal: Journal, sandbox: Sandbox, **who: Any) -> ConfigurationError:
    """Return why a sender refuses a journal, in whatever way it is used first."""
    heard = len(sandbox.requests)
    async with session_at(sandbox, **who) as session:
        with pytest.raises(ConfigurationError) as entered:
            async with quick_sender(session, journal):
                pass
        sender = quick_sender(session, journal)
        with pytest.raises(ConfigurationError) as sent:
            await sender.send("order-2", request_for())
        with pytest.raises(ConfigurationError) as resumed:
            await sender.resume()
    assert str(entered.value) == str(sent.value) == str(resumed.value)
    assert await journal.get("order-2") is None
    assert len(sandbox.requests) == heard
    return entered.value


async def test_what_was_left_behind_is_not_launched_on_another_server(
    connect: Connect, journal: Journal, elsewhere: Sandbox
) -> None:
    async with connect() as session, quick_sender(session, journal) as sender:
        await sender.send("order-0", request_for())
        left = await left_behind(session, journal, State.PREPARED)
        here = session.base_url
    async with session_at(elsewhere) as session:
        draft = await session.campaigns.prepare(request_for())
        while draft.id < (left.campaign_id or 0):
            draft = await session.campaigns.prepare(request_for())
        assert draft.id == left.campaign_id
        there = session.base_url
    refused = await _refused(journal, elsewhere)
    assert here in refused.message
    assert there in refused.message
    assert "adopt" in (refused.next_step or "")
    assert launches(elsewhere) == []
    assert (await kept(journal, "order-1")).state is State.PREPARED


async def test_another_login_on_the_same_server_is_another_account(
    journal: Journal, elsewhere: Sandbox
) -> None:
    async with session_at(elsewhere) as session, quick_sender(session, journal) as sender:
        await sender.send("order-1", request_for())
    refused = await _refused(journal, elsewhere, username="second", password="Another-password-2")
    assert "another account" in refused.message
    assert not {"second", elsewhere.username} & set(str(refused).split())


async def test_a_bearer_does_not_say_whose_it_is(
    sandbox: Sandbox, journal_url: str, connect: Connect
) -> None:
    async with Journal.open(journal_url) as journal:
        for who in ({"username": None, "password": None, "token": TOKEN}, {}):
            async with connect(**who) as session:
                await quick_sender(session, journal).__aenter__()
    ((address, login),) = asked(journal_url, "SELECT address, login FROM mediasflow_journal")
    assert address == sandbox.base_url
    # The one that came with a login has added it, and not in words.
    assert login
    assert sandbox.username not in login


async def test_an_account_that_has_moved_is_adopted_on_demand(
    sandbox: Sandbox, connect: Connect, journal: Journal, elsewhere: Sandbox
) -> None:
    async with connect() as session, quick_sender(session, journal) as sender:
        await sender.send("order-0", request_for())
    async with (
        session_at(elsewhere) as session,
        quick_sender(session, journal, adopt=sandbox.base_url.rstrip("/")) as sender,
    ):
        await sender.send("order-1", request_for())
    async with session_at(elsewhere) as session, quick_sender(session, journal) as sender:
        assert (await sender.send("order-1", request_for())).is_recorded
    async with connect() as session:
        await _refused_here(session, journal)


async def _refused_here(session: Any, journal: Journal) -> None:
    with pytest.raises(ConfigurationError):
        await quick_sender(session, journal).resume()


async def test_many_are_refused_at_once(journal: Journal, elsewhere: Sandbox) -> None:
    await journal.belong(HERE)
    taken = 0

    def endless() -> Iterator[tuple[str, Any]]:
        nonlocal taken
        while True:
            taken += 1
            yield f"order-{taken}", request_for()

    async with session_at(elsewhere) as session:
        sender = quick_sender(session, journal, limit=3, in_doubt=1)
        errors = [outcome.error async for outcome in sender.send_many(endless())]
    assert {type(error) for error in errors} == {ConfigurationError}
    assert taken <= 10


async def test_of_two_that_come_first_at_once_one_is_recorded(journal_url: str) -> None:
    found: list[Account] = []

    async def come(account: Account) -> None:
        async with Journal.open(journal_url) as journal:
            found.append(await journal.belong(account))

    async with anyio.create_task_group() as tasks:
        for account in (HERE, ELSEWHERE) * 3:
            tasks.start_soon(come, account)
    assert len(found) == 6
    assert set(found) in ({HERE}, {ELSEWHERE})


async def test_a_login_is_added_where_the_address_is_the_same(journal: Journal) -> None:
    unknown = Account(HERE.address)
    assert await journal.belong(unknown) == unknown
    assert await journal.belong(ELSEWHERE) == unknown
    assert await journal.belong(HERE) == HERE
    assert await journal.belong(unknown) == HERE
    assert await journal.belong(ELSEWHERE, adopt="https://third.example/") == HERE
    assert await journal.belong(ELSEWHERE, adopt=HERE.address) == ELSEWHERE
    # Left in the command line, it is without effect.
    assert await journal.belong(ELSEWHERE, adopt=HERE.address) == ELSEWHERE
    assert await journal.belong(HERE, adopt=HERE.address) == ELSEWHERE
    assert await journal.belong(unknown, adopt=ELSEWHERE.address) == unknown


async def test_a_journal_of_the_first_version_belongs_to_who_uses_it_next(
    journal_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr(sql, "MIGRATIONS", MIGRATIONS[:1])
        async with Journal.open(journal_url) as journal:
            entry = await claimed(journal, lease=timedelta(hours=1))
    async with Journal.open(journal_url) as journal:
        assert await journal.belong(HERE) == HERE
        assert await journal.belong(ELSEWHERE) == HERE
        assert (await kept(journal)).owner == entry.owner
        assert await journal.check() == []


@pytest.mark.parametrize(
    "written",
    ["https://API.example:443/v1", "HTTPS://api.example/v1/", "https://api.example/v1//"],
)
def test_an_address_is_the_same_however_it_is_written(written: str) -> None:
    account = account_of(session_with(written), b"1" * 32)
    assert account == Account("https://api.example/v1/")


@pytest.mark.parametrize(
    "other",
    ["http://localhost/v1/", "https://api.example:8443/v1/", "https://api.example/v2/"],
)
def test_another_scheme_port_or_path_is_another_address(other: str) -> None:
    own = account_of(session_with(other), b"1" * 32)
    with pytest.raises(ConfigurationError, match="where their numbers mean others"):
        check_account(own, Account("https://api.example/v1/"))


def test_the_digest_of_a_login_is_the_journals_own(connect: Connect) -> None:
    one, other = (account_of(connect(), salt) for salt in (b"1" * 32, b"2" * 32))
    assert one.login != other.login
    assert one.address == other.address
    check_account(one, one)
    check_account(Account(one.address), one)
