from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mediasflow_async import (
    BadRequest,
    CampaignRequest,
    InvalidRequest,
    Recipient,
    ResponseInvalid,
    Session,
)
from mediasflow_async.sandbox import Fault, Sandbox
from tests.support.inspection import texts

pytestmark = pytest.mark.anyio


def crowd(count: int) -> list[Recipient]:
    return [
        Recipient(
            f"06123{number:05}",
            title="Mme",
            last_name="L'Été; de",
            first_name=f"Anne {number}",
            email=f"{number}@example.org",
            phone="0112345678",
            fields={"REF": f'"{number}"', "Ville": "" if number else "Lyon", "Rang": number},
        )
        for number in range(count)
    ]


PERSONAL = "${title} ${lastName} ${firstName} ${email} ${phone} ${REF} ${Ville} ${Rang}"


@pytest.mark.every_backend
@pytest.mark.parametrize("count", [51, 200])
async def test_a_crowd_goes_up_as_a_list_and_each_gets_one_message(
    session: Session, sandbox: Sandbox, operations: Callable[[], list[str]], count: int
) -> None:
    request = CampaignRequest(msg=PERSONAL, recipients=crowd(count), check_duplicate=False)

    campaign = await session.campaigns.send(request, auto_list=True)

    assert operations() == ["upload", "inject"]
    assert campaign.count_recipient == count
    assert len(sandbox.messages) == count
    expected = 'Mme L\'Été; de Anne 7 7@example.org 0112345678 "7"  7'
    assert texts(sandbox)["+33612300007"] == expected


async def test_a_listed_recipient_gets_the_text_that_an_inline_one_gets(
    session: Session, sandbox: Sandbox
) -> None:
    people = crowd(51)
    inline = CampaignRequest(msg=PERSONAL, recipients=people[:50])
    listed = CampaignRequest(msg=PERSONAL, recipients=people)
    await session.campaigns.send(inline)
    await session.campaigns.send(listed, auto_list=True)

    messages = [message.text for message in sandbox.messages]

    assert messages[:50] == messages[50:100]


@pytest.mark.parametrize("defaults", [{}, {"REF": "none"}])
async def test_a_field_that_is_empty_for_everyone_stays_a_field(
    session: Session, sandbox: Sandbox, defaults: dict[str, str]
) -> None:
    people = [Recipient(f"06123{number:05}", fields={"REF": ""}) for number in range(51)]
    for recipients in (people[:50], people):
        request = CampaignRequest(msg="Ref ${REF}.", recipients=recipients, defaults=defaults)
        await session.campaigns.send(request, auto_list=True)

    assert [message.text for message in sandbox.messages] == [
        f"Ref {defaults.get('REF', '')}."
    ] * 101


async def test_a_crowd_is_added_to_the_lists_of_its_campaign(
    session: Session, sandbox: Sandbox
) -> None:
    uploaded = await session.lists.upload([{"mobile": "0799999999"}], filename="more")
    request = CampaignRequest(msg="Bonjour", recipients=crowd(60), list_ids=[uploaded.id or 0])

    await session.campaigns.send(request, auto_list=True)

    assert len(sandbox.messages) == 61


async def test_the_list_of_a_crowd_has_the_name_of_its_campaign(
    session: Session, sandbox: Sandbox
) -> None:
    request = CampaignRequest(msg="Bonjour", recipients=crowd(60), campaign_name="Soldes d'été")

    await session.campaigns.prepare(request, auto_list=True)

    upload = next(r for r in sandbox.requests if r.operation == "upload")
    assert "Soldes d'été".encode() in upload.body
    assert sandbox.messages == ()


async def test_fifty_recipients_need_no_list(
    session: Session, sandbox: Sandbox, operations: Callable[[], list[str]]
) -> None:
    request = CampaignRequest(msg="Bonjour", recipients=crowd(50))

    await session.campaigns.send(request, auto_list=True)

    assert operations() == ["inject"]
    assert len(sandbox.messages) == 50


async def test_a_crowd_is_refused_unless_a_list_is_allowed(
    session: Session, sandbox: Sandbox
) -> None:
    with pytest.raises(InvalidRequest, match="auto_list"):
        await session.campaigns.send(CampaignRequest(msg="Bonjour", recipients=crowd(51)))

    assert sandbox.requests == ()


async def test_a_crowd_whose_list_is_refused_gets_nothing(
    session: Session, sandbox: Sandbox, operations: Callable[[], list[str]]
) -> None:
    sandbox.faults.add(Fault(operation="upload", status=400, times=None))

    with pytest.raises(BadRequest):
        await session.campaigns.send(
            CampaignRequest(msg="Bonjour", recipients=crowd(51)), auto_list=True
        )

    assert operations() == ["upload"]
    assert sandbox.messages == ()


async def test_a_crowd_whose_list_has_no_number_gets_nothing(
    session: Session, sandbox: Sandbox, operations: Callable[[], list[str]]
) -> None:
    sandbox.faults.add(Fault(operation="upload", when="after", body=b'{"size": 51}'))

    with pytest.raises(ResponseInvalid):
        await session.campaigns.send(
            CampaignRequest(msg="Bonjour", recipients=crowd(51)), auto_list=True
        )

    assert operations() == ["upload"]


@pytest.mark.parametrize("wrong", ["06AB", Recipient("0612345678", fields={"REF": object()}), 7])
async def test_each_recipient_of_a_crowd_is_checked(
    session: Session, sandbox: Sandbox, wrong: Any
) -> None:
    request = CampaignRequest(msg="Bonjour", recipients=[*crowd(60), wrong])

    with pytest.raises(InvalidRequest) as caught:
        await session.campaigns.send(request, auto_list=True)

    assert caught.value.problems[0].field.startswith("recipients[60]")
    assert sandbox.requests == ()


async def test_a_problem_elsewhere_keeps_a_crowd_from_going_up(
    session: Session, sandbox: Sandbox
) -> None:
    with pytest.raises(InvalidRequest, match="sender"):
        await session.campaigns.send(
            CampaignRequest(msg="Bonjour", recipients=crowd(51), sender="1"), auto_list=True
        )

    assert sandbox.requests == ()


@pytest.mark.parametrize("name", ["mobile", "SMS", "portable", "Gsm"])
async def test_a_field_cannot_take_the_place_of_the_number(
    session: Session, sandbox: Sandbox, name: str
) -> None:
    people = [Recipient(f"06123{number:05}", fields={name: "0799999999"}) for number in range(51)]

    with pytest.raises(InvalidRequest, match="fields"):
        await session.campaigns.send(
            CampaignRequest(msg="Bonjour", recipients=people), auto_list=True
        )

    assert sandbox.messages == ()
