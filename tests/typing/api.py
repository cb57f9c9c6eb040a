"""What type checkers infer from the public API; checked by mypy and pyright, never run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import assert_type

from mediasflow_async import (
    ApiResponse,
    BlacklistEntry,
    Campaign,
    CampaignRequest,
    CampaignStatus,
    DeliveryCategory,
    DeliveryStatus,
    Dialect,
    MediasflowError,
    Outcome,
    Recipient,
    RecipientList,
    ReportRow,
    ReportSummary,
    RetryPolicy,
    Secret,
    Session,
    map_bounded,
)
from mediasflow_async.concurrency import Outcomes

REQUEST = CampaignRequest(msg="Bonjour {NOM}", recipients=["0612345678"], sender="TEST")


def sessions() -> None:
    assert_type(Session("login", Secret("password")), Session)
    assert_type(Session(token="token", timeout=None, deadline=timedelta(minutes=1)), Session)
    assert_type(Session.from_env(retry=RetryPolicy.off()), Session)
    assert_type(Session(token="token").with_options(timeout=2.5), Session)


def requests() -> None:
    recipient = Recipient("0612345678", first_name="Zoé", fields={"CODE": "A1"})
    CampaignRequest(msg="Bonjour", recipients=[recipient, "0612345678"], list_ids=[12])


async def campaigns(session: Session) -> None:
    async with session as entered:
        assert_type(entered, Session)
    assert_type(await session.campaigns.send(REQUEST), Campaign)
    draft = await session.campaigns.prepare(REQUEST)
    assert_type(await session.campaigns.launch(draft.id, sender="TEST"), Campaign)
    assert_type(draft.id, int)
    assert_type(draft.status, CampaignStatus | None)
    many = session.campaigns.send_many([REQUEST], prepare_only=True)
    assert_type(many, Outcomes[CampaignRequest, Campaign])
    async for outcome in many:
        assert_type(outcome.item, CampaignRequest)
        assert_type(outcome.value, Campaign | None)
        assert_type(outcome.error, MediasflowError | None)
        assert_type(outcome.unwrap(), Campaign)


async def reports(session: Session) -> None:
    rows = session.reports.campaign(943, status=[DeliveryStatus(0), 21])
    assert_type(await rows, list[ReportRow])
    assert_type(await rows.summary(), ReportSummary)
    async for row in session.reports.period(datetime.now(UTC)):
        assert_type(row.status, DeliveryStatus)
        assert_type(row.status.category, DeliveryCategory)
    csv = session.reports.campaign_csv(943)
    assert_type(await csv.save("report.csv"), Path)
    async for record in csv.dicts():
        assert_type(record, dict[str, str])
    async for summary in session.reports.watch(943, every=5):
        assert_type(summary, ReportSummary)


async def others(session: Session) -> None:
    assert_type(await session.blacklist.entries(), list[BlacklistEntry])
    assert_type(await session.blacklist.contains("0612345678"), bool)
    uploaded = await session.lists.upload(Path("clients.csv"), filename="clients.csv")
    assert_type(uploaded, RecipientList)
    assert_type(await session.request("GET", "campaigns"), ApiResponse)


async def length(text: str) -> int:
    return len(text)


async def concurrency() -> None:
    async for outcome in map_bounded(length, ["a", "bc"], limit=2):
        assert_type(outcome, Outcome[str, int])


def mistakes(dialect: Dialect) -> None:
    """What type checkers refuse: an ignore that ignores nothing is itself an error of mypy."""
    Session(token=5)  # type: ignore[arg-type]
    CampaignRequest(recipients=[5])  # type: ignore[list-item]
    dialect.base_url = "/"  # type: ignore[misc]
