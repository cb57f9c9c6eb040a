from __future__ import annotations

from typing import Any

import anyio
import anyio.lowlevel
import pytest

from mediasflow_async import Recipient
from mediasflow_async.resources.lists import recipient_rows

pytestmark = pytest.mark.anyio


async def rows_of(recipients: list[Recipient]) -> list[dict[str, Any]]:
    return [row async for row in recipient_rows(recipients)]


async def test_a_recipient_becomes_a_row_with_the_names_of_the_wire() -> None:
    anna = Recipient(
        "0612345678",
        title="Mme",
        last_name="Durand",
        first_name="Anna",
        email="a@example.org",
        phone="0112345678",
        fields={"REF": "A1"},
    )

    assert await rows_of([anna]) == [
        {
            "mobile": "0612345678",
            "title": "Mme",
            "lastName": "Durand",
            "firstName": "Anna",
            "email": "a@example.org",
            "phone": "0112345678",
            "REF": "A1",
        }
    ]


async def test_only_the_standard_columns_that_someone_uses_are_there() -> None:
    rows = await rows_of([Recipient("1"), Recipient("2", first_name="Anna")])

    assert rows == [{"mobile": "1", "firstName": ""}, {"mobile": "2", "firstName": "Anna"}]


async def test_every_row_has_the_columns_of_all() -> None:
    rows = await rows_of([Recipient("1", fields={"A": 1}), Recipient("2", fields={"B": None})])

    assert rows == [{"mobile": "1", "A": 1, "B": ""}, {"mobile": "2", "A": "", "B": ""}]


async def test_a_value_that_counts_as_false_is_kept() -> None:
    assert await rows_of([Recipient("1", fields={"A": 0, "B": 0.5})]) == [
        {"mobile": "1", "A": 0, "B": 0.5}
    ]


async def test_nobody_gives_no_rows() -> None:
    assert await rows_of([]) == []


async def test_an_own_field_stands_in_for_the_standard_column_of_its_name() -> None:
    anna = Recipient("1", email="a@example.org", fields={"email": "b@example.org"})

    assert await rows_of([anna]) == [{"mobile": "1", "email": "b@example.org"}]


async def test_a_column_that_only_the_last_of_many_uses_is_in_the_first_row() -> None:
    many = [Recipient("1")] * 1200

    rows = await rows_of([*many, Recipient("2", title="Mme", fields={"REF": "A1"})])

    assert rows[0] == {"mobile": "1", "title": "", "REF": ""}
    assert rows[-1] == {"mobile": "2", "title": "Mme", "REF": "A1"}
    assert len(rows) == 1201


async def test_others_have_their_turn_while_many_recipients_are_looked_at() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(count)
        await anext(recipient_rows([Recipient("1")] * 5000))
        tasks.cancel_scope.cancel()
    assert turns >= 10
