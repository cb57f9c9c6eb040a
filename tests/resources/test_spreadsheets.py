"""CSV reports for spreadsheets: no formula runs, and numbers stay as they stand."""

from __future__ import annotations

import csv
import io
from codecs import BOM_UTF8
from datetime import datetime
from pathlib import Path
from typing import Final

import pytest

from mediasflow_async import CampaignRequest, Dialect, Recipient, Session
from tests.support.inspection import HOURLY, names_in
from tests.support.raw_server import RawServer, http
from tests.support.sessions import Connect, session_with

pytestmark = pytest.mark.anyio

FORMULAS: Final = [
    "=1+1",
    '=HYPERLINK("https://evil.example";"STOP")',
    "+33612345678",
    "-1+1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    " =1+1",
    "\ufeff=1+1",
    "\uff1d1+1",
    "\n=1;2",
]
NUMBERS: Final = ["0612345678", "00", "33612345678", "33700000000001", "12E5", "123456789 "]
PLAIN: Final = ["", "0", "7", "2026-11-29 10:00", "0,5", "STOP", "a=b", "06 12", "12345678", "é;1"]


def lines(path: Path) -> list[list[str]]:
    """Return the cells of a file, as a spreadsheet in French reads them."""
    content = path.read_bytes()
    assert content.startswith(BOM_UTF8)
    assert not content.startswith(BOM_UTF8 * 2)
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";"))


def table(cells: list[str]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";")
    writer.writerow(["STATUS_CODE", "=REF", "INTMOBILE"])
    writer.writerows([["1", cell, "33612345678"] for cell in cells])
    return http(body=text.getvalue().encode(), headers={"Content-Type": "text/csv"})


async def saved(cells: list[str], path: Path) -> list[list[str]]:
    with RawServer([table(cells)]).running() as server:
        async with session_with(server.url) as session:
            report = session.reports.campaign_csv(7)
            await report.save(path, for_spreadsheets=True)
    return lines(path)


async def test_formulas_and_numbers_become_text(tmp_path: Path) -> None:
    header, *rows = await saved([*FORMULAS, *NUMBERS], tmp_path / "report.csv")
    assert header == ["STATUS_CODE", "'=REF", "INTMOBILE"]
    assert [row[1] for row in rows] == [f"'{cell}" for cell in (*FORMULAS, *NUMBERS)]
    assert {row[2] for row in rows} == {"'33612345678"}
    assert {row[0] for row in rows} == {"1"}
    assert names_in(tmp_path) == ["report.csv"]


async def test_everything_else_stays_as_it_is(tmp_path: Path) -> None:
    _, *rows = await saved(PLAIN, tmp_path / "report.csv")
    assert [row[1] for row in rows] == PLAIN


async def test_a_report_without_rows_has_its_columns(tmp_path: Path) -> None:
    assert await saved([], tmp_path / "report.csv") == [["STATUS_CODE", "'=REF", "INTMOBILE"]]


async def test_the_default_changes_nothing(tmp_path: Path) -> None:
    with RawServer([table(FORMULAS)]).running() as server:
        async with session_with(server.url) as session:
            await session.reports.campaign_csv(7).save(tmp_path / "report.csv")
    assert table(FORMULAS).endswith((tmp_path / "report.csv").read_bytes())


@pytest.mark.parametrize("dialect", [Dialect(), HOURLY], ids=["one window", "three windows"])
async def test_a_period_of_any_length(
    dialect: Dialect,
    connect: Connect,
    session: Session,
    three_hours: tuple[datetime, datetime],
    tmp_path: Path,
) -> None:
    recipient = Recipient("0612345678", fields={"REF": "=1+1"})
    await session.campaigns.send(CampaignRequest(msg="Bonjour", recipients=[recipient]))
    target = tmp_path / "report.csv"
    async with connect(dialect=dialect) as other:
        report = other.reports.period_csv(*three_hours)
        await report.save(target, for_spreadsheets=True)
        records = [record async for record in report.dicts()]
    header, *rows = lines(target)
    assert len(rows) == len(records) == 4
    assert [row[header.index("REF")] for row in rows] == ["", "", "", "'=1+1"]
    assert not [cell for row in rows for cell in row if cell.startswith(tuple("=+-@\t\r"))]
    assert names_in(tmp_path) == ["report.csv"]
