"""Any number of campaigns: all accounted for, at constant memory, without waiting in line."""

from __future__ import annotations

import tracemalloc
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from mediasflow_async import CampaignRequest, InvalidRequest, RetryPolicy
from mediasflow_async.delivery import Journal, KeyConflict, SenderStopped, State
from mediasflow_async.errors import ResponseInvalid
from mediasflow_async.sandbox import Fault, Sandbox
from tests.support.journals import sqlite_url
from tests.support.senders import launches, memory_journal, quick_sender, request_for, sending
from tests.support.sessions import Connect

pytest_plugins = ["tests.support.session_fixtures"]
pytestmark = pytest.mark.anyio

Pair = tuple[str, CampaignRequest]


def pairs(count: int) -> Iterator[Pair]:
    """Yield so many campaigns under their keys."""
    return ((f"order-{number}", request_for(str(number))) for number in range(count))


@pytest.mark.every_backend
async def test_every_campaign_gets_its_receipt(
    sandbox: Sandbox, connect: Connect, tmp_path: Path
) -> None:
    async with Journal.open(sqlite_url(tmp_path)) as journal:
        async with sending(connect(), journal) as sender:
            receipts = {o.item[0]: o.unwrap() async for o in sender.send_many(pairs(40))}
        assert (await journal.counts())[State.LAUNCHED] == 40
    assert set(receipts) == {f"order-{number}" for number in range(40)}
    assert all(receipt.is_launched for receipt in receipts.values())
    assert launches(sandbox) == [1] * 40


async def test_the_input_may_be_gone_through_again(sandbox: Sandbox, connect: Connect) -> None:
    async def some() -> AsyncIterator[Pair]:
        for pair in pairs(10):
            yield pair

    async with sending(connect()) as sender:
        first = [o.unwrap().is_recorded async for o in sender.send_many(pairs(10))]
        again = [o.unwrap().is_recorded async for o in sender.send_many(some())]
    assert (set(first), set(again)) == ({False}, {True})
    assert launches(sandbox) == [1] * 10


async def test_a_key_that_comes_twice_is_sent_once(sandbox: Sandbox, connect: Connect) -> None:
    twice = [*pairs(5), *pairs(5)]
    async with sending(connect(), limit=2) as sender:
        outcomes = [outcome async for outcome in sender.send_many(twice)]
    assert len(outcomes) == 10
    assert launches(sandbox) == [1] * 5


async def test_an_error_is_the_outcome_of_its_pair_alone(connect: Connect) -> None:
    mixed = [
        ("order-0", request_for("0")),
        ("order-0", request_for("other")),
        ("order-1", request_for(msg=None)),
    ]
    async with sending(connect()) as sender:
        outcomes = sender.send_many(mixed)
        errors = sorted([type(o.error).__name__ async for o in outcomes])
    assert errors == sorted(["NoneType", KeyConflict.__name__, InvalidRequest.__name__])


async def test_a_launch_in_doubt_keeps_no_place(sandbox: Sandbox, connect: Connect) -> None:
    sandbox.faults.add(Fault(operation="launch", drop=True, times=2))
    options = {"limit": 2, "settle": 0.5}
    async with sending(connect(), None, **options) as sender:
        order = [o.unwrap() async for o in sender.send_many(pairs(30))]
    assert [receipt.launches for receipt in order] == [1] * 28 + [2, 2]
    assert launches(sandbox) == [1] * 30


async def test_when_all_is_in_doubt_nothing_new_is_begun(
    sandbox: Sandbox, connect: Connect
) -> None:
    sandbox.faults.add(Fault(operation="launch", drop=True, times=None))
    journal = memory_journal()
    options = {"limit": 2, "in_doubt": 3, "settle": 60}
    async with connect() as session:
        sender = quick_sender(session, journal, **options)
        with anyio.move_on_after(0.6):
            async for _ in sender.send_many(pairs(1000)):
                pass
        await sender.shutdown()
    assert len(journal.kept) == 5
    assert {entry.state for entry in journal.kept.values()} == {State.LAUNCHING}


