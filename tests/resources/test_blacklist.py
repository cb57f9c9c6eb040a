from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from mediasflow_async import (
    ApiError,
    BlacklistEntry,
    BlacklistKind,
    CampaignRequest,
    ConfigurationError,
    Dialect,
    InvalidRequest,
    PermissionDenied,
    ResponseInvalid,
    Session,
)
from mediasflow_async.sandbox import Fault, Sandbox, ServerRules

pytestmark = pytest.mark.anyio


@pytest.mark.every_backend
async def test_a_number_that_is_added_gets_no_message_any_more(
    session: Session, sandbox: Sandbox, hello: CampaignRequest
) -> None:
    entry = await session.blacklist.add(
        "+33612345678", description="plainte en magasin le 22 juin 2021", brand=""
    )
    campaign = await session.campaigns.send(hello)

    assert (entry.number, entry.kind) == ("+33612345678", BlacklistKind.MOBILE)
    assert entry.description == "plainte en magasin le 22 juin 2021"
    assert entry.created_at is not None
    assert entry.raw["item"] == "+33612345678"
    assert campaign.count_black_list == 1
    assert sandbox.messages == ()


async def test_adding_writes_the_guides_names(session: Session, sandbox: Sandbox) -> None:
    await session.blacklist.add(
        "+33612345678", kind=BlacklistKind.VMS, description="plainte", brand="Acme"
    )

    assert json.loads(sandbox.requests[-1].body) == {
        "item": "+33612345678",
        "typeItem": "VMS",
        "createdDescription": "plainte",
        "brand": "Acme",
    }


async def test_adding_twice_leaves_one_entry(session: Session) -> None:
    await session.blacklist.add("+33612345678")
    await session.blacklist.add("0612345678")

    assert [entry.number for entry in await session.blacklist.entries()] == ["+33612345678"]


async def test_adding_is_repeated_until_it_works(session: Session, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(operation="blacklist_add", when="after", drop=True))

    await session.blacklist.add("+33612345678")

    assert len(sandbox.blacklist) == 1


@pytest.mark.parametrize("body", [b"", b'"OK"', b'{"status": "added"}', b"true"])
async def test_an_answer_that_is_no_entry_gives_the_entry_that_was_sent(
    session: Session, sandbox: Sandbox, body: bytes
) -> None:
    sandbox.faults.add(Fault(operation="blacklist_add", when="after", body=body))

    entry = await session.blacklist.add("0612345678", description="STOP")

    assert (entry.number, entry.description) == ("0612345678", "STOP")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"number": "06AB"}, "number"),
        ({"number": 612345678}, "number"),
        ({"number": "0612345678", "kind": "FAX"}, "kind"),
        ({"number": "0612345678", "description": 5}, "description"),
        ({"number": "0612345678", "brand": 5}, "brand"),
    ],
)
async def test_a_wrong_entry_never_leaves(
    session: Session, sandbox: Sandbox, wrong: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await session.blacklist.add(**wrong)

    assert [problem.field for problem in caught.value.problems] == [field]
    assert sandbox.requests == ()
    assert "06AB" not in str(caught.value)


@pytest.mark.every_backend
async def test_the_entries_can_be_awaited_and_iterated_over(session: Session) -> None:
    numbers = ["+33612345678", "+33612345679"]
    for number in numbers:
        await session.blacklist.add(number)
    entries = session.blacklist.entries()

    assert [entry.number for entry in await entries] == numbers
    assert [entry.number async for entry in entries] == numbers


async def test_each_reading_of_the_entries_asks_anew(session: Session) -> None:
    entries = session.blacklist.entries()
    assert await entries == []

    await session.blacklist.add("+33612345678")

    assert len(await entries) == 1


@pytest.mark.parametrize("shape", ["array", "items", "strings"])
async def test_each_shape_of_the_listing_is_read(shape: Any) -> None:
    with Sandbox(rules=ServerRules(blacklist_shape=shape)).serve_in_thread() as sandbox:
        async with Session(
            sandbox.username, sandbox.password, base_url=sandbox.base_url
        ) as session:
            await session.blacklist.add("+33612345678", description="STOP")

            (entry,) = await session.blacklist.entries()

            assert entry.number == "+33612345678"
            assert entry.description == (None if shape == "strings" else "STOP")
            assert await session.blacklist.contains("06 12 34 56 78")


@pytest.mark.parametrize(
    "body",
    [
        b'{"blacklist": ["+33612345678"]}',
        b'{"data": [{"item": "+33612345678"}]}',
        b'{"total": 1, "results": [{"item": "+33612345678"}]}',
        b'{"numbers": ["+33612345678"], "total": 1}',
    ],
)
async def test_a_wrapped_listing_is_read(session: Session, sandbox: Sandbox, body: bytes) -> None:
    sandbox.faults.add(Fault(operation="blacklist", body=body))

    assert [entry.number for entry in await session.blacklist.entries()] == ["+33612345678"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"total": 0}',
        b'{"message": "not today"}',
        b'{"a": [], "b": []}',
        b'"nothing"',
        b"<html><title>Login</title></html>",
        b"17",
        b"[17]",
        b'[{"somebody": "0612345678"}]',
    ],
)
async def test_what_is_no_listing_is_never_taken_for_an_empty_blacklist(
    session: Session, sandbox: Sandbox, body: bytes
) -> None:
    sandbox.faults.add(Fault(operation="blacklist", body=body))

    with pytest.raises(ResponseInvalid) as caught:
        await session.blacklist.contains("0612345678")

    assert caught.value.path == "blacklist"
    assert "0612345678" not in str(caught.value)


