from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mediasflow_async import CampaignRequest, ConfigurationError, Recipient, ReportRow
from mediasflow_async.frames import frame, frames
from mediasflow_async.models import Track
from tests.support.sessions import Connect

pytestmark = pytest.mark.anyio
pytest_plugins = ["tests.support.session_fixtures"]

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


async def given(rows: Iterable[ReportRow]) -> AsyncIterator[ReportRow]:
    for row in rows:
        yield row


def numbered(count: int) -> list[ReportRow]:
    return [ReportRow(line=line, status_code=16) for line in range(count)]


@pytest.mark.parametrize(
    ("count", "sizes"), [(0, [0]), (1, [1]), (3, [3]), (4, [3, 1]), (6, [3, 3])]
)
async def test_the_rows_come_in_blocks_of_the_size_that_was_asked_for(
    count: int, sizes: list[int]
) -> None:
    blocks = [block async for block in frames(given(numbered(count)), rows_at_once=3)]
    assert [block.height for block in blocks] == sizes
    assert pl.concat(blocks)["line"].to_list() == list(range(count))


async def test_every_attribute_of_a_row_has_its_type() -> None:
    row = ReportRow(
        campaign_id=943,
        line=1,
        mobile="+33612345678",
        status_code=16,
        status_text="Delivered",
        delivered_at=NOON,
        tracks=(Track(1, NOON, 2),),
        fields={"REF": "a-1", "points": 12},
    )
    table = await frame(given([row, ReportRow()]))
    assert table.schema["delivered_at"] == pl.Datetime("us", "UTC")
    first, second = table.to_dicts()
    assert first == {
        "campaign_id": 943,
        "line": 1,
        "mobile": "+33612345678",
        "status_code": 16,
        "status_text": "Delivered",
        "sent_at": None,
        "delivered_at": NOON,
        "reply": None,
        "list_name": None,
        "message": None,
        "type": None,
        "previewed_at": None,
        "preview_count": 0,
        "tracks": [{"index": 1, "clicked_at": NOON, "count": 2}],
        "fields.REF": "a-1",
        "fields.points": "12",
    }
    assert second["mobile"] is None
    assert second["fields.REF"] is None


async def test_an_attribute_of_the_model_is_a_column_each() -> None:
    table = await frame(given([]))
    left_out = {"fields", "raw"}
    wanted = {name for name in ReportRow.__annotations__ if name not in left_out}
    assert set(table.columns) == wanted


async def test_blocks_with_other_columns_of_the_users_make_one_frame() -> None:
    rows = [ReportRow(fields={"A": "1"}), ReportRow(fields={"B": "2"})]
    blocks = [block async for block in frames(given(rows), rows_at_once=1)]
    table = pl.concat(blocks, how="diagonal")
    assert table.select("fields.A", "fields.B").rows() == [("1", None), (None, "2")]


@pytest.mark.parametrize("wrong", [0, -1, 2.5, True])
async def test_a_size_that_is_none_is_refused(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="rows_at_once"):
        await anext(frames(given([]), rows_at_once=wrong))


async def test_a_report_becomes_a_parquet_file(connect: Connect, tmp_path: Path) -> None:
    numbers = [f"+3360000{status}01" for status in ("16", "25")]
    recipients = [Recipient(number, fields={"REF": number[-4:]}) for number in numbers]
    async with connect() as session:
        request = CampaignRequest(msg="hello", recipients=recipients)
        campaign = await session.campaigns.send(request)
        from_csv = await frame(session.reports.campaign_csv(campaign.id))
        from_json = await frame(session.reports.campaign(campaign.id))
    from_csv.write_parquet(tmp_path / "report.parquet")
    read = pl.read_parquet(tmp_path / "report.parquet")
    for table in (read, from_json):
        assert table["mobile"].to_list() == numbers
        assert table["status_code"].to_list() == [16, 25]
        assert table["fields.REF"].to_list() == ["1601", "2501"]
