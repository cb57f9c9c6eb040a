from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from mediasflow_async import (
    CampaignRequest,
    CampaignStatus,
    Conflict,
    DeliveryUnknown,
    Dialect,
    Session,
)
from mediasflow_async.sandbox import Fault, Sandbox, ServerRules
from tests.support.inspection import texts

pytestmark = pytest.mark.anyio


@pytest.mark.every_backend
async def test_the_sender_of_a_draft_can_be_changed(
    session: Session, sandbox: Sandbox, hello: CampaignRequest
) -> None:
    draft = await session.campaigns.prepare(hello)

    changed = await session.campaigns.set_sender(draft.id, "NewName")
    await session.campaigns.launch(draft.id)

    assert (changed.id, changed.sender) == (draft.id, "NewName")
    assert [message.sender for message in sandbox.messages] == ["NewName"]


async def test_the_sender_of_a_launched_campaign_stays(
    session: Session, hello: CampaignRequest
) -> None:
    campaign = await session.campaigns.send(hello)

    with pytest.raises(Conflict):
        await session.campaigns.set_sender(campaign.id, "TooLate")


@pytest.mark.parametrize("place", ["query", "form", "json"])
async def test_a_put_has_its_parameters_where_the_dialect_wants_them(
    hello: CampaignRequest, place: Any
) -> None:
    dialect = Dialect(put_params=place)
    with Sandbox(rules=ServerRules(put_params=frozenset({place}))).serve_in_thread() as sandbox:
        address = sandbox.base_url
        async with Session(
            sandbox.username, sandbox.password, base_url=address, dialect=dialect
        ) as session:
            draft = await session.campaigns.prepare(hello)
            changed = await session.campaigns.set_sender(draft.id, "NewName")
            await session.campaigns.test(draft.id, ["0611111111"])
        assert changed.sender == "NewName"
        assert len(sandbox.messages) == 1


async def test_a_set_sender_that_answers_nothing_still_names_the_campaign(
    session: Session, sandbox: Sandbox, hello: CampaignRequest
) -> None:
    draft = await session.campaigns.prepare(hello)
    sandbox.faults.add(Fault(operation="sender", when="after", body=b""))

    changed = await session.campaigns.set_sender(draft.id, "NewName")

    assert (changed.id, changed.sender, sandbox.campaigns[0].sender) == (draft.id, None, "NewName")


@pytest.mark.every_backend
async def test_a_test_goes_to_the_given_numbers_and_changes_nothing(
    session: Session, sandbox: Sandbox, hello: CampaignRequest
) -> None:
    draft = await session.campaigns.prepare(hello)

    answer = await session.campaigns.test(
        draft.id, ["0611111111", " +33 6 22 22 22 22 "], sender="Essai"
    )

    assert answer.id == draft.id
    assert [(m.mobile, m.sender, m.is_test) for m in sandbox.messages] == [
        ("+33611111111", "Essai", True),
        ("+33622222222", "Essai", True),
    ]
    assert sandbox.campaigns[0].sender == "36184"
    assert sandbox.campaigns[0].status == "DRAFT"


async def test_a_test_to_one_number_takes_it_bare(
    session: Session, sandbox: Sandbox, hello: CampaignRequest
) -> None:
    draft = await session.campaigns.prepare(hello)

    await session.campaigns.test(draft.id, "0611111111")

    assert texts(sandbox) == {"+33611111111": "Bonjour"}


async def test_a_text_of_numbers_is_read_as_the_guide_writes_it(
    session: Session, sandbox: Sandbox, hello: CampaignRequest
) -> None:
    draft = await session.campaigns.prepare(hello)

    await session.campaigns.test(draft.id, "33685812475; 33685812476;")

    assert set(texts(sandbox)) == {"+33685812475", "+33685812476"}


async def test_an_interrupted_test_is_not_repeated(
    session: Session, sandbox: Sandbox, hello: CampaignRequest
) -> None:
    draft = await session.campaigns.prepare(hello)
    sandbox.faults.add(Fault(operation="test", when="after", drop=True, times=None))

    with pytest.raises(DeliveryUnknown):
        await session.campaigns.test(draft.id, ["0611111111"])

    assert len(sandbox.messages) == 1


@pytest.mark.every_backend
async def test_a_scheduled_campaign_becomes_a_draft_when_cancelled(
    session: Session, sandbox: Sandbox, tomorrow_morning: datetime
) -> None:
    scheduled = await session.campaigns.send(
        CampaignRequest(msg="Bonjour", recipients=["0612345678"], schedule_on=tomorrow_morning)
    )
    assert scheduled.status is CampaignStatus.SCHEDULED
    assert sandbox.campaigns[0].starts_at == tomorrow_morning

    cancelled = await session.campaigns.cancel(scheduled.id)
    sandbox.clock.advance(timedelta(days=2))

    assert cancelled.status is CampaignStatus.DRAFT
    assert sandbox.messages == ()


async def test_a_scheduled_campaign_that_nobody_cancels_goes_out(
    session: Session, sandbox: Sandbox, tomorrow_morning: datetime
) -> None:
    await session.campaigns.send(
        CampaignRequest(msg="Bonjour", recipients=["0612345678"], schedule_on=tomorrow_morning)
    )

    sandbox.clock.advance(timedelta(days=2))

    assert [message.sent_at for message in sandbox.messages] == [tomorrow_morning]


async def test_less_than_10_seconds_before_is_too_late_to_cancel(
    session: Session, go_to: Callable[[datetime], None], tomorrow_morning: datetime
) -> None:
    scheduled = await session.campaigns.send(
        CampaignRequest(msg="Bonjour", recipients=["0612345678"], schedule_on=tomorrow_morning)
    )
    go_to(tomorrow_morning - timedelta(seconds=5))

    with pytest.raises(Conflict):
        await session.campaigns.cancel(scheduled.id)


async def test_a_campaign_without_a_date_cannot_be_cancelled(
    session: Session, hello: CampaignRequest
) -> None:
    draft = await session.campaigns.prepare(hello)

    with pytest.raises(Conflict):
        await session.campaigns.cancel(draft.id)


@pytest.mark.sandbox(rules=ServerRules(cancel_methods=frozenset({"POST"})))
async def test_another_method_to_cancel_is_learned_from_the_refusal(
    session: Session, tomorrow_morning: datetime
) -> None:
    request = CampaignRequest(
        msg="Bonjour", recipients=["0612345678"], schedule_on=tomorrow_morning
    )
    scheduled = await session.campaigns.send(request)

    assert (await session.campaigns.cancel(scheduled.id)).status is CampaignStatus.DRAFT