@pytest.mark.parametrize("body", [b"[]", b'{"items": []}', b""])
async def test_an_empty_blacklist_is_empty(session: Session, sandbox: Sandbox, body: bytes) -> None:
    sandbox.faults.add(Fault(operation="blacklist", body=body))

    assert await session.blacklist.entries() == []


@pytest.mark.sandbox(rules=ServerRules(blacklist_path="blacklistjson"))
async def test_the_listing_may_have_another_path(connect: Any, session: Session) -> None:
    with pytest.raises(ApiError, match="blacklist_path"):
        await session.blacklist.entries()

    async with connect(dialect=Dialect(blacklist_path="blacklistjson")) as other:
        assert await other.blacklist.entries() == []


async def test_another_refusal_of_the_listing_says_nothing_of_paths(
    session: Session, sandbox: Sandbox
) -> None:
    sandbox.faults.add(Fault(operation="blacklist", status=403))

    with pytest.raises(PermissionDenied) as caught:
        await session.blacklist.entries()

    assert "blacklist_path" not in str(caught.value)


@pytest.mark.parametrize(
    "written", ["0612345678", "+33612345678", "0033612345678", "33612345678", "06.12.34.56.78"]
)
async def test_a_number_is_found_however_it_is_written(session: Session, written: str) -> None:
    await session.blacklist.add("+33612345678")

    assert await session.blacklist.contains(written)


@pytest.mark.parametrize("listed", ["0612345678", "33612345678", "06 12 34 56 78", "612345678"])
async def test_a_number_is_found_however_it_is_listed(
    session: Session, sandbox: Sandbox, listed: str
) -> None:
    sandbox.faults.add(Fault(operation="blacklist", body=json.dumps([listed])))

    assert await session.blacklist.contains("+33612345678")


async def test_a_number_that_cannot_be_normalised_is_compared_by_its_digits(
    session: Session, sandbox: Sandbox
) -> None:
    sandbox.faults.add(Fault(operation="blacklist", body=b'["36-184 0"]', times=2))

    assert await session.blacklist.contains("361 840")
    assert not await session.blacklist.contains("361 841")


async def test_a_number_that_is_not_listed_is_not_contained(session: Session) -> None:
    await session.blacklist.add("+33612345678")

    assert not await session.blacklist.contains("+33612345679")


async def test_what_is_no_number_cannot_be_looked_for(session: Session, sandbox: Sandbox) -> None:
    with pytest.raises(InvalidRequest, match="number"):
        await session.blacklist.contains("nobody")

    assert sandbox.requests == ()


@pytest.mark.every_backend
async def test_many_numbers_are_added_as_texts_and_as_entries(
    session: Session, sandbox: Sandbox
) -> None:
    async def source() -> AsyncIterator[BlacklistEntry | str]:
        yield "0612345678"
        yield BlacklistEntry("0612345679", kind=BlacklistKind.VMS, description="STOP")
        yield "nobody"

    outcomes = {o.index: o async for o in session.blacklist.add_many(source(), limit=2)}

    assert [outcomes[index].ok for index in range(3)] == [True, True, False]
    assert outcomes[1].unwrap().kind is BlacklistKind.VMS
    assert isinstance(outcomes[2].error, InvalidRequest)
    assert {(e.item, e.kind) for e in sandbox.blacklist} == {
        ("+33612345678", "MOBILE"),
        ("+33612345679", "VMS"),
    }


async def test_adding_none_at_all_asks_nothing(
    session: Session, operations: Callable[[], list[str]]
) -> None:
    assert [outcome async for outcome in session.blacklist.add_many([])] == []
    assert operations() == []


@pytest.mark.parametrize("limit", [0, -5])
async def test_a_wrong_limit_is_refused_when_it_is_given(session: Session, limit: int) -> None:
    with pytest.raises(ConfigurationError, match="limit"):
        session.blacklist.add_many([], limit=limit)
