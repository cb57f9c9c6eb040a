"""What a request costs when much is stored."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from mediasflow_async.sandbox import DeliveryPlan

if TYPE_CHECKING:
    import httpx

    from mediasflow_async.sandbox import Sandbox

    Json = dict[str, Any]


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """Return how SQLite looks up what the statements until now asked for."""
    connections: list[sqlite3.Connection] = []
    statements: list[str] = []
    connect = sqlite3.connect

    def connect_traced(*args: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*args, **options)
        connection.set_trace_callback(statements.append)
        connections.append(connection)
        return connection

    def explain() -> list[str]:
        (connection,) = connections
        connection.set_trace_callback(None)
        explained = [
            connection.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
            for statement in statements
            if statement.startswith(("SELECT", "UPDATE"))
        ]
        return [step["detail"] for steps in explained for step in steps]

    monkeypatch.setattr(sqlite3, "connect", connect_traced)
    return explain


@pytest.mark.sandbox(delivery=DeliveryPlan(mix={17: 1}))
def test_no_request_reads_through_all_messages(
    plans: Callable[[], list[str]],
    sandbox: Sandbox,
    inject: Callable[..., Json],
    http: httpx.Client,
) -> None:
    campaign_id = inject()["id"]
    http.put(f"campaigns/{campaign_id}/test", params={"phoneNumbers": "0612345678"})
    http.get("blacklist")
    http.get(f"campaigns/reportjson/{campaign_id}")
    http.get("campaigns/report", params={"from": f"{sandbox.clock.now():%Y-%m-%d}"})
    found = [plan for plan in plans() if "messages" in plan]
    assert any("messages_stops" in plan for plan in found)
    assert not [plan for plan in found if plan.startswith("SCAN")]
