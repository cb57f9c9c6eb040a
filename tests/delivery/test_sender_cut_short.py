"""Cut short at any moment, a sender keeps nothing: what it held is free for the next at once."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from mediasflow_async.delivery import Entry, Journal, SenderStopped, State
from mediasflow_async.delivery.lease import released_on_failure
from mediasflow_async.sandbox import Fault, Sandbox
from tests.support.journals import OVER, claimed, moved, sqlite_url
from tests.support.senders import kept, launches, memory_journal, quick_sender, request_for
from tests.support.sessions import Connect, until

pytest_plugins = [
    "tests.support.session_fixtures",
    "tests.support.journal_fixtures",
    "tests.support.postgres_fixtures",
]
pytestmark = pytest.mark.anyio

LONG_LEASE = 3600


class Unheard:
    """A journal that does what it is asked, and whose answer to one call never comes."""

    def __init__(self, journal: Journal, method: str, to: State | None = None) -> None:
        self.has_acted = anyio.Event()
        self._journal = journal
        self._method = method
        self._to = to

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._journal, name)
        return self._silent(call) if name == self._method else call

    def _silent(self, call: Callable[..., Awaitable[Any]]) -> Any:
        async def act(*given: Any, **details: Any) -> Any:
            answer = await call(*given, **details)
            if self._to is None or self._to in given:
                self.has_acted.set()
                await anyio.sleep_forever()
            return answer

        return act


async def cancel(work: Callable[[], Coroutine[Any, Any, object]], event: anyio.Event) -> None:
    """Cancel some work when an event has come, and wait until nothing is left of it."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(work)
        await event.wait()
        tasks.cancel_scope.cancel()


async def left(journal: Journal, *keys: str) -> list[Entry]:
    """Leave prepared campaigns behind."""
    return [
        await moved(journal, await claimed(journal, key), State.PREPARED, lease=OVER)
        for key in keys
    ]


async def test_a_claim_whose_answer_did_not_come_is_given_back(
    connect: Connect, journal: Journal
) -> None:
    unheard: Any = Unheard(journal, "claim")
    async with connect() as session, quick_sender(session, unheard, lease=LONG_LEASE) as sender:
        await cancel(lambda: sender.send("order-1", request_for()), unheard.has_acted)
    entry = await kept(journal, "order-1")
    assert (entry.state, entry.owner) == (State.NEW, None)


async def test_so_it_is_when_the_task_itself_is_cancelled(
    connect: Connect, journal: Journal
) -> None:
    unheard: Any = Unheard(journal, "claim")
    async with connect() as session, quick_sender(session, unheard, lease=LONG_LEASE) as sender:
        sending = asyncio.create_task(sender.send("order-1", request_for()))
        await unheard.has_acted.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
    assert (await kept(journal, "order-1")).owner is None


async def test_claims_of_many_are_given_back_when_the_loop_is_left(
    connect: Connect, journal: Journal
) -> None:
    unheard: Any = Unheard(journal, "claim")
    pairs = [(f"order-{number}", request_for(str(number))) for number in range(5)]

    async with connect() as session, quick_sender(session, unheard, lease=LONG_LEASE) as sender:

        async def send_all() -> None:
            async for _ in sender.send_many(pairs):
                raise AssertionError("no claim has an answer")

        await cancel(send_all, unheard.has_acted)
    assert {entry.owner async for entry in journal.entries()} <= {None}


async def test_a_claim_that_still_waits_for_the_disk_is_given_back_after_it(
    connect: Connect, tmp_path: Path
) -> None:
    url = sqlite_url(tmp_path)
    async with (
        Journal.open(url) as journal,
        connect() as session,
        quick_sender(session, journal, lease=LONG_LEASE) as sender,
        anyio.create_task_group() as tasks,
    ):
        await sender.resume()
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as other:
            other.execute("BEGIN IMMEDIATE")
            tasks.start_soon(sender.send, "order-1", request_for())
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
        # Only now, the claim is made, and what gives it back comes after it.
    async with Journal.open(url) as journal:
        assert (await kept(journal, "order-1")).owner is None


