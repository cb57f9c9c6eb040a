"""A short soak; `nox -s soak` runs the long one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from mediasflow_async import Dialect
from tests.soak.combinations import combined
from tests.support.journals import sqlite_url
from tests.support.local_postgres import installed_programs

_ROOT: Final = Path(__file__).parents[2]
_SEED: Final = "4"
_NONE: Final = ("--sqlite=0", "--postgres=0", "--workers=0", "--careless=0", "--odd=0")
_SECONDS: Final = 280


@pytest.mark.parametrize(
    ("where", "count", "kinds", "kills"),
    [("sqlite", 2000, 16, 20), ("postgres", 300, 15, 5), ("workers", 200, 15, 4)],
)
def test_faults_and_deaths_lose_no_campaign_and_send_none_twice(
    where: str, count: int, kinds: int, kills: int
) -> None:
    if where != "sqlite":
        installed_programs()
    (run,) = _soaked(f"--{where}={count}")["runs"]
    account = run["account"]
    assert sum(account["ended"].values()) == account["recorded"] == account["campaigns"] == count
    assert account["lost"] == account["disagreeing"] == account["damages"] == []
    assert account["duplicated"] == 0
    assert account["ended"]["LAUNCHED"] > 0.9 * count
    assert run["kills"] >= kills
    assert 0.1 < sum(run["faults"].values()) / sum(run["requests"].values()) < 0.3
    assert len(run["faults"]) >= kinds


def test_a_client_that_tries_again_whatever_failed_sends_twice() -> None:
    send, launch = _soaked("--careless=300")["careless"]
    assert send["duplicated"] > 0
    assert launch["duplicated"] > 0


def test_odd_answers_neither_double_a_campaign_nor_end_it_falsely() -> None:
    odd = _soaked("--odd=3000")["odd"]
    assert odd["campaigns"] == 3000
    assert odd["combinations"] > 2000
    assert odd["doubled"] == odd["falsely_launched"] == odd["falsely_ended"] == []
    assert min(odd["ended"][state] for state in ("LAUNCHED", "REJECTED", "PARKED")) > 50


def test_odd_answers_double_a_campaign_where_they_are_believed(tmp_path: Path) -> None:
    believing = Dialect(set_sender_shows_draft=True)
    assert combined(1, sqlite_url(tmp_path), 300, believing).doubled


def _soaked(*options: str) -> Any:
    """Run the soak as its command line does."""
    command = [sys.executable, "-m", "tests.soak", "--json", f"--seed={_SEED}", *_NONE, *options]
    # What is killed leaves no coverage, and to measure it takes time from its short life.
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")
    }
    result = subprocess.run(
        command, cwd=_ROOT, env=environment, stdout=subprocess.PIPE, timeout=_SECONDS, check=True
    )
    return json.loads(result.stdout)
