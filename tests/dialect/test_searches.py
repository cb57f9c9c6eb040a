"""Types and searches in reports.

The server and the session are switched together, and apart.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any

import pytest

from mediasflow_async.dialect import Dialect
from mediasflow_async.models import CampaignRequest, CampaignType, MediaType, Recipient
from mediasflow_async.resources.reports import ReportRows
from mediasflow_async.sandbox import Sandbox, ServerRules
from mediasflow_async.search import field, item
from mediasflow_async.session import Session

pytestmark = pytest.mark.anyio

Connect = Callable[..., AbstractAsyncContextManager[tuple[Sandbox, Session]]]


# 20, 30. Three vocabularies of types.


async def test_the_type_of_a_campaign_is_not_the_type_of_a_row(connect: Connect) -> None:
    async with connect() as (sandbox, session):
        for kind, route in ((CampaignType.MKG, "BCAST_MKG"), (CampaignType.NOTIFICATION, "P2P")):
            request = CampaignRequest(msg="Bonjour", recipients=["0612345678"], type=kind)
            campaign = await session.campaigns.send(request)
            (row,) = await session.reports.campaign(campaign.id)
            assert (campaign.type, row.type) == (kind, route)
        now = sandbox.clock.now()
        hour = timedelta(hours=1)
        assert len(await session.reports.period(now - hour, now + hour, types=[MediaType.SMS])) == 2
        assert await session.reports.period(now - hour, now + hour, types=["EMAIL", "VOCAL"]) == []


# 21, 22, 23, 24. The search.


async def three_people(sandbox: Sandbox, session: Session) -> tuple[datetime, datetime]:
    """Send to three people, and return an hour before and after."""
    people = [
        Recipient("0685812475", fields={"REF": "a;b (c), d"}),
        Recipient("0685899999", fields={"REF": "3368581"}),
        Recipient("0633685819", fields={"REF": 'say "x"'}),
    ]
    await session.campaigns.send(CampaignRequest(msg="Bonjour ${REF}", recipients=people))
    now = sandbox.clock.now()
    return now - timedelta(hours=1), now + timedelta(hours=1)


async def found(rows: ReportRows) -> list[str]:
    return sorted(str(row.mobile)[-4:] for row in await rows)


@pytest.mark.parametrize(
    ("theirs", "ours"), [("glob", "guide"), ("search", "guide"), ("search", "regex")]
)
async def test_a_prefix_finds_the_prefix_and_nothing_else(
    connect: Connect, theirs: Any, ours: Any
) -> None:
    async with connect(ServerRules(regex_style=theirs), Dialect(regex_style=ours)) as (
        sandbox,
        session,
    ):
        since, until = await three_people(sandbox, session)
        search = item.startswith("3368581")
        assert await found(session.reports.period(since, until, search=search)) == ["2475"]
        written = sandbox.requests[-1].query["search"]
        assert written == ("item=re=^3368581" if ours == "regex" else "item=re=3368581*")


async def test_a_number_is_found_however_it_is_written(connect: Connect) -> None:
    async with connect() as (sandbox, session):
        since, until = await three_people(sandbox, session)
        for number in ("+33685812475", "0685812475", "06 85 81 24 75"):
            assert await found(session.reports.period(since, until, search=item(number))) == [
                "2475"
            ]
        assert " " not in sandbox.requests[-1].query["search"]


@pytest.mark.parametrize("value", ["a;b (c), d", 'say "x"'])
async def test_reserved_characters_are_quoted(connect: Connect, value: str) -> None:
    async with connect() as (sandbox, session):
        since, until = await three_people(sandbox, session)
        search = field("REF") == value
        assert len(await session.reports.period(since, until, search=search)) == 1


async def test_the_other_style_of_quotes_is_written_where_the_dialect_says_so(
    connect: Connect,
) -> None:
    async with connect(dialect=Dialect(quote_style="fiql")) as (sandbox, session):
        since, until = await three_people(sandbox, session)
        await session.reports.period(since, until, search=field("REF") == "a;b (c), d")
        assert sandbox.requests[-1].query["search"] == "fields.REF==a%3Bb%20%28c%29%2C%20d"


async def test_spaces_in_a_search_of_the_users_own_are_tolerated(connect: Connect) -> None:
    async with connect() as (sandbox, session):
        since, until = await three_people(sandbox, session)
        rows = await session.reports.period(since, until, search="item ==0685812475")
        assert len(rows) == 1