async def test_what_was_taken_over_unheard_is_given_back(
    connect: Connect, journal: Journal
) -> None:
    entries = await left(journal, "order-1", "order-2")
    unheard: Any = Unheard(journal, "take")
    async with connect() as session, quick_sender(session, unheard, lease=LONG_LEASE) as sender:
        await cancel(sender.resume, unheard.has_acted)
    for entry in entries:
        assert (await kept(journal, entry.key)).owner is None


async def test_what_was_taken_over_and_not_begun_is_given_back(
    sandbox: Sandbox, connect: Connect, journal: Journal
) -> None:
    keys = [f"order-{number}" for number in range(9)]
    await left(journal, *keys)
    slow = Fault(operation="launch", delay=timedelta(seconds=30))
    sandbox.faults.add(slow)
    options = {"limit": 1, "in_doubt": 1, "lease": LONG_LEASE}
    async with (
        connect() as session,
        quick_sender(session, journal, **options) as sender,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(sender.resume)
        await until(lambda: slow not in sandbox.faults.waiting)
        # All are taken at once, and one of them is begun.
        assert all([(await kept(journal, key)).owner for key in keys])
        tasks.cancel_scope.cancel()
    assert [(await kept(journal, key)).owner for key in keys] == [None] * 9


async def test_what_was_pulled_and_reached_no_worker_is_given_back(
    connect: Connect, journal: Journal
) -> None:
    keys = ["order-1", "order-2", "order-3"]
    await left(journal, *keys)
    begun: list[object] = []

    class Cancelling(Unheard):
        """A journal whose caller is cancelled with the very answer."""

        async def take(self, **asked: Any) -> Sequence[Entry]:
            taken = await journal.take(**asked)
            scope.cancel()
            return taken

        async def move(self, *given: Any, **details: Any) -> Entry | None:
            begun.append(given)
            return await journal.move(*given, **details)

    cancelling: Any = Cancelling(journal, "none")
    async with connect() as session, quick_sender(session, cancelling, lease=LONG_LEASE) as sender:
        with anyio.CancelScope() as scope:
            await sender.resume()
    assert scope.cancelled_caught
    assert begun == []
    assert [(await kept(journal, key)).owner for key in keys] == [None] * 3


@pytest.mark.parametrize("to", [State.PREPARED, State.LAUNCHING, State.LAUNCHED])
async def test_a_move_whose_answer_did_not_come_is_given_back(
    sandbox: Sandbox, connect: Connect, journal: Journal, to: State
) -> None:
    unheard: Any = Unheard(journal, "move", to)
    async with connect() as session, quick_sender(session, unheard, lease=LONG_LEASE) as sender:
        await cancel(lambda: sender.send("order-1", request_for()), unheard.has_acted)
    entry = await kept(journal, "order-1")
    assert (entry.state, entry.owner) == (to, None)
    async with connect() as session, quick_sender(session, journal) as later:
        assert (await later.send("order-1", request_for())).is_launched
    assert launches(sandbox) == [1]


async def test_a_call_that_the_journal_never_saw_gives_nothing_back(journal: Journal) -> None:
    await claimed(journal, "another", owner="another")
    assert await journal.disclaim("owner") == 0
    assert await journal.disclaim("owner", key="another") == 0
    assert (await kept(journal, "another")).owner == "another"


async def test_to_give_back_is_given_up_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediasflow_async.delivery.lease._LONGEST_RELEASE_SECONDS", 0.01)
    with anyio.CancelScope() as scope:
        async with released_on_failure(anyio.sleep_forever):
            scope.cancel()
            await anyio.sleep_forever()
    assert scope.cancelled_caught


async def test_a_stop_gives_back_what_waits_for_its_claim(connect: Connect) -> None:
    journal = memory_journal()
    unheard: Any = Unheard(journal, "claim")
    async with connect() as session:
        sender = quick_sender(session, unheard, lease=LONG_LEASE)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_stopped, sender.send, "order-1", request_for())
            await unheard.has_acted.wait()
            await sender.shutdown(grace=0.01)
    assert journal.kept["order-1"].owner is None


async def _stopped(send: Callable[..., Awaitable[object]], *given: Any) -> None:
    with pytest.raises(SenderStopped):
        await send(*given)
