"""`mediasflow batch run` and its login: given up when it is refused, not when a token is lost."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mediasflow_async import AuthenticationFailed, ServerError, TokenLost
from mediasflow_async._core import auth
from mediasflow_async.cli.batch_progress import Ending, LineResult, Tally
from mediasflow_async.sandbox import Fault, Sandbox, ServerRules
from tests.support.batches import launches, text, write_campaigns
from tests.support.commands import (
    TIMEOUT_SECONDS,
    Command,
    environment_with,
    executable,
    said,
)
from tests.support.sessions import logins

Surroundings = dict[str, str]
GO = ("--journal", "batch.db", "--yes")


def test_a_refused_password_ends_the_run_after_one_login(
    mediasflow: Command, server: Sandbox, surroundings: Surroundings, tmp_path: Path
) -> None:
    write_campaigns(tmp_path / "c.jsonl", 300)
    wrong = surroundings | {"MEDIASFLOW_PASSWORD": "not-the-one"}
    run = mediasflow("batch", "run", "c.jsonl", *GO, environment=wrong)
    assert run.returncode == 1
    assert "Check the username and password" in said(run.stdout)
    assert "The login is not tried again before" in said(run.stdout)
    assert logins(server) == 1
    assert mediasflow("batch", "run", "c.jsonl", *GO, environment=surroundings).returncode == 0
    assert launches(server) == {text(index): 1 for index in range(300)}


def test_a_login_that_is_elsewhere_ends_the_run_and_names_the_option(
    mediasflow: Command, tmp_path: Path
) -> None:
    write_campaigns(tmp_path / "c.jsonl", 3)
    with Sandbox(rules=ServerRules(login_path="login")).serve_in_thread() as sandbox:
        account = {
            "MEDIASFLOW_BASE_URL": sandbox.base_url,
            "MEDIASFLOW_USERNAME": sandbox.username,
            "MEDIASFLOW_PASSWORD": sandbox.password,
        }
        run = mediasflow("batch", "run", "c.jsonl", *GO, environment=account)
    assert run.returncode == 1
    assert "Dialect(login_path='login')" in said(run.stdout)


def test_a_server_that_accepts_no_token_is_soon_left_alone_and_nothing_is_lost(
    mediasflow: Command,
    server: Sandbox,
    surroundings: Surroundings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(auth, "_FIRST_SPACE_SECONDS", 0.001)
    monkeypatch.setattr(auth, "_LONGEST_SPACE_SECONDS", 0.001)
    write_campaigns(tmp_path / "c.jsonl", 40)
    server.faults.add(Fault(operation="prepare", status=401, times=None))
    run = mediasflow("batch", "run", "c.jsonl", *GO, environment=surroundings)
    assert run.returncode == 1
    assert "The password is right" in said(run.stdout)
    assert "Campaigns: 40 failed" in said(run.stdout)
    assert logins(server) == 12
    server.faults.clear()
    assert mediasflow("batch", "run", "c.jsonl", *GO, environment=surroundings).returncode == 0
    assert launches(server) == {text(index): 1 for index in range(40)}


def test_two_runs_of_one_account_with_one_token_send_everything(tmp_path: Path) -> None:
    count = 100
    for half in ("a", "b"):
        write_campaigns(tmp_path / f"{half}.jsonl", count, brand=half)
    with Sandbox(rules=ServerRules(one_token=True)).serve_in_thread() as sandbox:
        account = {
            "MEDIASFLOW_BASE_URL": sandbox.base_url,
            "MEDIASFLOW_USERNAME": sandbox.username,
            "MEDIASFLOW_PASSWORD": sandbox.password,
        }
        runs = [
            subprocess.Popen(
                [executable(), "batch", "run", f"{half}.jsonl", "--journal", f"{half}.db", "--yes"],
                cwd=tmp_path,
                env=environment_with(account),
            )
            for half in ("a", "b")
        ]
        assert [run.wait(TIMEOUT_SECONDS) for run in runs] == [0, 0]
        assert launches(sandbox) == {text(index): 2 for index in range(count)}
        # Each campaign is two calls.
        assert logins(sandbox) < 2 * 2 * count / 10


def test_a_token_that_was_lost_does_not_end_the_run() -> None:
    tally = Tally()
    for error in (TokenLost("no"), ServerError("no")):
        tally.count(LineResult(where="line 1", ending=Ending.FAILED, error=error))
    assert tally.fatal_error is None
    tally.count(LineResult(where="line 1", ending=Ending.FAILED, error=AuthenticationFailed("no")))
    assert isinstance(tally.fatal_error, AuthenticationFailed)


def test_a_login_that_is_refused_in_any_way_ends_the_run() -> None:
    error = ServerError("no")
    error.login_refused = True
    tally = Tally()
    tally.count(LineResult(where="line 1", ending=Ending.FAILED, error=error))
    assert tally.fatal_error is error
