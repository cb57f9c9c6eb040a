"""Rare turns: a server that sends what it should prepare, a journal that fails, no retry left."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from mediasflow_async import Dialect, RetryPolicy
from mediasflow_async.delivery import Entry, JournalError, LeaseLost, Reason, State
from mediasflow_async.errors import RateLimited
from mediasflow_async.sandbox import Fault, Sandbox
from tests.delivery.simulation.journal import MemoryJournal
from tests.support.senders import launches, left_behind, memory_journal, request_for, sending
from tests.support.sessions import Connect

pytest_plugins = ["tests.support.session_fixtures"]
pytestmark = pytest.mark.anyio


class Wrapped:
    """A journal of which one method is another."""

    def __init__(self, journal: MemoryJournal, **methods: Any) -> None:
        self._journal = journal
        self._methods = methods

    def __getattr__(self, name: str) -> Any:
        return self._methods.get(name) or getattr(self._journal, name)


async def test_a_draft_that_was_sent_already_is_not_launched(
    sandbox: Sandbox, connect: Connect
) -> None:
    sandbox.faults.add(Fault(operation="prepare", body=b'{"id": 7, "status": "INPROGRESS"}'))
    async with sending(connect()) as sender:
        receipt = await sender.send("order-1", request_for())
    assert (receipt.state, receipt.reason) == (State.LAUNCHED, Reason.SHOWN_BY_STATE)
    assert [request.operation for request in sandbox.requests] == ["login", "inject"]


async def test_a_probe_may_be_answered_with_a_later_state(
    sandbox: Sandbox, connect: Connect
) -> None:
    sandbox.faults.add(Fault(operation="launch", when="after", drop=True))
    later = b'{"id": 943, "status": "INJECTED"}'
    sandbox.faults.add(Fault(operation="sender", body=later))
    async with sending(connect(dialect=Dialect(report_shows_launch=False))) as sender:
        receipt = await sender.send("order-1", request_for())
    assert (receipt.state, receipt.reason) == (State.LAUNCHED, Reason.SHOWN_BY_STATE)


async def test_a_report_that_cannot_be_had_leaves_the_state_to_decide(
    sandbox: Sandbox, connect: Connect
) -> None:
    sandbox.faults.add(Fault(operation="launch", drop=True))
    sandbox.faults.add(Fault(operation="report_csv", status=503, times=None))
    async with sending(connect()) as sender:
        receipt = await sender.send("order-1", request_for())
    assert (receipt.is_launched, receipt.launches) == (True, 2)
    assert launches(sandbox) == [1]


async def test_a_server_that_asks_for_too_much_patience_is_an_error(
    sandbox: Sandbox, connect: Connect
) -> None:
    journal = memory_journal()
    sandbox.faults.add(Fault(operation="launch", status=429, headers={"Retry-After": "3600"}))
    async with sending(connect(), journal) as sender:
        with pytest.raises(RateLimited):
            await sender.send("order-1", request_for())
    entry = journal.kept["order-1"]
    assert (entry.state, entry.owner, entry.launching_since) == (State.PREPARED, None, None)


async def test_when_no_retry_is_left_the_first_error_is_raised(
    sandbox: Sandbox, connect: Connect
) -> None:
    sandbox.faults.add(Fault(operation="prepare", status=500, times=None))
    retry = RetryPolicy(quota=0)
    async with sending(connect(), retry=retry) as sender:
        with pytest.raises(Exception, match="500"):
            await sender.send("order-1", request_for())
    assert [request.operation for request in sandbox.requests].count("inject") == 1


async def test_a_journal_that_fails_after_the_launch_leaves_it_in_doubt(
    sandbox: Sandbox, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    async def move(entry: Entry, to: State, **details: Any) -> Entry | None:
        if to is State.LAUNCHED:
            raise JournalError("the disk is full")
        return await memory.move(entry, to, **details)

    async def release(_: Entry) -> Entry | None:
        raise JournalError("the disk is full")

    memory = memory_journal()
    failing: Any = Wrapped(memory, move=move, release=release)
    async with sending(connect(), failing, lease=0.2) as sender:
        with (
            caplog.at_level(logging.WARNING, "mediasflow_async"),
            pytest.raises(JournalError, match="disk"),
        ):
            await sender.send("order-1", request_for())
    assert "could not be given back" in caplog.text
    assert memory.kept["order-1"].state is State.LAUNCHING
    async with sending(connect(), memory) as sender:
        receipt = await sender.send("order-1", request_for())
    assert (receipt.is_launched, receipt.launches) == (True, 1)
    assert launches(sandbox) == [1]


@pytest.mark.parametrize("state", [State.PREPARED, State.LAUNCHED, State.REJECTED])
async def test_whoever_lost_its_entry_takes_what_the_other_made_of_it(
    sandbox: Sandbox, connect: Connect, state: State
) -> None:
    async def move(entry: Entry, to: State, **details: Any) -> Entry | None:
        if to is state and not stolen:
            stolen.append(entry)
            await memory.release(entry)
        return await memory.move(entry, to, **details)

    stolen: list[Entry] = []
    memory = memory_journal()
    if state is State.REJECTED:
        sandbox.faults.add(Fault(operation="launch", status=400))
    stealing: Any = Wrapped(memory, move=move)
    async with sending(connect(), stealing) as sender:
        receipt = await sender.send("order-1", request_for())
    assert receipt.is_launched
    assert launches(sandbox) == [1]


async def test_resume_tells_of_an_entry_that_another_took(
    sandbox: Sandbox, connect: Connect
) -> None:
    async def renew(*_: object) -> None:
        return None

    memory = memory_journal()
    stolen: Any = Wrapped(memory, renew=renew)
    async with connect() as session, sending(connect(), stolen) as sender:
        await left_behind(session, memory, State.PREPARED, State.LAUNCHING)
        resumed = await sender.resume()
    assert resumed.unfinished == 1
    assert isinstance(resumed.error, LeaseLost)
    assert launches(sandbox) == []


async def test_a_journal_that_forgot_a_number_launches_nothing(
    sandbox: Sandbox, connect: Connect
) -> None:
    memory = memory_journal()

    async def move(entry: Entry, to: State, **details: Any) -> Entry | None:
        details.pop("campaign_id", None)
        return await memory.move(entry, to, **details)

    forgetful: Any = Wrapped(memory, move=move)
    async with sending(connect(), forgetful) as sender:
        with pytest.raises(ValueError, match="number"):
            await sender.send("order-1", request_for())
    assert launches(sandbox) == []


async def test_an_upload_that_loses_its_lease_is_left_to_the_other(
    sandbox: Sandbox, connect: Connect
) -> None:
    async def renew(entry: Entry, lease: Any) -> Entry | None:
        if not calls:
            calls.append(entry)
            await memory.release(entry)
        return await memory.renew(entry, lease)

    calls: list[Entry] = []
    memory = memory_journal()
    stolen: Any = Wrapped(memory, renew=renew)
    crowd = request_for(recipients=[f"+336000016{number:02}" for number in range(60)])
    async with sending(connect(), stolen) as sender:
        assert (await sender.send("order-1", crowd, auto_list=True)).is_launched
    assert launches(sandbox) == [1]
