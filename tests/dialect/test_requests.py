"""What a campaign request may look like.

The server and the session are switched together, and apart.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import BadRequest, InvalidRequest
from mediasflow_async.models import CampaignRequest, Recipient, TinyUrl
from mediasflow_async.sandbox import Fault, Sandbox, ServerRules
from mediasflow_async.session import Session

pytestmark = pytest.mark.anyio

ONE = CampaignRequest(
    msg="Bonjour ${REF}", recipients=[Recipient("0612345678", fields={"REF": "x"})]
)
ROWS = [{"mobile": "0612345678", "REF": "é"}, {"mobile": "0612345679", "REF": ""}]
Connect = Callable[..., AbstractAsyncContextManager[tuple[Sandbox, Session]]]


# 10. The numbers of lists.


@pytest.mark.parametrize("shape", ["scalar", "array"])
async def test_list_ids_are_written_as_the_server_wants_them(connect: Connect, shape: Any) -> None:
    dialect = Dialect(lists_id_as_scalar=shape == "scalar")
    async with connect(ServerRules(lists_id=shape), dialect) as (_, session):
        uploaded = await session.lists.upload(ROWS, filename="clients.csv")
        request = CampaignRequest(msg="Bonjour", list_ids=[uploaded.id])
        assert (await session.campaigns.prepare(request)).count_recipient == 2


@pytest.mark.parametrize("shape", ["scalar", "array"])
async def test_list_ids_in_the_other_shape_are_refused_by_name(
    connect: Connect, shape: Any
) -> None:
    dialect = Dialect(lists_id_as_scalar=shape != "scalar")
    async with connect(ServerRules(lists_id=shape), dialect) as (_, session):
        with pytest.raises(BadRequest) as caught:
            await session.campaigns.prepare(CampaignRequest(msg="Bonjour", list_ids=[392]))
        assert caught.value.field == "listsId"


async def test_several_lists_do_not_fit_into_one_number(connect: Connect) -> None:
    async with connect(dialect=Dialect(lists_id_as_scalar=True)) as (sandbox, session):
        with pytest.raises(InvalidRequest, match="list_ids"):
            await session.campaigns.prepare(CampaignRequest(msg="Bonjour", list_ids=[392, 393]))
        assert sandbox.requests == ()


# 11. A recipient's own fields.


@pytest.mark.parametrize(("theirs", "ours"), [("pairs", "pairs"), ("map", "object")])
async def test_own_fields_are_written_as_the_server_wants_them(
    connect: Connect, theirs: str, ours: Any
) -> None:
    async with connect(
        ServerRules(extended_keys=frozenset({theirs})), Dialect(extended_keys_as=ours)
    ) as (
        sandbox,
        session,
    ):
        await session.campaigns.send(ONE)
        assert [message.text for message in sandbox.messages] == ["Bonjour x"]


@pytest.mark.parametrize(("theirs", "ours"), [("pairs", "object"), ("map", "pairs")])
async def test_own_fields_in_the_other_shape_are_refused_by_name(
    connect: Connect, theirs: str, ours: Any
) -> None:
    async with connect(
        ServerRules(extended_keys=frozenset({theirs})), Dialect(extended_keys_as=ours)
    ) as (
        _,
        session,
    ):
        with pytest.raises(BadRequest) as caught:
            await session.campaigns.prepare(ONE)
        assert "extendedKeys" in str(caught.value.field)


# 12, 13, 14, 15. What the reader and the writer do without being told.


async def test_the_index_of_a_link_is_a_number(connect: Connect) -> None:
    async with connect() as (sandbox, session):
        links = [TinyUrl(index=index, url="https://example.org") for index in (0, 1)]
        request = CampaignRequest(
            msg="${track_1} ${track_2}", recipients=["0612345678"], tiny_urls=links
        )
        campaign = await session.campaigns.send(request)
        body = json.loads(sandbox.requests[-1].body)
        assert [link["index"] for link in body["tinyList"]] == [0, 1]
        (row,) = await session.reports.campaign(campaign.id)
        assert [track.index for track in row.tracks] == [1, 2]


async def test_answers_whose_every_value_is_text_read_the_same(connect: Connect) -> None:
    async with connect(ServerRules(values_as_strings=True)) as (sandbox, session):
        uploaded = await session.lists.upload(ROWS, filename="clients.csv")
        assert (uploaded.size, uploaded.valid_number_mobile) == (2, 2)
        draft = await session.campaigns.prepare(ONE)
        assert draft.check_duplicate is True
        assert draft.credit_count == 1.0
        assert draft.count_valid == 1
        campaign = await session.campaigns.launch(draft.id)
        assert campaign.id == draft.id
        (row,) = await session.reports.campaign(campaign.id)
        assert (row.status_code, row.line, row.campaign_id) == (16, 1, campaign.id)
        assert len(sandbox.messages) == 1


async def test_a_misspelt_answer_reads_the_same(connect: Connect) -> None:
    async with connect() as (sandbox, session):
        body = '{"campaignID": "943", "msg": "Hi", "countMaxCrediteOver": "2", "newKey": 1}'
        sandbox.faults.add(Fault(operation="prepare", status=200, body=body))
        campaign = await session.campaigns.prepare(ONE)
        assert (campaign.id, campaign.message, campaign.count_max_credit_over) == (943, "Hi", 2)
        assert campaign.extra == {"newKey": 1}
        assert campaign.raw == json.loads(body)


# 19. The life of a short link.


@pytest.mark.parametrize("form", ["days", "date"])
@pytest.mark.parametrize("life", [30, "day"])
async def test_the_life_of_a_link_is_written_as_the_server_wants_it(
    connect: Connect, form: Any, life: Any
) -> None:
    async with connect(
        ServerRules(end_of_life=frozenset({form})), Dialect(end_of_life_as=form)
    ) as (
        _,
        session,
    ):
        await session.campaigns.prepare(with_link(life))


@pytest.mark.parametrize(("theirs", "ours"), [("days", "date"), ("date", "days")])
async def test_the_life_of_a_link_in_the_other_form_is_refused_by_name(
    connect: Connect, theirs: str, ours: Any
) -> None:
    async with connect(
        ServerRules(end_of_life=frozenset({theirs})), Dialect(end_of_life_as=ours)
    ) as (
        _,
        session,
    ):
        with pytest.raises(BadRequest) as caught:
            await session.campaigns.prepare(with_link(30))
        assert caught.value.field == "tinyList[0].endOfLife"


def with_link(life: int | str) -> CampaignRequest:
    end: int | date = (
        life if isinstance(life, int) else datetime.now(UTC).date() + timedelta(days=9)
    )
    link = TinyUrl(index=0, url="https://example.org", end_of_life=end)
    return CampaignRequest(msg="${track_1}", recipients=["0612345678"], tiny_urls=[link])


# 27. A zip is for local pages alone.


async def test_a_redirect_needs_no_zip_and_a_local_page_does(connect: Connect) -> None:
    async with connect() as (_, session):
        await session.campaigns.prepare(with_link(30))
        local = TinyUrl(index=0, type="LOCAL", local_html="page.html")
        request = CampaignRequest(msg="${track_1}", recipients=["0612345678"], tiny_urls=[local])
        with pytest.raises(InvalidRequest, match="zip_local"):
            await session.campaigns.prepare(request)


# 28. Placeholders.


async def test_a_field_that_no_recipient_has_is_refused_on_demand(connect: Connect) -> None:
    request = CampaignRequest(
        msg="Bonjour ${NOM} ${track_1}",
        recipients=[Recipient("0612345678", fields={"PRENOM": "Zoé"})],
        tiny_urls=[TinyUrl(index=0, url="https://example.org")],
    )
    async with connect(dialect=Dialect(strict_placeholders=True)) as (sandbox, session):
        with pytest.raises(InvalidRequest) as caught:
            await session.campaigns.prepare(request)
        assert [problem.field for problem in caught.value.problems] == ["msg"]
        assert "NOM" in str(caught.value)
        assert sandbox.requests == ()
    async with connect() as (_, session):
        assert (await session.campaigns.prepare(request)).id


@pytest.mark.parametrize(
    "known",
    [
        {"defaults": {"NOM": "Client"}},
        {"recipients": [Recipient("0612345678", fields={"NOM": "x"})]},
        {"recipients": [Recipient("0612345678", last_name="x")], "msg": "Bonjour ${lastName}"},
        {"recipients": (), "list_ids": [392]},
    ],
    ids=["default", "own field", "personal field", "list"],
)
async def test_a_field_that_may_have_a_value_is_no_mistake(
    connect: Connect, known: dict[str, Any]
) -> None:
    plain: dict[str, Any] = {"msg": "Bonjour ${NOM}", "recipients": ["0612345678"]}
    request = CampaignRequest(**plain | known)
    async with connect(dialect=Dialect(strict_placeholders=True)) as (_, session):
        await session.lists.upload([{"mobile": "0612345678", "NOM": "x"}], filename="l.csv")
        await session.campaigns.prepare(request)
