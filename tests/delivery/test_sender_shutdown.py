"""A shutdown ends what it can, gives back the rest, and loses nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import anyio
import pytest

from mediasflow_async.delivery import Sender, SenderStopped, State
from mediasflow_async.sandbox import Fault, Sandbox
from tests.delivery.simulation.journal import MemoryJournal
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


async def send_stopped(sender: Sender) -> None:
    """Send a campaign, and see that the shutdown ends it."""
    with pytest.raises(SenderStopped, match="shut down"):
        await sender.send("order-1", request_for())


async def end(connect: Connect, journal: MemoryJournal) -> None:
    """Bring to an end what was given back."""
    async with sending(connect(), journal) as later:
        assert (await later.resume()).ended == {State.LAUNCHED: 1}


def is_settling(journal: MemoryJournal) -> bool:
    """Whether its owner waits for a launch in doubt."""
    entry = journal.kept.get("order-1")
    return entry is not None and entry.lease_left > timedelta(seconds=30)


def is_given_back(journal: MemoryJournal) -> bool:
    """Whether the campaign is free for another attempt."""
    entry = journal.kept.get("order-1")
    return entry is not None and entry.owner is None


async def test_a_launch_in_doubt_is_given_back_at_once(sandbox: Sandbox, connect: Connect) -> None:
    journal = memory_journal()
    sandbox.faults.add(Fault(operation="launch", drop=True))
    async with connect() as session:
        sender = quick_sender(session, journal, settle=60)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send_stopped, sender)
            await until(lambda: is_settling(journal))
            await sender.shutdown()
    entry = journal.kept["order-1"]
    assert (entry.state, entry.owner) == (State.LAUNCHING, None)
    await end(connect, journal)
    assert launches(sandbox) == [1]


async def test_a_launch_between_two_questions_is_given_back(
    sandbox: Sandbox, connect: Connect
) -> None:
    journal = memory_journal()
    sandbox.faults.add(Fault(operation="launch", drop=True))
    asked = Fault(operation="sender", body=b"{}")
    sandbox.faults.add(asked)
    async with connect() as session:
        sender = quick_sender(session, journal, confirm_every=60)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send_stopped, sender)
            await until(lambda: asked not in sandbox.faults.waiting)
            await sender.shutdown()
    entry = journal.kept["order-1"]
    assert (entry.state, entry.owner) == (State.LAUNCHING, None)
    await end(connect, journal)
    assert launches(sandbox) == [1]


async def test_a_call_under_way_is_waited_for(sandbox: Sandbox, connect: Connect) -> None:
    slow = Fault(operation="launch", delay=timedelta(seconds=0.3))
    sandbox.faults.add(slow)
    receipts: list[Any] = []
    async with connect() as session:
        sender = quick_sender(session, memory_journal())

        async def send() -> None:
            receipts.append(await sender.send("order-1", request_for()))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send)
            await until(lambda: slow not in sandbox.faults.waiting)
            await sender.shutdown()
    assert [receipt.is_launched for receipt in receipts] == [True]
    assert launches(sandbox) == [1]


async def test_what_outlasts_the_grace_is_cut_short(sandbox: Sandbox, connect: Connect) -> None:
    journal = memory_journal()
    slow = Fault(operation="launch", when="after", delay=timedelta(seconds=30))
    sandbox.faults.add(slow)
    async with connect() as session:
        sender = quick_sender(session, journal)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send_stopped, sender)
            await until(lambda: slow not in sandbox.faults.waiting)
            await sender.shutdown(grace=0.05)
    entry = journal.kept["order-1"]
    assert (entry.state, entry.owner) == (State.LAUNCHING, None)
    await end(connect, journal)
    assert launches(sandbox) == [1]


async def test_a_wait_for_another_attempt_ends(sandbox: Sandbox, connect: Connect) -> None:
    limited = Fault(operation="prepare", status=429, headers={"Retry-After": "50"})
    sandbox.faults.add(limited)
    journal = memory_journal()
    async with connect() as session:
        sender = quick_sender(session, journal)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send_stopped, sender)
            await until(lambda: is_given_back(journal))
            await sender.shutdown()
    assert (await kept(journal, "order-1")).state is State.NEW


async def test_a_wait_for_another_sender_ends(connect: Connect) -> None:
    journal = memory_journal()
    async with connect() as session:
        await left_behind(session, journal, lease=timedelta(hours=1))
        sender = quick_sender(session, journal)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send_stopped, sender)
            await anyio.wait_all_tasks_blocked()
            await sender.shutdown()
    assert journal.kept["order-1"].owner == "dead"


async def test_a_stopped_sender_takes_nothing_over(sandbox: Sandbox, connect: Connect) -> None:
    journal = memory_journal()
    async with connect() as session:
        await left_behind(session, journal, State.PREPARED)
        sender = quick_sender(session, journal)
        await sender.shutdown()
        assert (await sender.resume()).ended == {}
    assert journal.kept["order-1"].state is State.PREPARED
    assert launches(sandbox) == []
