from __future__ import annotations

from typing import Any

import pytest

from mediasflow_async import CampaignRequest, InvalidRequest, NotFound, PermissionDenied, Session
from mediasflow_async.sandbox import Sandbox, User

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("campaign_id", [0, -1, True, "943", "../admin", None, 9.0])
@pytest.mark.parametrize("function", ["launch", "cancel", "set_sender", "test"])
async def test_what_is_no_campaign_number_never_leaves(
    session: Session, sandbox: Sandbox, function: str, campaign_id: Any
) -> None:
    more: dict[str, list[Any]] = {"set_sender": ["Sender"], "test": [["0612345678"]]}

    with pytest.raises(InvalidRequest, match="campaign_id"):
        await getattr(session.campaigns, function)(campaign_id, *more.get(function, []))

    assert sandbox.requests == ()


@pytest.mark.parametrize("sender", ["", "ab", "12345", "Too-Bad", "abcdefghijkl", "Sénder", 5])
@pytest.mark.parametrize("function", ["launch", "set_sender", "test"])
async def test_a_wrong_sender_never_leaves(
    session: Session, sandbox: Sandbox, function: str, sender: Any
) -> None:
    more = {"test": {"phone_numbers": "0612345678"}}.get(function, {})

    with pytest.raises(InvalidRequest, match="sender"):
        await getattr(session.campaigns, function)(943, sender=sender, **more)

    assert sandbox.requests == ()


async def test_a_change_of_sender_needs_a_sender(session: Session) -> None:
    nothing: Any = None
    with pytest.raises(InvalidRequest, match="sender"):
        await session.campaigns.set_sender(943, nothing)


@pytest.mark.parametrize("numbers", [[], "", ["abc"], [612345678], ["0612345678", "x"], 612345678])
async def test_wrong_test_numbers_never_leave(
    session: Session, sandbox: Sandbox, numbers: Any
) -> None:
    with pytest.raises(InvalidRequest, match="phone_numbers"):
        await session.campaigns.test(943, numbers)

    assert sandbox.requests == ()


async def test_every_problem_of_a_test_is_told_at_once(session: Session) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await session.campaigns.test(0, ["ok", "0612345678", "nok"], sender="1")

    assert [problem.field for problem in caught.value.problems] == [
        "campaign_id",
        "sender",
        "phone_numbers[0]",
        "phone_numbers[2]",
    ]


async def test_every_problem_of_a_campaign_is_told_at_once(
    session: Session, sandbox: Sandbox
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await session.campaigns.send(CampaignRequest(msg="", recipients=["0612AB"], sender="1234"))

    fields = [problem.field for problem in caught.value.problems]
    assert fields == ["msg", "recipients[0].mobile", "sender"]
    assert sandbox.requests == ()


async def test_the_servers_refusal_keeps_its_reason(session: Session) -> None:
    request = CampaignRequest(msg="Bonjour", list_ids=[7])

    with pytest.raises(NotFound, match="list"):
        await session.campaigns.send(request)


async def test_only_an_admin_sends_for_another_user() -> None:
    plain = User("plain", "secret", admin=False)
    with Sandbox(users=[plain]).serve_in_thread() as other:
        async with Session("plain", "secret", base_url=other.base_url) as session:
            request = CampaignRequest(
                msg="Bonjour", recipients=["0612345678"], user_owner_id=other.users[0].id
            )
            with pytest.raises(PermissionDenied):
                await session.campaigns.send(request)
