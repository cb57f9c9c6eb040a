"""What a sender does with a key when nothing goes wrong, or the request is at fault."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mediasflow_async import CampaignRequest, InvalidRequest, Recipient
from mediasflow_async.delivery import Journal, KeyConflict, Reason, Receipt, SenderStopped, State
from mediasflow_async.delivery.records import Order, digest_of
from mediasflow_async.errors import BadRequest, ConfigurationError
from mediasflow_async.sandbox import Fault, Sandbox
from tests.support.journals import sqlite_url
from tests.support.senders import (
    MOBILE,
    TEXT,
    kept,
    launches,
    memory_journal,
    quick_sender,
    request_for,
    sending,
)
from tests.support.sessions import Connect

pytest_plugins = ["tests.support.session_fixtures"]
pytestmark = pytest.mark.anyio


@pytest.mark.every_backend
async def test_a_campaign_is_sent_once_under_its_key(
    sandbox: Sandbox, connect: Connect, tmp_path: Path
) -> None:
    async with Journal.open(sqlite_url(tmp_path)) as journal, sending(connect(), journal) as sender:
        first = await sender.send("order-1", request_for())
        again = await sender.send("order-1", request_for())
    assert (first.state, first.reason, first.launches) == (State.LAUNCHED, Reason.ANSWERED, 1)
    assert first.campaign is not None
    assert first.campaign.id == first.campaign_id
    assert (first.is_recorded, again.is_recorded) == (False, True)
    assert (again.state, again.campaign_id) == (first.state, first.campaign_id)
    assert again.launched_at == first.launched_at
    assert launches(sandbox) == [1]


async def test_another_process_finds_what_was_sent(
    sandbox: Sandbox, connect: Connect, tmp_path: Path
) -> None:
    for is_later in (False, True):
        async with (
            Journal.open(sqlite_url(tmp_path)) as journal,
            sending(connect(), journal) as sender,
        ):
            receipt = await sender.send("order-1", request_for())
        assert receipt.is_recorded is is_later
    assert launches(sandbox) == [1]


async def test_the_journal_file_holds_no_number_and_no_text(
    connect: Connect, tmp_path: Path
) -> None:
    request = request_for("secret name", recipients=[Recipient(MOBILE, last_name="Durand")])
    async with Journal.open(sqlite_url(tmp_path)) as journal:
        async with sending(connect(), journal) as sender:
            await sender.send("order-1", request)
        exported = "".join([line async for line in journal.export()])
    files = sorted(tmp_path.iterdir())  # noqa: ASYNC240  nothing else runs here
    written = b"".join(file.read_bytes() for file in files) + exported.encode()
    assert b"order-1" in written
    for secret in (MOBILE, MOBILE[1:], "600001601", TEXT, "secret name", "Durand"):
        assert secret.encode() not in written


async def test_a_key_is_for_one_payload(sandbox: Sandbox, connect: Connect) -> None:
    async with sending(connect()) as sender:
        await sender.send("order-1", request_for())
        others: list[dict[str, Any]] = [
            {"request": request_for(msg="Another text")},
            {"request": request_for(recipients=["+33600001602"])},
            {"request": request_for(), "sender": "OTHER"},
        ]
        for other in others:
            with pytest.raises(KeyConflict, match="another payload"):
                await sender.send("order-1", **other)
    assert launches(sandbox) == [1]


async def test_a_key_that_looks_like_a_number_is_masked_in_errors(connect: Connect) -> None:
    async with sending(connect()) as sender:
        await sender.send(MOBILE, request_for())
        with pytest.raises(KeyConflict) as caught:
            await sender.send(MOBILE, request_for(msg="Another"))
    assert MOBILE not in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301  our own


async def test_the_launch_can_name_another_sender(sandbox: Sandbox, connect: Connect) -> None:
    async with sending(connect()) as sender:
        await sender.send("order-1", request_for(sender="ACME"), sender="OTHER")
    assert [message.sender for message in sandbox.messages] == ["OTHER"]


async def test_a_campaign_without_a_sender_has_the_short_code(
    sandbox: Sandbox, connect: Connect
) -> None:
    async with sending(connect()) as sender:
        await sender.send("order-1", request_for(sender=None))
    assert [message.sender for message in sandbox.messages] == ["36184"]


async def test_a_prepared_campaign_is_launched_under_a_key(
    sandbox: Sandbox, connect: Connect
) -> None:
    async with connect() as session, quick_sender(session, memory_journal()) as sender:
        draft = await session.campaigns.prepare(request_for())
        request = CampaignRequest(campaign_id=draft.id, sender="LATER")
        receipt = await sender.send("order-1", request)
        taken = await sender.send("order-2", request)
    assert (receipt.campaign_id, receipt.state) == (draft.id, State.LAUNCHED)
    assert (taken.state, taken.reason) == (State.REJECTED, Reason.CAMPAIGN_TAKEN)
    assert launches(sandbox) == [1]
    assert sandbox.messages[0].sender == "LATER"


async def test_a_prepared_campaign_is_launched_as_it_is(connect: Connect) -> None:
    async with sending(connect()) as sender:
        with pytest.raises(InvalidRequest, match="launched as it is"):
            await sender.send("order-1", CampaignRequest(campaign_id=7, msg="New text"))


async def test_a_scheduled_campaign_is_launched_for_its_date(
    sandbox: Sandbox, connect: Connect
) -> None:
    date = sandbox.clock.now() + timedelta(days=1)
    request = request_for(schedule_on=date.replace(hour=9, minute=0, second=0, microsecond=0))
    async with sending(connect()) as sender:
        receipt = await sender.send("order-1", request)
    assert receipt.is_launched
    assert [campaign.status for campaign in sandbox.campaigns] == ["SCHEDULED"]
    sandbox.clock.advance(timedelta(days=2))
    assert len(sandbox.messages) == 1


async def test_a_list_is_uploaded_for_a_crowd(sandbox: Sandbox, connect: Connect) -> None:
    crowd = request_for(recipients=[f"+336000016{number:02}" for number in range(60)])
    async with sending(connect()) as sender:
        with pytest.raises(InvalidRequest, match="50"):
            await sender.send("order-1", crowd)
        receipt = await sender.send("order-1", crowd, auto_list=True)
    assert receipt.is_launched
    assert len(sandbox.messages) == 60


async def test_an_uploaded_list_is_sent_to(sandbox: Sandbox, connect: Connect) -> None:
    async with connect() as session, quick_sender(session, memory_journal()) as sender:
        uploaded = await session.lists.upload([{"mobile": MOBILE}], filename="list.csv")
        await sender.send("order-1", request_for(recipients=(), list_ids=[uploaded.id]))
    assert [message.mobile for message in sandbox.messages] == [MOBILE]


async def test_a_request_that_breaks_the_rules_leaves_its_key_free(
    sandbox: Sandbox, connect: Connect
) -> None:
    journal = memory_journal()
    async with sending(connect(), journal) as sender:
        with pytest.raises(InvalidRequest, match="msg"):
            await sender.send("order-1", request_for(msg=None))
        assert await sender.status("order-1") is None
        assert (await sender.send("order-1", request_for())).is_launched
    assert launches(sandbox) == [1]


async def test_a_receipt_is_found_when_the_date_of_its_request_has_passed(
    sandbox: Sandbox, connect: Connect
) -> None:
    journal = memory_journal()
    past = request_for(schedule_on=datetime(2024, 1, 9, 9, tzinfo=UTC))
    async with sending(connect(), journal) as sender:
        with pytest.raises(InvalidRequest, match="schedule_on"):
            await sender.send("order-1", past)
        digest = digest_of(Order(request=past), journal.salt)
        await journal.claim("order-1", digest, owner="dead", lease=timedelta(0))
        receipt = await sender.send("order-1", past)
        again = await sender.send("order-1", past)
    assert (receipt.state, receipt.reason) == (State.REJECTED, Reason.INVALID)
    assert isinstance(receipt.error, InvalidRequest)
    assert again.is_recorded
    assert sandbox.campaigns == ()


@pytest.mark.parametrize("key", ["", "a\nb", "x" * 256, 5, None])
async def test_a_key_is_printable_and_not_too_long(connect: Connect, key: Any) -> None:
    async with sending(connect()) as sender:
        with pytest.raises(InvalidRequest, match="key"):
            await sender.send(key, request_for())


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_what_the_server_refuses_to_prepare_is_rejected(
    sandbox: Sandbox, connect: Connect, status: int
) -> None:
    sandbox.faults.add(Fault(operation="prepare", status=status))
    async with sending(connect()) as sender:
        receipt = await sender.send("order-1", request_for())
        again = await sender.send("order-1", request_for())
    assert (receipt.state, receipt.status) == (State.REJECTED, status)
    assert isinstance(receipt.error, BadRequest)
    assert (again.state, again.status, again.error) == (State.REJECTED, status, None)
    assert sandbox.campaigns == ()


async def test_the_status_of_a_key_is_told(connect: Connect) -> None:
    async with sending(connect()) as sender:
        assert await sender.status("order-1") is None
        sent = await sender.send("order-1", request_for())
        status = await sender.status("order-1")
    assert status == Receipt(
        key="order-1",
        state=State.LAUNCHED,
        campaign_id=sent.campaign_id,
        reason=Reason.ANSWERED,
        launched_at=sent.launched_at,
        launches=1,
        is_recorded=True,
    )


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("limit", 0),
        ("limit", 1.5),
        ("in_doubt", 0),
        ("settle", 0),
        ("settle", None),
        ("settle", 1e300),
        ("lease", 1e13),
        ("confirmations", 0),
        ("confirmations", True),
        ("confirm_every", -1),
        ("lease", "long"),
        ("relaunch_window", None),
        ("patience", 0),
        ("rate", 0),
        ("rate", float("nan")),
    ],
)
async def test_an_option_that_cannot_be_taken_is_named(
    connect: Connect, option: str, value: Any
) -> None:
    async with connect() as session:
        with pytest.raises(ConfigurationError, match=option):
            quick_sender(session, memory_journal(), **{option: value})


def test_a_sender_can_be_made_before_there_is_an_event_loop(connect: Connect) -> None:
    quick_sender(connect(), memory_journal())


async def test_a_closed_sender_begins_nothing(sandbox: Sandbox, connect: Connect) -> None:
    journal = memory_journal()
    async with connect() as session:
        async with quick_sender(session, journal) as sender:
            pass
        with pytest.raises(SenderStopped):
            await sender.send("order-1", request_for())
        await sender.aclose()
        assert await journal.get("order-1") is None
        assert not session.__repr__().endswith("closed>")
    assert sandbox.campaigns == ()


async def test_nothing_of_a_lease_is_left_when_it_has_ended(connect: Connect) -> None:
    journal = memory_journal()
    async with sending(connect(), journal) as sender:
        await sender.send("order-1", request_for())
    entry = await kept(journal, "order-1")
    assert (entry.owner, entry.lease_until) == (None, None)
