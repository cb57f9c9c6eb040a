"""Several senders of one journal: one does the work, the others get what came of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from mediasflow_async.delivery import (
    Entry,
    Journal,
    KeyBusy,
    KeyUnknown,
    Reason,
    Receipt,
    Sender,
    State,
)
from mediasflow_async.sandbox import Fault, Sandbox
from tests.support.journals import sqlite_url
from tests.support.senders import (
    kept,
    launches,
    left_behind,
    memory_journal,
    quick_sender,
    request_for,
    sending,
)
from tests.support.sessions import Connect, until

pytest_plugins = ["tests.support.session_fixtures"]
pytestmark = pytest.mark.anyio

LONG = timedelta(hours=1)
OVER = timedelta(0)


async def test_two_callers_of_one_key_get_the_same_receipt(
    sandbox: Sandbox, connect: Connect
) -> None:
    receipts: list[Receipt] = []

    async def send(sender: Sender) -> None:
        receipts.append(await sender.send("order-1", request_for()))

    async with sending(connect()) as sender, anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(send, sender)
    assert len({receipt.campaign_id for receipt in receipts}) == 1
    assert sorted(receipt.is_recorded for receipt in receipts) == [False, True, True, True, True]
    assert launches(sandbox) == [1]


async def test_two_senders_share_a_journal(
    sandbox: Sandbox, connect: Connect, tmp_path: Path
) -> None:
    async with (
        connect() as session,
        Journal.open(sqlite_url(tmp_path)) as one,
        Journal.open(sqlite_url(tmp_path)) as other,
        quick_sender(session, one) as first,
        quick_sender(session, other) as second,
        anyio.create_task_group() as tasks,
    ):
        for number in range(20):
            for sender in (first, second):
                tasks.start_soon(sender.send, f"order-{number}", request_for(str(number)))
    assert launches(sandbox) == [1] * 20


@pytest.mark.parametrize(
    "moves",
    [(), (State.PREPARED,), (State.PREPARED, State.LAUNCHING)],
    ids=["new", "prepared", "launching"],
)
async def test_what_a_dead_sender_left_is_brought_to_an_end(
    sandbox: Sandbox, connect: Connect, moves: tuple[State, ...]
) -> None:
    journal = memory_journal()
    async with connect() as session, quick_sender(session, journal) as sender:
        await left_behind(session, journal, *moves)
        receipt = await sender.send("order-1", request_for())
    assert receipt.is_launched
    assert launches(sandbox) == [1]


async def test_resume_needs_no_request_for_what_is_prepared(
    sandbox: Sandbox, connect: Connect
) -> None:
    journal = memory_journal()
    async with connect() as session, quick_sender(session, journal) as sender:
        await left_behind(session, journal, State.PREPARED, sender="NAMED")
        assert (await sender.resume()).ended == {State.LAUNCHED: 1}
        assert (await sender.resume()).ended == {}
    assert [message.sender for message in sandbox.messages] == ["NAMED"]


async def test_resume_asks_about_a_launch_of_the_dead(sandbox: Sandbox, connect: Connect) -> None:
    journal = memory_journal()
    async with connect() as session, quick_sender(session, journal) as sender:
        entry = await left_behind(session, journal, State.PREPARED, State.LAUNCHING)
        await session.campaigns.launch(entry.campaign_id or 0)
        resumed = await sender.resume()
    assert resumed.ended == {State.LAUNCHED: 1}
    assert (await kept(journal, "order-1")).reason is Reason.SHOWN_BY_REPORT
    assert launches(sandbox) == [1]


async def test_resume_leaves_the_living_alone(sandbox: Sandbox, connect: Connect) -> None:
    journal = memory_journal()
    async with connect() as session, quick_sender(session, journal) as sender:
        entry = await left_behind(session, journal, State.PREPARED, lease=LONG)
        assert (await sender.resume()).ended == {}
    assert journal.kept["order-1"] == entry
    assert launches(sandbox) == []


async def test_resume_leaves_what_has_no_draft_to_whoever_has_the_request(
    connect: Connect,
) -> None:
    journal = memory_journal()
    async with connect() as session, quick_sender(session, journal) as sender:
        await left_behind(session, journal)
        assert (await sender.resume()).ended == {}
    assert journal.kept["order-1"].state is State.NEW


async def test_resume_counts_what_it_could_not_end(sandbox: Sandbox, connect: Connect) -> None:
    journal = memory_journal()
    sandbox.faults.add(Fault(operation="launch", status=403))
    async with connect() as session, quick_sender(session, journal) as sender:
        await left_behind(session, journal, State.PREPARED)
        resumed = await sender.resume()
    assert (resumed.ended, resumed.unfinished) == ({}, 1)
    assert resumed.error is not None
    assert resumed.error.status == 403
    entry = journal.kept["order-1"]
    assert (entry.state, entry.owner) == (State.PREPARED, None)


async def test_a_key_in_living_hands_is_waited_for_and_not_for_ever(
    sandbox: Sandbox, connect: Connect
) -> None:
    journal = memory_journal()
    async with connect() as session, quick_sender(session, journal, patience=0.1) as sender:
        await left_behind(session, journal, State.PREPARED, lease=LONG)
        with pytest.raises(KeyBusy, match="order-1"):
            await sender.send("order-1", request_for())
    assert launches(sandbox) == []


class Frozen:
    """A journal whose owner freezes between its durable LAUNCHING and its launch."""

    def __init__(self, journal: Journal, thaw: anyio.Event) -> None:
        self._journal = journal
        self._thaw = thaw

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    async def move(self, entry: Entry, to: State, **details: Any) -> Entry | None:
        moved = await self._journal.move(entry, to, **details)
        if to is State.LAUNCHING:
            await self._thaw.wait()
        return moved


async def test_a_sender_that_wakes_up_too_late_launches_nothing(
    sandbox: Sandbox, connect: Connect
) -> None:
    journal: Any = memory_journal()
    thaw = anyio.Event()
    async with connect() as session:
        slept: Any = Frozen(journal, thaw)
        frozen = quick_sender(session, slept, lease=0.3)
        awake = quick_sender(session, journal)
        async with frozen, awake, anyio.create_task_group() as tasks:
            tasks.start_soon(_send_frozen, frozen)
            await until(lambda: journal.is_launching("order-1"))
            receipt = await awake.send("order-1", request_for())
            thaw.set()
    assert receipt.is_launched
    assert launches(sandbox) == [1]


async def _send_frozen(sender: Sender) -> None:
    assert (await sender.send("order-1", request_for())).is_launched


@pytest.mark.parametrize("moves", [(), (State.PREPARED,)], ids=["new", "prepared"])
async def test_a_campaign_can_be_called_off_before_its_launch(
    sandbox: Sandbox, connect: Connect, moves: tuple[State, ...]
) -> None:
    journal = memory_journal()
    async with connect() as session, quick_sender(session, journal) as sender:
        await left_behind(session, journal, *moves)
        receipt = await sender.cancel("order-1")
        again = await sender.send("order-1", request_for())
    assert (receipt.state, receipt.reason) == (State.CANCELLED, Reason.BY_CALLER)
    assert (again.state, again.is_recorded) == (State.CANCELLED, True)
    assert launches(sandbox) == []


async def test_it_may_be_too_late_to_call_a_campaign_off(connect: Connect) -> None:
    async with sending(connect()) as sender:
        await sender.send("order-1", request_for())
        assert (await sender.cancel("order-1")).is_launched


@pytest.mark.parametrize(
    ("moves", "lease"),
    [((State.PREPARED,), LONG), ((State.PREPARED, State.LAUNCHING), OVER)],
    ids=["held", "in doubt"],
)
async def test_what_is_under_way_cannot_be_called_off(
    connect: Connect, moves: tuple[State, ...], lease: timedelta
) -> None:
    journal = memory_journal()
    async with connect() as session, quick_sender(session, journal) as sender:
        await left_behind(session, journal, *moves, lease=lease)
        with pytest.raises(KeyBusy, match="order-1"):
            await sender.cancel("order-1")


async def test_an_unknown_key_cannot_be_called_off(connect: Connect) -> None:
    async with sending(connect()) as sender:
        with pytest.raises(KeyUnknown):
            await sender.cancel("order-1")


async def test_a_cancelled_call_gives_its_campaign_back(sandbox: Sandbox, connect: Connect) -> None:
    journal = memory_journal()
    slow = Fault(operation="launch", when="after", delay=timedelta(seconds=30))
    sandbox.faults.add(slow)
    async with sending(connect(), journal) as sender:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(sender.send, "order-1", request_for())
            await until(lambda: slow not in sandbox.faults.waiting)
            tasks.cancel_scope.cancel()
        entry = await kept(journal, "order-1")
        assert (entry.state, entry.owner) == (State.LAUNCHING, None)
        assert (await sender.send("order-1", request_for())).is_launched
    assert launches(sandbox) == [1]
