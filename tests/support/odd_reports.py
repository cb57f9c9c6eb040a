"""Reports that answer whatever a test says, and their rows."""

from __future__ import annotations

import json
from typing import Any

from mediasflow_async import ReportRow, Session
from mediasflow_async.sandbox import Fault, Sandbox

__all__ = ["answers", "csv_rows", "json_rows"]


def answers(sandbox: Sandbox, operation: str, body: str | bytes | Any, **fault: Any) -> None:
    """Let the next request of an operation be answered with a body, or with its JSON."""
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    sandbox.faults.add(Fault(operation=operation, body=text, **fault))


async def json_rows(session: Session) -> list[ReportRow]:
    """Return the rows of a campaign's report in JSON."""
    return await session.reports.campaign(943)


async def csv_rows(session: Session) -> list[ReportRow]:
    """Return the rows of a campaign's report in CSV."""
    return [row async for row in session.reports.campaign_csv(943)]
