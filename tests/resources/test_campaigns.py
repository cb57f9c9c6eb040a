from __future__ import annotations

from collections.abc import Callable

import pytest

from mediasflow_async import (
    CampaignRequest,
    CampaignStatus,
    CampaignType,
    Conflict,
    DeliveryUnknown,
    InvalidRequest,
    NotFound,
    Recipient,
    Renderer,
    Session,
    TinyUrl,
)
from mediasflow_async.sandbox import Fault, Sandbox
from tests.support.inspection import bodies, texts

pytestmark = pytest.mark.anyio


@pytest.mark.every_backend
async def test_a_simple_campaign_is_sent_by_one_request(
    session: Session, sandbox: Sandbox, hello: CampaignRequest, operations: Callable[[], list[str]]
) -> None:
    campaign = await session.campaigns.send(hello)

    assert campaign.id == 943
    assert texts(sandbox) == {"+33612345678": "Bonjour"}
    assert operations() == ["inject"]
    assert bodies(sandbox) == [
        {"listRecipient": [{"mobile": "0612345678"}], "msg": "Bonjour", "startNow": True}
    ]


async def test_sending_takes_start_now_for_granted_and_leaves_the_request_as_it_is(
    session: Session, sandbox: Sandbox, hello: CampaignRequest
) -> None:
    await session.campaigns.send(hello)

    assert len(sandbox.messages) == 1
    assert hello.start_now is False


async def test_the_parameters_of_a_campaign_take_effect(session: Session, sandbox: Sandbox) -> None:
    campaign = await session.campaigns.send(
        CampaignRequest(
            msg="Colis {{REF}} de {{firstName}} pour {{Ville}} : {{track_1}}",
            recipients=[
                Recipient("0632545311", first_name="Anna", fields={"REF": "A1", "Ville": ""})
            ],
            renderer=Renderer.HANDLEBARS,
            defaults={"Ville": "Paris"},
            sender="Relais",
            type=CampaignType.NOTIFICATION,
            campaign_name="Colis du soir",
            check_duplicate=False,
            tiny_urls=[TinyUrl(index=0, url="https://example.org/?ref=${REF}", label="Suivi")],
        )
    )

    (message,) = sandbox.messages
    assert message.text.startswith("Colis A1 de Anna pour Paris : ")
    assert "track_1" not in message.text
    assert (message.sender, message.type) == ("Relais", "P2P")
    assert campaign.type is CampaignType.NOTIFICATION
    assert campaign.campaign_name == "Colis du soir"
    assert campaign.check_duplicate is False
    assert [link.url for link in campaign.tiny_urls] == ["https://example.org/?ref=${REF}"]


@pytest.mark.parametrize(
    ("renderer", "placeholder"),
    [
        (Renderer.BASIC, "${REF}"),
        (Renderer.MEDIASFLOW, "$$[REF]"),
        (Renderer.MEDIASFLOW_B, "$$[record]REF$$"),
        (Renderer.HANDLEBARS, "{{REF}}"),
        (Renderer.EJS, "<%= REF %>"),
        (Renderer.VELOCITY, "$REF"),
    ],
)
async def test_each_renderer_reaches_the_server(
    session: Session, sandbox: Sandbox, renderer: Renderer, placeholder: str
) -> None:
    anna = Recipient("0612345678", fields={"REF": "A1"})
    request = CampaignRequest(msg=f"Ref {placeholder}", recipients=[anna], renderer=renderer)

    await session.campaigns.send(request)

    assert texts(sandbox) == {"+33612345678": "Ref A1"}


async def test_an_interrupted_send_is_in_doubt_and_never_repeated(
    session: Session, sandbox: Sandbox, hello: CampaignRequest
) -> None:
    sandbox.faults.add(Fault(operation="send", when="after", drop=True, times=None))

    with pytest.raises(DeliveryUnknown):
        await session.campaigns.send(hello)

    assert len(sandbox.messages) == 1


async def test_a_prepared_campaign_is_not_sent_under_another_name(session: Session) -> None:
    with pytest.raises(InvalidRequest, match=r"campaign_id.*launch"):
        await session.campaigns.send(CampaignRequest(campaign_id=943))


async def test_inject_is_the_raw_call(session: Session, sandbox: Sandbox) -> None:
    draft = await session.campaigns.inject(
        CampaignRequest(msg="Bonjour", recipients=["0612345678"])
    )
    assert (draft.status, sandbox.messages) == (CampaignStatus.DRAFT, ())

    await session.campaigns.inject(CampaignRequest(campaign_id=draft.id, start_now=True))
    assert len(sandbox.messages) == 1


@pytest.mark.every_backend
async def test_a_prepared_campaign_is_counted_and_goes_out_when_it_is_launched(
    session: Session, sandbox: Sandbox
) -> None:
    numbers = ["0612345678", "+33612345678", "0698765432"]
    draft = await session.campaigns.prepare(CampaignRequest(msg="Bonjour", recipients=numbers))

    assert draft.status is CampaignStatus.DRAFT
    assert (draft.count_valid, draft.count_duplicate, draft.credit_count) == (2, 1, 2.0)
    assert not sandbox.messages

    launched = await session.campaigns.launch(draft.id)

    assert launched.id == draft.id
    assert {message.sender for message in sandbox.messages} == {"36184"}
    assert len(sandbox.messages) == 2


async def test_a_launch_can_change_the_sender(session: Session, sandbox: Sandbox) -> None:
    request = CampaignRequest(msg="Bonjour", recipients=["0612345678"], sender="FIRST")
    draft = await session.campaigns.prepare(request)

    launched = await session.campaigns.launch(draft.id, sender="SENDER2")

    assert launched.sender == "SENDER2"
    assert [message.sender for message in sandbox.messages] == ["SENDER2"]
    assert bodies(sandbox)[-1] == {"campaignId": 943, "sender": "SENDER2", "startNow": True}


async def test_a_campaign_is_launched_once(
    session: Session, sandbox: Sandbox, hello: CampaignRequest
) -> None:
    draft = await session.campaigns.prepare(hello)
    await session.campaigns.launch(draft.id)

    with pytest.raises(Conflict) as caught:
        await session.campaigns.launch(draft.id)

    assert caught.value.campaign_id == draft.id
    assert len(sandbox.messages) == 1


async def test_a_launch_whose_answer_is_lost_names_its_campaign(
    session: Session, sandbox: Sandbox, hello: CampaignRequest
) -> None:
    draft = await session.campaigns.prepare(hello)
    sandbox.faults.add(Fault(operation="launch", when="after", reset=True, times=None))

    with pytest.raises(DeliveryUnknown) as caught:
        await session.campaigns.launch(draft.id)

    assert caught.value.campaign_id == draft.id
    assert sandbox.campaigns[0].launches == 1


async def test_preparing_is_repeated_until_it_works(
    session: Session, sandbox: Sandbox, hello: CampaignRequest
) -> None:
    sandbox.faults.add(Fault(operation="prepare", when="after", drop=True))

    draft = await session.campaigns.prepare(hello)

    assert draft.status is CampaignStatus.DRAFT
    assert sandbox.messages == ()


async def test_an_unknown_campaign_cannot_be_launched(session: Session) -> None:
    with pytest.raises(NotFound):
        await session.campaigns.launch(7)
