from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any

import pytest

from mediasflow_async import CampaignRequest, ConfigurationError, InvalidRequest, Session
from mediasflow_async.sandbox import Sandbox
from tests.support.inspection import texts

pytestmark = pytest.mark.anyio


def requests_to(numbers: Iterator[int]) -> Iterator[CampaignRequest]:
    for number in numbers:
        yield CampaignRequest(msg=f"Nr {number}", recipients=[f"06123{number:05}"])


@pytest.mark.every_backend
async def test_many_campaigns_are_prepared_and_then_launched(
    session: Session, sandbox: Sandbox
) -> None:
    drafts = session.campaigns.send_many(requests_to(iter(range(30))), limit=5, prepare_only=True)
    prepared = [outcome async for outcome in drafts]
    assert sandbox.messages == ()
    assert sorted(outcome.index for outcome in prepared) == list(range(30))

    ids = [outcome.unwrap().id for outcome in prepared]
    launched = [outcome async for outcome in session.campaigns.launch_many(ids, limit=5)]

    assert all(outcome.ok for outcome in launched)
    assert sorted(texts(sandbox).values()) == sorted(f"Nr {number}" for number in range(30))


async def test_many_campaigns_are_sent_from_an_async_source(
    session: Session, sandbox: Sandbox
) -> None:
    async def source() -> AsyncIterator[CampaignRequest]:
        for request in requests_to(iter(range(10))):
            yield request

    outcomes = [outcome async for outcome in session.campaigns.send_many(source())]

    assert {outcome.item.msg for outcome in outcomes} == set(texts(sandbox).values())


async def test_many_campaigns_may_upload_their_long_lists(
    session: Session, sandbox: Sandbox
) -> None:
    people = [f"06123{number:05}" for number in range(51)]
    requests = [CampaignRequest(msg="Bonjour", recipients=people)] * 2

    refused = [o async for o in session.campaigns.send_many(requests)]
    assert [type(outcome.error) for outcome in refused] == [InvalidRequest] * 2
    sent = [o async for o in session.campaigns.send_many(requests, auto_list=True)]

    assert all(outcome.ok for outcome in sent)
    assert len(sandbox.messages) == 2 * 51


async def test_one_campaign_that_fails_stops_no_other(session: Session, sandbox: Sandbox) -> None:
    good, bad = requests_to(iter([1, 2])), CampaignRequest(msg="", recipients=["0612345678"])

    outcomes = {
        o.index: o async for o in session.campaigns.send_many([next(good), bad, next(good)])
    }

    assert [outcomes[index].ok for index in range(3)] == [True, False, True]
    assert outcomes[1].item is bad
    with pytest.raises(InvalidRequest, match="msg"):
        outcomes[1].unwrap()
    assert len(sandbox.messages) == 2


async def test_an_endless_source_is_read_only_as_far_as_it_is_needed(
    session: Session, sandbox: Sandbox
) -> None:
    def endless() -> Iterator[CampaignRequest]:
        while True:
            yield CampaignRequest(msg="Bonjour", recipients=["0612345678"])

    async with aclosing(session.campaigns.send_many(endless(), limit=2)) as outcomes:
        taken = [await anext(outcomes) for _ in range(5)]

    assert all(outcome.ok for outcome in taken)
    assert len(sandbox.messages) <= 5 + 2 + 1
    assert (await session.blacklist.entries()) == []


@pytest.mark.parametrize("limit", [0, -1, 2.5, "3", True])
async def test_a_wrong_limit_is_refused_when_it_is_given(session: Session, limit: Any) -> None:
    with pytest.raises(ConfigurationError, match="limit"):
        session.campaigns.send_many([], limit=limit)
    with pytest.raises(ConfigurationError, match="limit"):
        session.campaigns.launch_many([], limit=limit)
