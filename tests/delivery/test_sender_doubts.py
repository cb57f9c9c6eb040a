"""A launch without an answer: asked about, launched again on evidence alone, or parked."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mediasflow_async import (
    DeliveryUnknown,
    Dialect,
    MediasflowError,
    ServerError,
    TokenLost,
    no_retries,
)
from mediasflow_async._core import auth
from mediasflow_async.delivery import KeyUnknown, NotParked, Reason, State
from mediasflow_async.sandbox import DeliveryPlan, Fault, Sandbox, ServerRules
from tests.delivery.simulation.journal import MemoryJournal
from tests.support.senders import launches, memory_journal, request_for, sending
from tests.support.sessions import Connect, session_at

pytest_plugins = ["tests.support.session_fixtures"]
pytestmark = pytest.mark.anyio

FAULTS: list[dict[str, Any]] = [
    {"drop": True},
    {"reset": True},
    {"status": 500},
    {"status": 503, "html": True},
    {"status": 408},
    {"status": 418},
    {"body": b"not what was promised"},
    {"body": b'{"message": "understood"}'},
    {"body": b'{"id": 1, "status": "DRAFT"}'},
    {"redirect": "https://elsewhere.example/"},
]


@pytest.mark.parametrize("name", ["ACME", None])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("fault", FAULTS, ids=str)
async def test_a_launch_without_a_good_answer_happens_once(
    sandbox: Sandbox, connect: Connect, fault: dict[str, Any], when: Any, name: str | None
) -> None:
    sandbox.faults.add(Fault(operation="launch", when=when, **fault))
    async with sending(connect()) as sender:
        receipt = await sender.send("order-1", request_for(sender=name))
    expected = (1, Reason.SHOWN_BY_REPORT) if when == "after" else (2, Reason.ANSWERED)
    assert (receipt.launches, receipt.reason) == expected
    assert receipt.is_launched
    assert launches(sandbox) == [1]


@contextmanager
def feared(**rules: Any) -> Iterator[Sandbox]:
    """A server that launches as often as it is told, and shows little."""
    chosen = ServerRules(second_launch="resend", draft_report="empty", **rules)
    with Sandbox(delivery=DeliveryPlan.instant(), rules=chosen).serve_in_thread() as running:
        yield running


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("name", ["ACME", None])
async def test_a_server_that_would_launch_twice_is_told_once(when: Any, name: str | None) -> None:
    with feared() as sandbox:
        sandbox.faults.add(Fault(operation="launch", when=when, drop=True))
        async with sending(session_at(sandbox)) as sender:
            assert (await sender.send("order-1", request_for(sender=name))).is_launched
        assert launches(sandbox) == [1]


async def test_a_launch_that_is_processed_late_is_waited_for() -> None:
    with feared() as sandbox:
        late = Fault(operation="launch", when="late", delay=timedelta(seconds=0.3), drop=True)
        sandbox.faults.add(late)
        async with sending(session_at(sandbox), settle=0.5) as sender:
            receipt = await sender.send("order-1", request_for())
        assert (receipt.reason, receipt.launches) == (Reason.SHOWN_BY_REPORT, 1)
        assert launches(sandbox) == [1]


async def test_a_launch_that_is_shown_between_two_confirmations_is_not_repeated() -> None:
    with feared() as sandbox:
        late = Fault(operation="launch", when="late", delay=timedelta(seconds=0.3), drop=True)
        sandbox.faults.add(late)
        options = {"settle": 0.05, "confirm_every": 0.5}
        async with sending(session_at(sandbox), None, **options) as sender:
            receipt = await sender.send("order-1", request_for())
        assert (receipt.is_launched, receipt.launches) == (True, 1)
        assert launches(sandbox) == [1]


@pytest.mark.parametrize("status", [419, 440, 498])
async def test_a_session_that_has_ended_answers_no_question(
    sandbox: Sandbox, connect: Connect, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "_LONGEST_SPACE_SECONDS", 0.01)
    sandbox.faults.add(Fault(operation="launch", when="after", drop=True))
    for question in ("report_csv", "sender"):
        sandbox.faults.add(Fault(operation=question, status=status, times=None))
    journal = memory_journal()
    async with sending(connect(), journal) as sender:
        with pytest.raises(MediasflowError):
            await sender.send("order-1", request_for(sender="ACME"))
        sandbox.faults.clear()
        receipt = await sender.send("order-1", request_for(sender="ACME"))
    assert (receipt.launches, receipt.reason) == (1, Reason.SHOWN_BY_REPORT)
    assert launches(sandbox) == [1]


async def test_a_scheduled_launch_in_doubt_is_found_scheduled(
    sandbox: Sandbox, connect: Connect
) -> None:
    date = (sandbox.clock.now() + timedelta(days=1)).replace(hour=9)
    sandbox.faults.add(Fault(operation="launch", when="after", drop=True))
    async with sending(connect(dialect=Dialect(conflict_shows_launch=True))) as sender:
        receipt = await sender.send("order-1", request_for(schedule_on=date))
    assert (receipt.reason, receipt.launches) == (Reason.SHOWN_BY_STATE, 1)
    assert [campaign.status for campaign in sandbox.campaigns] == ["SCHEDULED"]


@pytest.mark.parametrize("status", [400, 404, 413, 422])
async def test_a_launch_that_is_refused_for_good_is_rejected(
    sandbox: Sandbox, connect: Connect, status: int
) -> None:
    sandbox.faults.add(Fault(operation="launch", status=status))
    async with sending(connect()) as sender:
        receipt = await sender.send("order-1", request_for())
    assert (receipt.state, receipt.reason, receipt.status) == (
        State.REJECTED,
        Reason.REFUSED,
        status,
    )
    assert receipt.error is not None
    assert launches(sandbox) == []


@pytest.mark.parametrize("status", [401, 403, 405])
async def test_a_launch_that_may_not_be_made_waits_for_the_settings_to_be_put_right(
    sandbox: Sandbox, connect: Connect, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "_LONGEST_SPACE_SECONDS", 0.01)
    # Two calls, each with six tokens, are made before a 401 is an error: so many lost tokens
    # leave a server alone for a minute.
    monkeypatch.setattr(auth, "_MOST_TOKENS_LOST", 100)
    times = 12 if status == 401 else 2
    sandbox.faults.add(Fault(operation="launch", status=status, times=times))
    journal = memory_journal()
    async with sending(connect(), journal) as sender:
        with pytest.raises(Exception, match=str(status)):
            await sender.send("order-1", request_for())
        assert journal.kept["order-1"].state is State.PREPARED
        sandbox.faults.clear()
        assert (await sender.send("order-1", request_for())).is_launched
    assert launches(sandbox) == [1]


async def test_too_many_requests_are_waited_for_and_tried_again(
    sandbox: Sandbox, connect: Connect
) -> None:
    busy: dict[str, Any] = {"status": 429, "headers": {"Retry-After": "0.01"}}
    sandbox.faults.add(Fault(operation="prepare", **busy))
    sandbox.faults.add(Fault(operation="launch", **busy))
    async with sending(connect()) as sender:
        assert (await sender.send("order-1", request_for())).is_launched
    assert launches(sandbox) == [1]


async def test_retries_of_a_sender_can_be_turned_off_for_a_test(
    sandbox: Sandbox, connect: Connect
) -> None:
    sandbox.faults.add(Fault(operation="prepare", status=503, times=None))
    async with sending(connect()) as sender:
        with no_retries(), pytest.raises(ServerError):
            await sender.send("order-1", request_for())
    assert sum(request.operation == "inject" for request in sandbox.requests) == 1


@pytest.mark.parametrize("is_off", [True, False])
async def test_lost_tokens_are_retries_of_a_sender_too(
    sandbox: Sandbox,
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
    is_off: bool,  # noqa: FBT001
) -> None:
    monkeypatch.setattr(auth, "_LONGEST_SPACE_SECONDS", 0.001)
    sandbox.faults.add(Fault(operation="prepare", status=401, times=None))
    async with sending(connect()) as sender:
        with no_retries() if is_off else nullcontext(), pytest.raises(TokenLost):
            await sender.send("order-1", request_for())
    injected = sum(request.operation == "inject" for request in sandbox.requests)
    assert injected == (6 if is_off else 12)


async def test_a_refusal_of_a_second_launch_is_no_refusal_of_the_first(
    sandbox: Sandbox, connect: Connect
) -> None:
    sandbox.faults.add(Fault(operation="launch", drop=True))
    sandbox.faults.add(Fault(operation="launch", status=400))
    async with sending(connect()) as sender:
        receipt = await sender.send("order-1", request_for())
    assert (receipt.state, receipt.launches) == (State.LAUNCHED, 3)
    assert launches(sandbox) == [1]


NOTHING_SHOWS: list[dict[str, Any]] = [
    {"draft_probes": ()},
    {"draft_probes": (), "report_shows_launch": False},
    {"draft_probes": "set_sender", "set_sender_shows_draft": False},
]


@pytest.mark.parametrize("choices", NOTHING_SHOWS, ids=str)
async def test_what_nobody_can_tell_is_parked_for_a_person(
    sandbox: Sandbox, connect: Connect, caplog: pytest.LogCaptureFixture, choices: dict[str, Any]
) -> None:
    sandbox.faults.add(Fault(operation="launch", drop=True))
    # Of a state the guide says nothing: these servers answer with none.
    sandbox.faults.add(Fault(operation="sender", body=b"{}", times=None))
    async with sending(connect(dialect=Dialect(**choices))) as sender:
        with caplog.at_level(logging.WARNING, "mediasflow_async"):
            receipt = await sender.send("order-1", request_for())
        again = await sender.send("order-1", request_for())
        (parked,) = [found async for found in sender.parked()]
    assert (receipt.state, receipt.reason) == (State.PARKED, Reason.NO_EVIDENCE)
    assert again.is_recorded
    assert (parked.key, parked.campaign_id) == ("order-1", receipt.campaign_id)
    assert f"campaign {receipt.campaign_id}" in parked.advice
    assert "is parked" in caplog.text
    assert launches(sandbox) == []


async def test_an_accepted_sender_without_a_state_may_be_said_to_show_a_draft(
    sandbox: Sandbox, connect: Connect
) -> None:
    sandbox.faults.add(Fault(operation="launch", drop=True))
    sandbox.faults.add(Fault(operation="sender", body=b"{}", times=None))
    dialect = Dialect(set_sender_shows_draft=True)
    async with sending(connect(dialect=dialect)) as sender:
        receipt = await sender.send("order-1", request_for())
    assert (receipt.is_launched, receipt.launches) == (True, 2)


@pytest.mark.parametrize(("shows", "state"), [(False, State.PARKED), (True, State.LAUNCHED)])
async def test_a_conflict_may_be_said_to_show_a_launch(
    sandbox: Sandbox, connect: Connect, *, shows: bool, state: State
) -> None:
    sandbox.faults.add(Fault(operation="launch", when="after", drop=True))
    dialect = Dialect(report_shows_launch=False, conflict_shows_launch=shows)
    async with sending(connect(dialect=dialect)) as sender:
        receipt = await sender.send("order-1", request_for())
    assert receipt.state is state


async def test_a_status_may_be_said_to_prove_nothing(sandbox: Sandbox, connect: Connect) -> None:
    sandbox.faults.add(Fault(operation="launch", when="after", status=400))
    async with sending(connect(dialect=Dialect(launch_refusals=()))) as sender:
        assert (await sender.send("order-1", request_for())).is_launched
    assert launches(sandbox) == [1]


async def test_a_draft_is_parked_when_the_relaunch_window_has_passed(
    sandbox: Sandbox, connect: Connect
) -> None:
    sandbox.faults.add(Fault(operation="launch", drop=True))
    options = {"relaunch_window": 0.01}
    async with sending(connect(), None, **options) as sender:
        receipt = await sender.send("order-1", request_for())
        (parked,) = [found async for found in sender.parked()]
    assert (receipt.state, receipt.reason) == (State.PARKED, Reason.TOO_LATE)
    assert "draft" in parked.advice
    assert launches(sandbox) == []


async def test_a_relaunch_that_waits_too_long_for_its_turn_is_parked(
    sandbox: Sandbox, connect: Connect
) -> None:
    passed = timedelta(0)

    class Waiting(MemoryJournal):
        """A journal whose clock goes on by an hour when all questions have been asked."""

        async def pace(self, rate: float) -> timedelta:
            nonlocal passed
            answered = [request for request in sandbox.requests if request.operation == "sender"]
            if len(answered) == 2:
                passed = timedelta(hours=1)
            return await super().pace(rate)

    sandbox.faults.add(Fault(operation="launch", drop=True))
    journal = Waiting(lambda: datetime.now(UTC) + passed)
    async with sending(connect(), journal, rate=1000) as sender:
        receipt = await sender.send("order-1", request_for())
    assert (receipt.state, receipt.reason) == (State.PARKED, Reason.TOO_LATE)
    assert launches(sandbox) == []
    # The draft and the launch that was lost.
    assert [request.operation for request in sandbox.requests].count("inject") == 2


@pytest.mark.parametrize("fault", [{"drop": True}, {"status": 503}, {"status": 401}], ids=str)
async def test_a_server_that_cannot_be_asked_decides_nothing(
    sandbox: Sandbox, connect: Connect, fault: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A question has half a lease, and these leases are short: logins must not wait for long.
    monkeypatch.setattr(auth, "_LONGEST_SPACE_SECONDS", 0.01)
    # Two questions lose as many tokens as leave a server alone for a minute.
    monkeypatch.setattr(auth, "_MOST_TOKENS_LOST", 100)
    sandbox.faults.add(Fault(operation="launch", when="after", drop=True))
    for operation in ("sender", "report_csv"):
        sandbox.faults.add(Fault(operation=operation, times=None, **fault))
    journal = memory_journal()
    async with sending(connect(), journal) as sender:
        with pytest.raises(DeliveryUnknown, match="could not be asked") as caught:
            await sender.send("order-1", request_for())
        assert "resume" in str(caught.value)
        entry = journal.kept["order-1"]
        assert (entry.state, entry.owner) == (State.LAUNCHING, None)
        sandbox.faults.clear()
        resumed = await sender.resume()
    assert resumed.ended == {State.LAUNCHED: 1}
    assert launches(sandbox) == [1]


async def test_a_login_that_is_refused_to_a_question_says_so(
    sandbox: Sandbox, connect: Connect
) -> None:
    session = connect()
    async with sending(session, None) as sender:
        await session.blacklist.entries()
        sandbox.faults.add(Fault(operation="launch", when="after", drop=True))
        for operation in ("sender", "report_csv"):
            sandbox.faults.add(Fault(operation=operation, times=None, status=401))
        sandbox.faults.add(Fault(operation="login", times=None, status=401))
        with pytest.raises(DeliveryUnknown, match="could not be asked") as caught:
            await sender.send("order-1", request_for())
    assert caught.value.login_refused
    assert caught.value.next_step.startswith("Do not send it again another way.")
    assert "Check the username and password" in caught.value.next_step


async def test_a_server_that_has_failed_for_too_long_leaves_it_to_a_person(
    sandbox: Sandbox, connect: Connect
) -> None:
    sandbox.faults.add(Fault(operation="launch", when="after", drop=True))
    for operation in ("sender", "report_csv"):
        sandbox.faults.add(Fault(operation=operation, times=None, status=503))
    options = {"relaunch_window": 0.01}
    async with sending(connect(), None, **options) as sender:
        receipt = await sender.send("order-1", request_for())
    assert (receipt.state, receipt.reason) == (State.PARKED, Reason.NO_EVIDENCE)


@pytest.mark.parametrize(("launched", "state"), [(True, State.LAUNCHED), (False, State.CANCELLED)])
async def test_a_person_decides_what_is_parked(
    sandbox: Sandbox, connect: Connect, *, launched: bool, state: State
) -> None:
    sandbox.faults.add(Fault(operation="launch", drop=True))
    async with sending(connect(dialect=Dialect(draft_probes=()))) as sender:
        await sender.send("order-1", request_for())
        receipt = await sender.resolve("order-1", launched=launched)
        assert await sender.resolve("order-1", launched=launched) == receipt
        with pytest.raises(NotParked, match=state):
            await sender.resolve("order-1", launched=not launched)
        assert [found async for found in sender.parked()] == []
        assert (await sender.send("order-1", request_for())).state is state
    assert (receipt.state, receipt.reason) == (state, Reason.BY_PERSON)
    assert launches(sandbox) == []


async def test_there_is_nothing_to_decide_about_an_unknown_key(connect: Connect) -> None:
    async with sending(connect()) as sender:
        with pytest.raises(KeyUnknown, match="order-1"):
            await sender.resolve("order-1", launched=True)
