"""Reports and blacklists that are still being made: 202, until they are there."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mediasflow_async import (
    RetryPolicy,
    RetryRecord,
    ServerError,
    Session,
    no_retries,
)
from mediasflow_async.sandbox import Fault, Sandbox
from tests.resources.conftest import Connect
from tests.support.inspection import names_in
from tests.support.odd_reports import answers, csv_rows, json_rows
from tests.support.raw_server import RawServer, http, http_json
from tests.support.sessions import QUICKLY, session_with

pytestmark = pytest.mark.anyio

ROW = {"STATUS_CODE": 16, "INT_MOBILE": "33612345678", "ID_LINE": 1}
JSON_BODIES = [b"", b"{}", b"[]", b'{"status": "IN_PROGRESS"}', b"en cours"]


@pytest.mark.parametrize("body", JSON_BODIES)
async def test_what_is_not_ready_is_asked_for_again(
    session: Session, sandbox: Sandbox, body: bytes
) -> None:
    answers(sandbox, "report_json", body, status=202, times=6)
    answers(sandbox, "report_json", [ROW])
    assert len(await json_rows(session)) == 1
    assert len(sandbox.requests) == 1 + 7

    answers(sandbox, "blacklist", body, status=202, times=2)
    answers(sandbox, "blacklist", ["+33612345678"])
    assert len(await session.blacklist.entries()) == 1


@pytest.mark.parametrize("body", JSON_BODIES)
async def test_the_deadline_of_the_session_ends_it(
    connect: Connect, sandbox: Sandbox, body: bytes
) -> None:
    answers(sandbox, "report_json", body, status=202, times=None)
    async with connect(deadline=0.5) as session:
        with pytest.raises(ServerError, match="not finished") as caught:
            await json_rows(session)
    assert caught.value.status == 202
    assert len(sandbox.requests) > 3


@pytest.mark.parametrize("body", [b"", b"{}", b"en cours\n", b"<html>wait</html>"])
async def test_a_csv_report_that_is_not_ready_is_asked_for_again(
    connect: Connect, session: Session, sandbox: Sandbox, body: bytes, tmp_path: Path
) -> None:
    answers(sandbox, "report_csv", body, status=202, times=2)
    answers(sandbox, "report_csv", "STATUS_CODE\n16\n")
    assert len(await csv_rows(session)) == 1
    answers(sandbox, "report_csv", body, status=202)
    answers(sandbox, "report_csv", "STATUS_CODE\n16\n")
    await session.reports.campaign_csv(943).save(tmp_path / "report.csv")
    assert names_in(tmp_path) == ["report.csv"]

    answers(sandbox, "report_csv", body, status=202, times=None)
    async with connect(deadline=0.3) as hasty:
        with pytest.raises(ServerError, match="not ready"):
            await csv_rows(hasty)
        with pytest.raises(ServerError, match="not ready"):
            await hasty.reports.campaign_csv(943).save(tmp_path / "other.csv")
    assert names_in(tmp_path) == ["report.csv"]


async def test_a_later_page_that_is_not_ready_gives_no_row_twice(
    session: Session, sandbox: Sandbox
) -> None:
    page = {"content": [ROW] * 50, "number": 0, "totalPages": 2, "totalElements": 70}
    answers(sandbox, "report_json", page)
    answers(sandbox, "report_json", b"", status=202)
    with pytest.raises(ServerError, match="not finished"):
        await json_rows(session)


@pytest.mark.parametrize("asked", ["0.3", "0.6"])
async def test_a_wait_that_the_server_asks_for_is_kept(asked: str) -> None:
    records: list[RetryRecord] = []
    policy = RetryPolicy(base_wait=timedelta(0), on_retry=records.append)
    with RawServer(
        [http(202, b"", {"Retry-After": asked}), http_json(data=[ROW])]
    ).running() as server:
        async with session_with(server.url, retry=policy) as session:
            assert len(await json_rows(session)) == 1
    assert [(each.attempt, each.status) for each in records] == [(1, 202)]
    assert records[0].wait == timedelta(seconds=float(asked))
    assert records[0].error is ServerError


@pytest.mark.parametrize(
    ("asked", "options"),
    [
        ("61", {"retry": QUICKLY}),
        ("5", {"deadline": 2}),
        ("0", {"retry": RetryPolicy.off()}),
    ],
    ids=["longer than allowed", "beyond the deadline", "no retries"],
)
async def test_a_wait_that_cannot_be_kept_is_an_error_at_once(asked: str, options: Any) -> None:
    with RawServer([http(202, b"", {"Retry-After": asked})]).running() as server:
        async with session_with(server.url, **options) as session:
            with pytest.raises(ServerError) as caught:
                await json_rows(session)
    assert caught.value.retry_after == timedelta(seconds=float(asked))
    assert len(server.requests) == 1


async def test_nothing_is_waited_for_within_no_retries(session: Session, sandbox: Sandbox) -> None:
    answers(sandbox, "report_json", b"", status=202, times=None)
    with no_retries(), pytest.raises(ServerError):
        await json_rows(session)
    assert [request.status for request in sandbox.requests if request.operation != "login"] == [202]


async def test_a_blacklist_that_breaks_off_is_asked_for_as_the_policy_says(
    connect: Connect, sandbox: Sandbox
) -> None:
    sandbox.faults.add(Fault(operation="blacklist", truncate=1, times=None))
    for attempts in (1, 3):
        before = len(sandbox.requests)
        async with connect(retry=RetryPolicy(attempts=attempts, base_wait=timedelta(0))) as session:
            with pytest.raises(Exception, match="blacklist"):
                await session.blacklist.entries()
        asked = [each for each in sandbox.requests[before:] if each.operation == "blacklist"]
        assert len(asked) == attempts