async def test_a_shutdown_takes_no_more_of_the_input(sandbox: Sandbox, connect: Connect) -> None:
    journal = memory_journal()
    options = {"limit": 2, "in_doubt": 1}
    async with connect() as session:
        sender = quick_sender(session, journal, **options)
        stopped, launched = 0, 0
        async with anyio.create_task_group() as tasks:
            async for outcome in sender.send_many(pairs(100_000)):
                launched += outcome.ok
                stopped += isinstance(outcome.error, SenderStopped)
                if launched == 5:
                    tasks.start_soon(sender.shutdown)
    assert launched + stopped < 20
    assert launches(sandbox) == [1] * launched


async def test_leaving_the_loop_loses_nothing(sandbox: Sandbox, connect: Connect) -> None:
    journal = memory_journal()
    slow = Fault(operation="launch", when="after", delay=timedelta(seconds=0.2), times=None)
    sandbox.faults.add(slow)
    async with sending(connect(), journal) as sender:
        async with sender.send_many(pairs(20)) as outcomes:
            async for _ in outcomes:
                break
        assert {entry.owner for entry in journal.kept.values()} == {None}
        sandbox.faults.clear()
        receipts = [o.unwrap() async for o in sender.send_many(pairs(20))]
    assert all(receipt.is_launched for receipt in receipts)
    assert launches(sandbox) == [1] * 20


class Ended:
    """A journal in which every key was launched long ago, and that keeps nothing."""

    def __init__(self) -> None:
        self._journal = memory_journal()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    async def claim(self, key: str, digest: str, *, owner: str, lease: timedelta) -> Any:
        entry = await self._journal.claim(key, digest, owner=owner, lease=lease)
        for state, details in (
            (State.PREPARED, {"campaign_id": 1, "lease": lease}),
            (State.LAUNCHING, {"lease": lease}),
            (State.LAUNCHED, {}),
        ):
            entry = await self._journal.move(entry, state, **details) or entry
        self._journal.kept.clear()
        return entry


async def test_memory_stays_the_same_however_long_the_input_is(connect: Connect) -> None:
    async def peak(count: int) -> int:
        tracemalloc.start()
        async for _ in sender.send_many(pairs(count)):
            pass
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    async with connect() as session:
        journal: Any = Ended()
        async with quick_sender(session, journal, limit=5, in_doubt=5) as sender:
            await peak(100)
            few, many = await peak(100), await peak(1500)
    assert many < few + 100_000


@pytest.mark.parametrize("wrong", [None, 7, "ab", (), ("order-9",), ("a", "b", "c")], ids=str)
async def test_what_is_no_pair_is_the_error_of_that_item(
    sandbox: Sandbox, connect: Connect, wrong: Any
) -> None:
    given: Any = [*pairs(2), wrong, *pairs(4)]
    async with sending(connect()) as sender:
        outcomes = [outcome async for outcome in sender.send_many(given)]
    errors = [outcome.error for outcome in outcomes if outcome.error]
    assert [type(error) for error in errors] == [InvalidRequest]
    assert launches(sandbox) == [1] * 4


@pytest.mark.parametrize("wrong", [None, {"msg": "hello"}, "hello"], ids=str)
async def test_what_is_no_request_is_the_error_of_that_item(
    sandbox: Sandbox, connect: Connect, wrong: Any
) -> None:
    async with sending(connect()) as sender:
        outcomes = [o async for o in sender.send_many([("order-0", wrong), *pairs(3)])]
        with pytest.raises(InvalidRequest, match="CampaignRequest"):
            await sender.send("order-9", wrong)
    assert sum(isinstance(outcome.error, InvalidRequest) for outcome in outcomes) == 1
    assert launches(sandbox) == [1] * 3


@pytest.mark.parametrize("number", [2**63, 2**200, 0, -1])
async def test_a_number_that_no_campaign_has_is_the_error_of_that_item(
    sandbox: Sandbox, connect: Connect, tmp_path: Path, number: int
) -> None:
    body = b'{"id": %d, "status": "DRAFT"}' % number
    sandbox.faults.add(Fault(operation="prepare", body=body))
    async with (
        Journal.open(sqlite_url(tmp_path)) as journal,
        sending(connect(), journal, retry=RetryPolicy.off()) as sender,
    ):
        outcomes = [outcome async for outcome in sender.send_many(pairs(5))]
    errors = [outcome.error for outcome in outcomes if outcome.error]
    assert [type(error) for error in errors] == [ResponseInvalid]
    assert launches(sandbox) == [1] * 4
