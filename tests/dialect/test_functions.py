"""How a cancel, the blacklist and a filter of statuses are asked for.

The server and the session are switched together, and apart.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any

import pytest

from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import ApiError
from mediasflow_async.models import CampaignRequest, CampaignStatus, Recipient
from mediasflow_async.sandbox import Fault, Sandbox, ServerRules
from mediasflow_async.session import Session

pytestmark = pytest.mark.anyio

ONE = CampaignRequest(
    msg="Bonjour ${REF}", recipients=[Recipient("0612345678", fields={"REF": "x"})]
)
Connect = Callable[..., AbstractAsyncContextManager[tuple[Sandbox, Session]]]
Sent = Callable[[Sandbox, str], list[tuple[str, str, int | None]]]


def in_two_hours(sandbox: Sandbox) -> datetime:
    moment = sandbox.clock.now().replace(microsecond=0) + timedelta(hours=2)
    # Twelve is another question.
    return moment + timedelta(hours=2) if moment.hour == 12 else moment


# 5. The method of a cancel.


async def scheduled(sandbox: Sandbox, session: Session) -> int:
    request = CampaignRequest(
        msg="Bonjour", recipients=["0612345678"], schedule_on=in_two_hours(sandbox)
    )
    return (await session.campaigns.send(request)).id


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "GET"])
async def test_a_cancel_uses_the_method_of_the_dialect(
    connect: Connect, sent: Sent, method: Any
) -> None:
    rules = ServerRules(cancel_methods=frozenset({method}))
    async with connect(rules, Dialect(cancel_method=method)) as (sandbox, session):
        campaign_id = await scheduled(sandbox, session)
        assert (await session.campaigns.cancel(campaign_id)).status is CampaignStatus.DRAFT
        assert [m for m, _, _ in sent(sandbox, f"campaigns/{campaign_id}/cancel")] == [method]


@pytest.mark.parametrize("method", ["POST", "DELETE", "GET"])
async def test_a_method_that_the_server_allows_is_used_after_a_405_and_remembered(
    connect: Connect, sent: Sent, method: str
) -> None:
    async with connect(ServerRules(cancel_methods=frozenset({method}))) as (sandbox, session):
        first, second = await scheduled(sandbox, session), await scheduled(sandbox, session)
        await session.campaigns.cancel(first)
        await session.campaigns.cancel(second)
        tried = [(m, s) for m, _, s in sent(sandbox, f"campaigns/{first}/cancel")]
        assert tried == [("PUT", 405), (method, 200)]
        assert [m for m, _, _ in sent(sandbox, f"campaigns/{second}/cancel")] == [method]


async def test_a_cancel_that_no_method_of_ours_can_do_says_which_are_allowed(
    connect: Connect,
    sent: Sent,
) -> None:
    async with connect() as (sandbox, session):
        campaign_id = await scheduled(sandbox, session)
        allow = {"Allow": "OPTIONS, PATCH"}
        sandbox.faults.add(Fault(operation="cancel", status=405, headers=allow, times=None))
        with pytest.raises(ApiError) as caught:
            await session.campaigns.cancel(campaign_id)
        assert caught.value.status == 405
        assert caught.value.allow == ("OPTIONS", "PATCH")
        assert caught.value.campaign_id == campaign_id
        assert len(sent(sandbox, f"campaigns/{campaign_id}/cancel")) == 1


async def test_a_405_of_another_function_changes_no_method(connect: Connect, sent: Sent) -> None:
    async with connect() as (sandbox, session):
        draft = await session.campaigns.prepare(ONE)
        fault = Fault(operation="sender", status=405, headers={"Allow": "POST"}, body="")
        sandbox.faults.add(fault)
        with pytest.raises(ApiError):
            await session.campaigns.set_sender(draft.id, "ACME")
        assert len(sent(sandbox, f"campaigns/{draft.id}/sender")) == 1


# 8. The path that lists the blacklist.


@pytest.mark.parametrize("path", ["blacklist", "blacklistjson", "blacklist/json"])
@pytest.mark.parametrize("shape", ["array", "items", "strings"])
async def test_the_blacklist_is_listed_at_the_path_of_the_dialect(
    connect: Connect, path: str, shape: Any
) -> None:
    rules = ServerRules(blacklist_path=path, blacklist_shape=shape)
    async with connect(rules, Dialect(blacklist_path=path)) as (_, session):
        await session.blacklist.add("0685812475", description="plainte")
        entries = await session.blacklist.entries()
        assert [entry.number for entry in entries] == ["+33685812475"]
        assert entries[0].description == (None if shape == "strings" else "plainte")
        assert await session.blacklist.contains("06 85 81 24 75")


async def test_a_path_that_is_not_there_names_the_alternatives(connect: Connect) -> None:
    async with connect(ServerRules(blacklist_path="blacklistjson")) as (sandbox, session):
        # Adding is at /blacklist on every server, so that the wrong path may be 404 or 405.
        with pytest.raises(ApiError) as caught:
            await session.blacklist.entries()
        for part in ("blacklist_path", "blacklistjson", "blacklist/json"):
            assert part in str(caught.value)
        assert len(sandbox.requests) == 2


# 9. Between status codes.


async def test_status_codes_are_separated_as_the_dialect_says(connect: Connect) -> None:
    switched = Dialect(campaign_status_separator=";", period_status_separator=",")
    for dialect, one, period in ((Dialect(), "16,17", "16;17"), (switched, "16;17", "16,17")):
        async with connect(dialect=dialect) as (sandbox, session):
            campaign = await session.campaigns.send(ONE)
            now = sandbox.clock.now()
            assert len(await session.reports.campaign(campaign.id, status=[16, 17])) == 1
            assert await session.reports.campaign(campaign.id, status=[4]) == []
            since, until = now - timedelta(hours=1), now + timedelta(hours=1)
            assert len(await session.reports.period(since, until, status=[16, 17])) == 1
            asked = [r.query["status"] for r in sandbox.requests if "status" in r.query]
            assert asked == [one, "4", period]
