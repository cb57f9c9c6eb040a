"""Where the API is, and where it redirects to.

The server and the session are switched together, and apart.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

import pytest

from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import ApiError, MediasflowError, NotFound
from mediasflow_async.models import CampaignRequest, Recipient
from mediasflow_async.sandbox import Fault, Sandbox
from mediasflow_async.session import Session

pytestmark = pytest.mark.anyio

ONE = CampaignRequest(
    msg="Bonjour ${REF}", recipients=[Recipient("0612345678", fields={"REF": "x"})]
)
Connect = Callable[..., AbstractAsyncContextManager[tuple[Sandbox, Session]]]
Sent = Callable[[Sandbox, str], list[tuple[str, str, int | None]]]


# 1. Two base URLs.


async def test_both_base_urls_are_the_same_api(connect: Connect) -> None:
    async with connect() as (sandbox, session):
        draft = await session.campaigns.prepare(ONE)
        alternative = Dialect(base_url=sandbox.base_url_alt)
        async with Session(sandbox.username, sandbox.password, dialect=alternative) as other:
            assert other.base_url == sandbox.base_url_alt
            assert (await other.campaigns.launch(draft.id)).id == draft.id


async def test_a_wrong_base_url_is_not_found(connect: Connect) -> None:
    async with connect() as (sandbox, _):
        wrong = Dialect(base_url=sandbox.base_url.replace("/v1/", "/v2/"))
        async with Session(sandbox.username, sandbox.password, dialect=wrong) as session:
            with pytest.raises(NotFound) as caught:
                await session.campaigns.prepare(ONE)
    assert caught.value.path == "users/login"


# 32. The slash at the end of a period's report.


async def test_the_path_of_a_period_is_as_printed_and_a_redirect_of_it_is_followed(
    connect: Connect,
) -> None:
    async with connect() as (sandbox, session):
        await session.campaigns.send(ONE)
        now = sandbox.clock.now()
        query = f"from={now - timedelta(hours=1):%Y-%m-%d}"
        target = f"{sandbox.base_url}campaigns/reportjson?{query}"
        sandbox.faults.add(Fault(operation="period_json", redirect=target, status=301))
        rows = await session.reports.period(now - timedelta(hours=1), now + timedelta(hours=1))
        assert len(rows) == 1
        assert [r.status for r in sandbox.requests if r.operation == "period_json"] == [301, 200]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_of_anything_but_a_get_is_not_followed(
    connect: Connect, sent: Sent, status: int
) -> None:
    async with connect() as (sandbox, session):
        target = f"{sandbox.base_url}campaigns/inject"
        sandbox.faults.add(Fault(operation="send", redirect=target, status=status, times=None))
        with pytest.raises(MediasflowError, match="redirects"):
            await session.campaigns.send(ONE)
        assert len(sent(sandbox, "campaigns/inject")) == 1
        assert sandbox.messages == ()


async def test_a_redirect_to_another_host_is_not_followed(connect: Connect) -> None:
    async with connect() as (sandbox, session), connect() as (elsewhere, _):
        target = f"{elsewhere.base_url}blacklist"
        sandbox.faults.add(Fault(operation="blacklist", redirect=target))
        with pytest.raises(ApiError, match="base URL"):
            await session.blacklist.entries()
        assert elsewhere.requests == ()
