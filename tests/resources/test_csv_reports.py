from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mediasflow_async import CampaignRequest, InvalidRequest, MediasflowError, NotFound, Session
from mediasflow_async.sandbox import Fault, Sandbox, ServerRules
from tests.support.inspection import names_in

pytestmark = pytest.mark.anyio


@pytest.mark.every_backend
async def test_a_csv_report_gives_rows_and_can_be_read_again(
    session: Session, listed_id: int
) -> None:
    report = session.reports.campaign_csv(listed_id)

    rows = [row async for row in report]

    assert [row.mobile for row in rows] == ["+33612345678", "+33612345679"]
    assert [row.fields["REF"] for row in rows] == ["é;1", 'two\n"lines"']
    assert {row.campaign_id for row in rows} == {listed_id}
    assert [row async for row in report] == rows


async def test_a_csv_report_gives_records_as_they_are(session: Session, listed_id: int) -> None:
    records = [record async for record in session.reports.campaign_csv(listed_id).dicts()]

    assert records[0]["REF"] == "é;1"
    assert records[0]["STATUS_CODE"] == "16"
    assert list(records[0])[:3] == ["REF", "Ville", "REF_LIST"]


async def test_only_the_wanted_details_and_statuses_are_reported(
    session: Session, sandbox: Sandbox, listed_id: int
) -> None:
    report = session.reports.campaign_csv(listed_id, details=["Ville"], status=[16, 20])

    (first, _) = [record async for record in report.dicts()]

    assert "Ville" in first
    assert "REF" not in first
    assert sandbox.requests[-1].query == {"status": "16,20", "details": "Ville"}


@pytest.mark.parametrize("names", ["REF", ["a;b"], [""], [5], 5])
async def test_wrong_column_names_never_leave(
    session: Session, sandbox: Sandbox, names: Any
) -> None:
    with pytest.raises(InvalidRequest, match="details"):
        session.reports.campaign_csv(943, details=names)
    with pytest.raises(InvalidRequest, match="key_fields"):
        session.reports.period_csv(datetime.now(UTC) - timedelta(days=1), key_fields=names)

    assert sandbox.requests == ()


async def test_column_names_may_come_from_a_generator(session: Session, listed_id: int) -> None:
    names: Any = (name for name in ["Ville"])

    (first, _) = [r async for r in session.reports.campaign_csv(listed_id, details=names).dicts()]

    assert "REF" not in first


def served(sandbox: Sandbox, text: str | bytes, **fault: Any) -> None:
    sandbox.faults.add(Fault(operation="report_csv", body=text, **fault))


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("NOM;NOM;STATUS_CODE", ["NOM", "NOM_2", "STATUS_CODE"]),
        ("A;A;A_2;A;STATUS_CODE", ["A", "A_3", "A_2", "A_4", "STATUS_CODE"]),
        ("A_2;A;A;STATUS_CODE", ["A_2", "A", "A_3", "STATUS_CODE"]),
    ],
)
async def test_columns_of_the_same_name_are_all_kept(
    session: Session, sandbox: Sandbox, header: str, names: list[str]
) -> None:
    cells = [str(number) for number in range(len(names))]
    served(sandbox, f"{header}\r\n{';'.join(cells)}\r\n")

    (record,) = [record async for record in session.reports.campaign_csv(943).dicts()]

    assert list(record.values()) == cells
    assert len(set(record)) == len(names)
    assert set(header.split(";")) <= set(record)


async def test_rows_that_are_shorter_or_longer_than_the_header_are_kept(
    session: Session, sandbox: Sandbox
) -> None:
    served(sandbox, "ID_LINE;STATUS_CODE\n1\n2;16;more;and more\n")

    records = [record async for record in session.reports.campaign_csv(943).dicts()]

    assert records == [
        {"ID_LINE": "1", "STATUS_CODE": ""},
        {"ID_LINE": "2", "STATUS_CODE": "16", "column_3": "more", "column_4": "and more"},
    ]


async def test_a_report_without_a_final_line_break_is_whole(
    session: Session, sandbox: Sandbox
) -> None:
    served(sandbox, "NOM;STATUS_CODE\nZoé;16")

    assert [row.status_code async for row in session.reports.campaign_csv(943)] == [16]


async def test_a_header_alone_is_a_report_without_rows(session: Session, sandbox: Sandbox) -> None:
    served(sandbox, "NOM;STATUS_CODE")

    assert [row async for row in session.reports.campaign_csv(943)] == []


async def test_an_empty_answer_is_a_report_without_rows(session: Session, sandbox: Sandbox) -> None:
    served(sandbox, b"")

    assert [row async for row in session.reports.campaign_csv(943)] == []


NO_REPORTS = [
    b"<html><title>Login</title></html>",
    b"  \r\n<!DOCTYPE html>",
    b'{"error": "NOPE"}',
    b"[]",
]


@pytest.mark.parametrize("body", NO_REPORTS)
async def test_what_is_no_csv_is_told_and_not_saved(
    session: Session, sandbox: Sandbox, tmp_path: Path, body: bytes
) -> None:
    served(sandbox, body, times=None)
    report = session.reports.campaign_csv(943)

    with pytest.raises(MediasflowError):
        await anext(report.dicts())
    with pytest.raises(MediasflowError):
        await report.save(tmp_path / "report.csv")

    assert names_in(tmp_path) == []


@pytest.mark.sandbox(rules=ServerRules(error_style="ok"))
async def test_an_error_under_status_200_is_not_saved_as_a_report(
    session: Session, tmp_path: Path
) -> None:
    with pytest.raises(MediasflowError):
        await session.reports.campaign_csv(7).save(tmp_path / "report.csv")

    assert names_in(tmp_path) == []


async def test_the_csv_report_of_a_draft_is_not_found(
    session: Session, hello: CampaignRequest, tmp_path: Path
) -> None:
    draft = await session.campaigns.prepare(hello)
    report = session.reports.campaign_csv(draft.id)

    with pytest.raises(NotFound):
        await report.save(tmp_path / "report.csv")

    assert names_in(tmp_path) == []
