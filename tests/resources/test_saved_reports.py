from __future__ import annotations

import stat
from collections.abc import Callable, Mapping
from contextlib import aclosing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from mediasflow_async import CampaignRequest, ConnectionFailed, Recipient, ResponseInvalid, Session
from mediasflow_async.sandbox import Fault, Sandbox, ServerRules
from tests.support.inspection import HOURLY, folders_in, modes_in, names_in, read
from tests.support.sessions import until

pytestmark = pytest.mark.anyio


@pytest.mark.every_backend
async def test_a_report_is_saved_as_the_server_wrote_it(
    session: Session, listed_id: int, tmp_path: Path
) -> None:
    target = tmp_path / "report.csv"
    seen: list[tuple[int, int]] = []

    saved = await session.reports.campaign_csv(listed_id).save(
        str(target), progress=lambda *step: seen.append(step)
    )

    assert saved == target
    assert [row["REF"] for row in read(target)] == ["é;1", 'two\n"lines"']
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert seen == [(1, 1)]
    assert names_in(tmp_path) == ["report.csv"]


async def test_saving_replaces_an_older_file_and_its_permissions(
    session: Session, listed_id: int, tmp_path: Path
) -> None:
    target = tmp_path / "report.csv"
    target.write_text("old")
    target.chmod(0o644)

    await session.reports.campaign_csv(listed_id).save(target)

    assert "old" not in target.read_text(encoding="utf-8")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


@pytest.mark.every_backend
async def test_a_truncated_report_raises_and_leaves_no_file(
    session: Session, sandbox: Sandbox, listed_id: int, tmp_path: Path
) -> None:
    target = tmp_path / "report.csv"
    target.write_text("older and whole")
    sandbox.faults.add(Fault(operation="report_csv", when="after", truncate=60, times=None))
    report = session.reports.campaign_csv(listed_id)

    with pytest.raises(ConnectionFailed):
        await report.save(target)
    with pytest.raises(ConnectionFailed):
        [row async for row in report]

    assert target.read_text() == "older and whole"
    assert names_in(tmp_path) == ["report.csv"]


async def test_a_cancelled_save_leaves_no_file(
    session: Session, sandbox: Sandbox, listed_id: int, tmp_path: Path
) -> None:
    sandbox.faults.add(Fault(operation="report_csv", delay=timedelta(seconds=30)))

    with anyio.move_on_after(0.05) as scope:
        await session.reports.campaign_csv(listed_id).save(tmp_path / "report.csv")

    assert scope.cancelled_caught
    assert names_in(tmp_path) == []
    sandbox.faults.clear()
    assert len([row async for row in session.reports.campaign_csv(listed_id)]) == 2


@pytest.mark.every_backend
async def test_a_period_is_saved_with_the_columns_of_all_its_windows(
    connect: Any, three_hours: tuple[datetime, datetime], tmp_path: Path
) -> None:
    target = tmp_path / "report.csv"
    seen: list[tuple[int, int]] = []

    async with connect(dialect=HOURLY) as session:
        report = session.reports.period_csv(*three_hours)
        await report.save(target, progress=lambda *step: seen.append(step))
        records = [record async for record in report.dicts()]

    rows = read(target)
    assert [[row[f"Colonne {hour}"] for hour in range(3)] for row in rows] == [
        ["valeur 0", "", ""],
        ["", "valeur 1", ""],
        ["", "", "valeur 2"],
    ]
    assert [
        {k: v for k, v in row.items() if k in record}
        for row, record in zip(rows, records, strict=True)
    ] == records
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert names_in(tmp_path) == ["report.csv"]


class Stop(Exception):
    """The user's own."""


@pytest.mark.every_backend
async def test_an_interrupted_save_goes_on_where_it_stood(
    connect: Any,
    sandbox: Sandbox,
    three_hours: tuple[datetime, datetime],
    tmp_path: Path,
    operations: Callable[[], list[str]],
) -> None:
    target = tmp_path / "report.csv"

    def stop_at_two(done: int, _: int) -> None:
        if done == 2:
            raise Stop

    async with connect(dialect=HOURLY) as session:
        report = session.reports.period_csv(*three_hours)
        with pytest.raises(Stop):
            await report.save(target, progress=stop_at_two)
        before = operations().count("period_csv")
        assert not target.exists()
        assert modes_in(tmp_path) == {0o700}
        assert modes_in(*folders_in(tmp_path)) == {0o600}

        await report.save(target)

    asked = [r.query["to"] for r in sandbox.requests if r.operation == "period_csv"][before:]
    assert len(set(asked)) <= 2
    assert before + len(asked) < 2 * before + 1
    assert len(read(target)) == 3
    assert names_in(tmp_path) == ["report.csv"]


