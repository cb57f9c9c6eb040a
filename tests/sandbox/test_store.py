"""What a request costs when much is stored, and which files are opened."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mediasflow_async import ConfigurationError
from mediasflow_async.sandbox import DeliveryPlan, Sandbox

if TYPE_CHECKING:
    import httpx

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


# Two of the tables of the first sandboxes, one of them with a campaign.
FIRST_TABLES = """
CREATE TABLE balance (credit REAL NOT NULL);
CREATE TABLE campaigns (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id TEXT NOT NULL,
    state TEXT NOT NULL,
    sender TEXT NOT NULL,
    settings TEXT NOT NULL,
    tally TEXT NOT NULL,
    starts_at REAL,
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL,
    launches INTEGER NOT NULL DEFAULT 0
);
INSERT INTO balance VALUES (1000000);
INSERT INTO campaigns VALUES (943, 'u', 'DRAFT', '', '{"guests": []}', '{}', NULL, 0, 0, 0);
"""


@pytest.mark.parametrize("tables", [FIRST_TABLES, "CREATE TABLE mediasflow_entries (key TEXT);"])
def test_a_file_of_another_version_or_program_is_refused_and_stays_as_it_is(
    tables: str, tmp_path: Path
) -> None:
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as old:
        old.executescript(tables)
    before = path.read_bytes()
    with pytest.raises(ConfigurationError, match="another version of the sandbox") as caught:
        Sandbox(database=path)
    assert str(path) in str(caught.value)
    assert "Name another file" in str(caught.value)
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("MOBILE;NOM\n" * 100)
    with pytest.raises(ConfigurationError, match="cannot be read: file is not a database"):
        Sandbox(database=path)


def test_a_file_of_this_version_is_opened_by_several_at_once(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    first, second = Sandbox(database=path), Sandbox(database=path)
    assert first.credit == second.credit
    first.close()
    second.close()
