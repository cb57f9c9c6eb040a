"""What the guide says nothing of, and servers may do differently.

The server and the session are switched together, and apart.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from mediasflow_async.errors import ApiError, ResponseInvalid
from mediasflow_async.models import BlacklistEntry, CampaignRequest, Recipient
from mediasflow_async.sandbox import Fault, Sandbox, ServerRules
from mediasflow_async.session import Session

pytestmark = pytest.mark.anyio

ONE = CampaignRequest(
    msg="Bonjour ${REF}", recipients=[Recipient("0612345678", fields={"REF": "x"})]
)
Connect = Callable[..., AbstractAsyncContextManager[tuple[Sandbox, Session]]]


@pytest.mark.parametrize("style", ["json", "text", "html", "ok"])
async def test_a_refusal_is_an_error_in_whatever_style_it_comes(
    connect: Connect, style: Any
) -> None:
    async with connect(ServerRules(error_style=style)) as (_, session):
        with pytest.raises(ApiError) as caught:
            await session.campaigns.launch(12345)
        assert caught.value.status == (200 if style == "ok" else 404)
        assert "NOT_FOUND" in str(caught.value)


@pytest.mark.parametrize("names", ["upper", "lower"])
@pytest.mark.parametrize("style", ["json", "ok", "ok_error_code", "ok_code", "ok_problem"])
async def test_a_refusal_is_an_error_whatever_the_case_of_its_names(
    connect: Connect, style: Any, names: Any
) -> None:
    async with connect(ServerRules(error_style=style, names=names)) as (_, session):
        with pytest.raises(ApiError) as caught:
            await session.campaigns.launch(12345)
        assert "no such campaign" in caught.value.message
        assert (caught.value.code is None) is (style == "ok_problem")


@pytest.mark.parametrize("names", ["upper", "lower"])
@pytest.mark.parametrize("envelope", ["data", "name", "status"])
async def test_an_envelope_is_opened_whatever_the_case_of_its_name(
    connect: Connect, envelope: Any, names: Any
) -> None:
    async with connect(ServerRules(envelope=envelope, names=names)) as (_, session):
        draft = await session.campaigns.prepare(ONE)
        launched = await session.campaigns.launch(draft.id)
        (row,) = await session.reports.campaign(launched.id)
        await session.blacklist.add("+33685812475")
        (entry,) = await session.blacklist.entries()
    assert (row.campaign_id, entry.number) == (draft.id, "+33685812475")


@pytest.mark.parametrize("shape", ["rows", "wrapped", "columns"])
async def test_a_report_is_read_in_every_shape(connect: Connect, shape: Any) -> None:
    async with connect(ServerRules(report_shape=shape)) as (_, session):
        campaign = await session.campaigns.send(ONE)
        (row,) = await session.reports.campaign(campaign.id)
        assert (row.campaign_id, row.line, row.status_code) == (campaign.id, 1, 16)
        assert str(row.mobile).removeprefix("+") == "33612345678"
        assert row.fields == {"REF": "x"}


@pytest.mark.parametrize(
    "rules",
    [
        ServerRules(),
        ServerRules(csv_encoding="cp1252"),
        ServerRules(csv_bom=True),
        ServerRules(csv_delimiter=","),
        ServerRules(csv_delimiter="\t"),
        ServerRules(csv_header_case="lower"),
    ],
    ids=["utf-8", "cp1252", "bom", "comma", "tab", "lower"],
)
async def test_a_csv_report_is_read_in_every_form(connect: Connect, rules: ServerRules) -> None:
    person = Recipient("0612345678", fields={"Prénom": 'Zoé; \n"x", é'})
    async with connect(rules) as (_, session):
        request = CampaignRequest(msg="Bonjour", recipients=[person])
        campaign = await session.campaigns.send(request)
        (row,) = [row async for row in session.reports.campaign_csv(campaign.id)]
        assert row.fields == person.fields
        assert (row.campaign_id, row.status_code, row.mobile) == (campaign.id, 16, "+33612345678")


async def test_an_html_page_instead_of_a_csv_report_says_where_it_came_from(
    connect: Connect,
) -> None:
    async with connect() as (sandbox, session):
        campaign = await session.campaigns.send(ONE)
        sandbox.faults.add(Fault(operation="report_csv", status=200, body="<html>\n<title>Login"))
        with pytest.raises(ResponseInvalid, match="expected a CSV report") as caught:
            [row async for row in session.reports.campaign_csv(campaign.id)]
        assert caught.value.body.startswith("<html>")
        assert caught.value.campaign_id == campaign.id
        assert "campaigns/report/{campaign_id}" in str(caught.value)


async def test_what_is_blacklisted_is_read_back_as_it_was_added(connect: Connect) -> None:
    async with connect() as (_, session):
        entry = BlacklistEntry("+33685812475", description="plainte", brand="ACME")
        added = await session.blacklist.add(
            entry.number, description=entry.description, brand=entry.brand
        )
        (listed,) = await session.blacklist.entries()
        assert listed == added
        assert (added.number, added.kind, added.description, added.brand) == (
            entry.number,
            entry.kind,
            entry.description,
            entry.brand,
        )