async def test_a_window_that_breaks_off_is_asked_again_and_the_others_are_not(
    connect: Any,
    sandbox: Sandbox,
    three_hours: tuple[datetime, datetime],
    tmp_path: Path,
) -> None:
    target = tmp_path / "report.csv"
    since, until = three_hours
    async with connect(dialect=HOURLY) as session:
        report = session.reports.period_csv(since, until, windows_at_once=1)
        sandbox.faults.add(
            Fault(operation="period_csv", when="after", truncate=10, skip=4, times=None)
        )
        with pytest.raises(ConnectionFailed):
            await report.save(target)
        assert not target.exists()
        sandbox.faults.clear()
        first_run = len(sandbox.requests)

        await report.save(target)

    starts = {r.query["from"] for r in sandbox.requests[first_run:] if r.operation == "period_csv"}
    assert f"{since.astimezone(HOURLY.server_tz):%Y-%m-%d %H:%M}" not in starts
    assert len(read(target)) == 3


async def test_another_report_does_not_go_on_with_these_windows(
    connect: Any, three_hours: tuple[datetime, datetime], tmp_path: Path
) -> None:
    target = tmp_path / "report.csv"

    def stop(_: int, __: int) -> None:
        raise Stop

    async with connect(dialect=HOURLY) as session:
        with pytest.raises(Stop):
            await session.reports.period_csv(*three_hours).save(target, progress=stop)

        await session.reports.period_csv(*three_hours, status=[20]).save(target)

    assert read(target) == []


async def test_a_period_without_rows_is_saved_with_its_header(
    connect: Any, minute: datetime, tmp_path: Path
) -> None:
    target = tmp_path / "report.csv"
    async with connect(dialect=HOURLY) as session:
        await session.reports.period_csv(minute, minute + timedelta(hours=3)).save(target)

    header = target.read_text(encoding="utf-8").splitlines()
    assert len(header) == 1
    assert header[0].startswith("REF_LIST;ID_LINE;INT_MOBILE;STATUS_CODE")


async def test_a_period_in_windows_1252_is_joined_in_utf_8(tmp_path: Path) -> None:
    rules = ServerRules(csv_encoding="cp1252", csv_delimiter=",", csv_header_case="lower")
    with Sandbox(rules=rules).serve_in_thread() as sandbox:
        since = sandbox.clock.now() - timedelta(hours=2)
        address = sandbox.base_url
        async with Session(
            sandbox.username, sandbox.password, base_url=address, dialect=HOURLY
        ) as session:
            people = [Recipient("0612345678", fields={"Prénom": "Zoé, 17 €"})]
            await session.campaigns.send(CampaignRequest(msg="Bonjour", recipients=people))
            until = sandbox.clock.now() + timedelta(minutes=1)
            await session.reports.period_csv(since, until).save(tmp_path / "report.csv")

    (row,) = read(tmp_path / "report.csv")
    assert (row["Prénom"], row["int_mobile"]) == ("Zoé, 17 €", "+33612345678")


async def test_a_window_that_is_no_csv_leaves_no_file(
    connect: Any, sandbox: Sandbox, three_hours: tuple[datetime, datetime], tmp_path: Path
) -> None:
    sandbox.faults.add(Fault(operation="period_csv", status=200, html=True, skip=2))
    async with connect(dialect=HOURLY) as session:
        with pytest.raises(ResponseInvalid):
            await session.reports.period_csv(*three_hours).save(tmp_path / "report.csv")

    assert not (tmp_path / "report.csv").exists()


async def test_a_folder_that_is_not_there_is_told_before_anything_is_asked(
    session: Session, listed_id: int, tmp_path: Path, operations: Callable[[], list[str]]
) -> None:
    before = operations()

    with pytest.raises(FileNotFoundError):
        await session.reports.campaign_csv(listed_id).save(tmp_path / "nowhere" / "report.csv")

    assert operations() == before


@pytest.mark.parametrize("windows_at_once", [1, 2, 3])
async def test_leaving_a_long_report_early_asks_for_no_more_windows_than_are_read_at_once(
    connect: Any,
    sandbox: Sandbox,
    three_hours: tuple[datetime, datetime],
    windows_at_once: int,
) -> None:
    since, _ = three_hours

    def hours() -> set[str]:
        """Return the windows that were asked for, without the minutes around what two share."""
        asked = [r.query for r in sandbox.requests if r.operation == "period_csv"]
        return {q["from"] for q in asked if minutes_of(q) == 60}

    async with connect(dialect=HOURLY) as session:
        report = session.reports.period_csv(
            since, since + timedelta(hours=24), windows_at_once=windows_at_once
        )
        async with aclosing(report.dicts()) as records:
            await anext(records)
            with anyio.fail_after(30):
                await until(lambda: len(hours()) >= windows_at_once)
            await anyio.sleep(0.05)

    assert len(hours()) == windows_at_once


def minutes_of(query: Mapping[str, str]) -> float:
    since, end = (datetime.fromisoformat(query[name]) for name in ("from", "to"))
    return (end - since) / timedelta(minutes=1)


async def test_a_csv_report_that_is_left_early_gives_its_place_back(
    connect: Any, listed_id: int
) -> None:
    async with connect(max_in_flight=1) as session:
        for _ in range(3):
            async for _row in session.reports.campaign_csv(listed_id):
                break
        with anyio.fail_after(10):
            assert len(await session.reports.campaign(listed_id)) == 2
