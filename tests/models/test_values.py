"""Cells of tables: what pandas, numpy and polars write for nothing, and for a whole number."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from mediasflow_async import CampaignRequest, Recipient
from mediasflow_async.converter.writing import writer_for
from mediasflow_async.dialect import Dialect
from mediasflow_async.models.values import plain_cell
from mediasflow_async.text import preflight
from mediasflow_async.uploads import opened
from mediasflow_async.validation import campaign_problems

NAN = float("nan")


class NAType:
    """The NA of pandas: it has no truth value, and neither has what it is compared with."""

    def __ne__(self, _: object) -> Any:
        return self

    def __bool__(self) -> bool:
        raise TypeError

    __hash__ = None  # type: ignore[assignment]


class NaTType:
    """The NaT of pandas."""


@pytest.mark.parametrize(
    ("cell", "meant"),
    [
        ("nan", "nan"),
        ("", ""),
        (0, 0),
        (True, True),
        (None, None),
        (NAN, None),
        (Decimal("NaN"), None),
        (NAType(), None),
        (NaTType(), None),
        (33612345678.0, 33612345678),
        (-0.0, 0),
        (2.5, 2.5),
        (float("inf"), float("inf")),
        (Decimal("12.00"), Decimal("12.00")),
        (date(2026, 1, 2), date(2026, 1, 2)),
    ],
    ids=repr,
)
def test_a_cell_is_read_as_it_was_meant(cell: object, meant: object) -> None:
    assert (plain_cell(cell), type(plain_cell(cell))) == (meant, type(meant))


ROWS: list[dict[str, Any]] = [
    {"mobile": 33639981234.0, "nom": NAN, "points": 7.0},
    {"mobile": 639985678.0, "nom": NAType(), "points": NaTType()},
]


@pytest.mark.anyio
async def test_rows_of_a_table_are_uploaded_as_they_were_meant() -> None:
    async with opened(ROWS) as content:
        data = b"".join(await content.read(0))
    assert data.decode().splitlines() == [
        "mobile;nom;points",
        "33639981234;;7",
        "639985678;;",
    ]


def test_rows_of_a_table_are_examined_as_they_were_meant() -> None:
    request = CampaignRequest(msg="${nom}/${points} STOP 36184")
    report = preflight(request, ROWS)
    assert [each.text for each in report.longest] == ["/7 STOP 36184", "/ STOP 36184"]
    assert not report.problems


def test_fields_of_a_recipient_are_written_as_they_were_meant() -> None:
    fields = {"nom": NAN, "points": 7.0, "ville": NAType()}
    request = CampaignRequest(msg="x", recipients=[Recipient("0639981234", fields=fields)])
    assert not [*campaign_problems(request, Dialect())]
    (recipient,) = writer_for(Dialect()).campaign(request)["listRecipient"]
    written = {each["keyName"]: each["keyValue"] for each in recipient["extendedKeys"]}
    assert written == {"nom": "", "points": "7", "ville": ""}
