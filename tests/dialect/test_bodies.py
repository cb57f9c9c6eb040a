"""What a request carries: the type of JSON, parameters, parts, checksums.

The server and the session are switched together, and apart.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import anyio
import pytest

from mediasflow_async.dialect import Dialect, content_digest
from mediasflow_async.errors import BadRequest
from mediasflow_async.models import CampaignRequest, Recipient, TinyUrl, TinyUrlType
from mediasflow_async.sandbox import Fault, Sandbox, ServerRules
from mediasflow_async.session import Session

pytestmark = pytest.mark.anyio

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
ONE = CampaignRequest(
    msg="Bonjour ${REF}", recipients=[Recipient("0612345678", fields={"REF": "x"})]
)
Connect = Callable[..., AbstractAsyncContextManager[tuple[Sandbox, Session]]]
Sent = Callable[[Sandbox, str], list[tuple[str, str, int | None]]]


# 2. The media type of JSON bodies.


@pytest.mark.parametrize("kind", [JSON, FORM])
async def test_json_goes_under_the_type_of_the_dialect(
    connect: Connect, sent: Sent, kind: str
) -> None:
    rules = ServerRules(json_content_types=frozenset({kind}))
    async with connect(rules, Dialect(json_content_type=kind)) as (sandbox, session):
        await session.campaigns.prepare(ONE)
        await session.blacklist.add("+33685812475")
        assert sent(sandbox, "campaigns/inject") == [("POST", kind, 200)]
        assert sent(sandbox, "blacklist") == [("POST", kind, 200)]


@pytest.mark.parametrize(("first", "second"), [(JSON, FORM), (FORM, JSON)])
async def test_the_other_type_is_tried_once_after_a_415_and_remembered(
    connect: Connect, sent: Sent, first: str, second: str
) -> None:
    rules = ServerRules(json_content_types=frozenset({second}))
    async with connect(rules, Dialect(json_content_type=first)) as (sandbox, session):
        await session.campaigns.send(ONE)
        await session.campaigns.send(ONE)
        await session.blacklist.add("+33685812475")
        assert sent(sandbox, "campaigns/inject") == [
            ("POST", first, 415),
            ("POST", second, 200),
            ("POST", second, 200),
        ]
        assert sent(sandbox, "blacklist") == [("POST", second, 200)]
        assert len(sandbox.messages) == 2
        bodies = {r.body for r in sandbox.requests if r.path == "campaigns/inject"}
        assert len(bodies) == 1


async def test_fifty_calls_at_once_all_find_the_other_type(connect: Connect, sent: Sent) -> None:
    async with connect(ServerRules(json_content_types=frozenset({FORM}))) as (sandbox, session):
        async with anyio.create_task_group() as tasks:
            for _ in range(50):
                tasks.start_soon(session.campaigns.send, ONE)
        statuses = [status for _, _, status in sent(sandbox, "campaigns/inject")]
        assert statuses.count(200) == 50
        assert 1 <= statuses.count(415) <= 50
        assert len(sandbox.messages) == 50
        await session.campaigns.prepare(ONE)
        assert [s for _, _, s in sent(sandbox, "campaigns/inject")][len(statuses) :] == [200]


async def test_a_server_that_takes_neither_type_is_asked_twice_and_no_more(
    connect: Connect, sent: Sent
) -> None:
    async with connect() as (sandbox, session):
        sandbox.faults.add(Fault(operation="send", status=415, times=None))
        for _ in range(2):
            with pytest.raises(BadRequest) as caught:
                await session.campaigns.send(ONE)
            assert caught.value.status == 415
        assert 2 <= len(sent(sandbox, "campaigns/inject")) <= 4
        assert sandbox.messages == ()


# 6. The place of the parameters of PUT.


@pytest.mark.parametrize("place", ["query", "form", "json"])
async def test_the_parameters_of_put_go_where_the_dialect_says(
    connect: Connect, place: Any
) -> None:
    async with connect(ServerRules(put_params=frozenset({place})), Dialect(put_params=place)) as (
        sandbox,
        session,
    ):
        draft = await session.campaigns.prepare(ONE)
        assert (await session.campaigns.set_sender(draft.id, "ACME")).sender == "ACME"
        await session.campaigns.test(draft.id, ["0612345678", "0612345679"], sender="TEST")
        assert [message.sender for message in sandbox.messages] == ["TEST", "TEST"]
        request = next(r for r in sandbox.requests if r.path.endswith("/sender"))
        assert request.query == ({"sender": "ACME"} if place == "query" else {})
        assert (request.body == b"") == (place == "query")


@pytest.mark.parametrize("place", ["query", "form", "json"])
async def test_parameters_in_another_place_are_refused(connect: Connect, place: Any) -> None:
    others = {"query", "form", "json"} - {place}
    async with connect(ServerRules(put_params=frozenset(others)), Dialect(put_params=place)) as (
        sandbox,
        session,
    ):
        draft = await session.campaigns.prepare(ONE)
        with pytest.raises(BadRequest):
            await session.campaigns.test(draft.id, ["0612345678"])
        assert sandbox.messages == ()


@pytest.mark.parametrize("place", ["query", "form", "json"])
@pytest.mark.parametrize("kind", [JSON, FORM, f"{JSON}; charset=UTF-8"])
async def test_a_put_announces_the_type_of_the_dialect(
    connect: Connect, sent: Sent, place: Any, kind: str
) -> None:
    rules = ServerRules(put_content_types=frozenset({kind.partition(";")[0]}))
    dialect = Dialect(put_content_type=kind, put_params=place, json_content_type=FORM)
    async with connect(rules, dialect) as (sandbox, session):
        draft = await session.campaigns.prepare(ONE)
        if (place, kind.partition(";")[0]) == ("form", JSON):
            # A form under the type of JSON: the server reads none of it.
            with pytest.raises(BadRequest):
                await session.campaigns.set_sender(draft.id, "ACME")
            return
        assert (await session.campaigns.set_sender(draft.id, "ACME")).sender == "ACME"
        await session.campaigns.test(draft.id, ["0612345678"])
        assert sent(sandbox, f"campaigns/{draft.id}/sender") == [("PUT", kind, 200)]
        assert sent(sandbox, "campaigns/inject") == [("POST", FORM, 200)]


async def test_a_put_of_another_type_names_the_option(connect: Connect) -> None:
    async with connect(ServerRules(put_content_types=frozenset({JSON}))) as (sandbox, session):
        draft = await session.campaigns.prepare(ONE)
        with pytest.raises(BadRequest, match=r"Dialect\(put_content_type='application/json'\)"):
            await session.campaigns.test(draft.id, ["0612345678"])
        assert sandbox.messages == ()


# 13. The forms of checkDuplicate, and the places of the files of a campaign.


LINKED = CampaignRequest(
    msg="Voir ${track_1} et ${track_2}",
    recipients=["0612345678"],
    check_duplicate=False,
    tiny_urls=[
        TinyUrl(index=0, url="https://a.example/", image_name="a.png", is_open_graph=True),
        TinyUrl(index=1, type=TinyUrlType.LOCAL, local_html="a.html"),
    ],
    image_preview=base64.b64encode(b"image").decode(),
    zip_local=base64.b64encode(b"zip").decode(),
)
INSISTING: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"check_duplicate": {"text"}}, {"check_duplicate_as": "text"}),
    ({"check_duplicate": {"capitals"}}, {"check_duplicate_as": "capitals"}),
    ({"image_places": {"link"}}, {"image_preview_in": "link"}),
    ({"zip_places": {"link"}}, {"zip_local_in": "link"}),
    ({"zip_names": {"b64ZipLoccal"}}, {"zip_local_field": "b64ZipLoccal"}),
]


@pytest.mark.parametrize(("rules", "options"), INSISTING, ids=str)
async def test_a_form_that_a_server_insists_on(
    connect: Connect, rules: dict[str, Any], options: dict[str, Any]
) -> None:
    (name, value) = next(iter(options.items()))
    async with connect(ServerRules(**rules)) as (_, session):
        with pytest.raises(BadRequest, match=re.escape(f"Dialect({name}={value!r})")):
            await session.campaigns.prepare(LINKED)
    async with connect(ServerRules(**rules), Dialect(**options)) as (_, session):
        assert (await session.campaigns.prepare(LINKED)).check_duplicate is False


# 7. The parts of an upload.


ROWS = [{"mobile": "0612345678", "REF": "é"}, {"mobile": "0612345679", "REF": ""}]


@pytest.mark.parametrize("part", ["file", "File"])
@pytest.mark.parametrize("place", ["form", "query", "both"])
async def test_an_upload_has_the_parts_that_the_dialect_names(
    connect: Connect, part: str, place: Any
) -> None:
    places = ["form", "query"] if place == "both" else [place]
    rules = ServerRules(upload_fields=frozenset({part}), upload_params=frozenset(places))
    async with connect(rules, Dialect(upload_field=part, upload_params=place)) as (_, session):
        found = await session.lists.upload(ROWS, filename="clients.csv", description="Clients")
        assert (found.list_name, found.description, found.size) == ("clients.csv", "Clients", 2)


@pytest.mark.parametrize(
    ("rules", "dialect", "blamed"),
    [
        (ServerRules(upload_fields=frozenset({"File"})), Dialect(), "file"),
        (ServerRules(upload_params=frozenset({"query"})), Dialect(), "filename"),
        (
            ServerRules(upload_params=frozenset({"form"})),
            Dialect(upload_params="query"),
            "filename",
        ),
    ],
    ids=["field", "query", "form"],
)
async def test_an_upload_with_other_parts_is_refused_by_name(
    connect: Connect, rules: ServerRules, dialect: Dialect, blamed: str
) -> None:
    async with connect(rules, dialect) as (_, session):
        with pytest.raises(BadRequest) as caught:
            await session.lists.upload(ROWS, filename="clients.csv")
        assert caught.value.field == blamed


# 31. The checksum.


async def test_every_body_carries_its_checksum(connect: Connect) -> None:
    rules, dialect = ServerRules(checksum=True), Dialect(checksum=content_digest, put_params="form")
    async with connect(rules, dialect) as (sandbox, session):
        draft = await session.campaigns.prepare(ONE)
        await session.campaigns.set_sender(draft.id, "ACME")
        await session.blacklist.add("0685812475")
        await session.lists.upload(ROWS, filename="clients.csv")
        assert {request.status for request in sandbox.requests} == {200}


async def test_a_missing_checksum_is_told(connect: Connect) -> None:
    async with connect(ServerRules(checksum=True)) as (_, session):
        with pytest.raises(BadRequest) as caught:
            await session.campaigns.prepare(ONE)
        assert caught.value.code == "CHECKSUM"
        assert caught.value.field == "Content-Digest"


async def test_a_checksum_of_ones_own_is_sent(connect: Connect) -> None:
    dialect = Dialect(checksum=lambda request: {"X-Sum": str(len(request.content))})
    async with connect(dialect=dialect) as (sandbox, session):
        await session.campaigns.prepare(ONE)
        request = sandbox.requests[-1]
        assert request.headers["x-sum"] == str(len(request.body))
