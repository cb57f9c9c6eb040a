"""`mediasflow batch status`, `resolve`, `resume`, `export`, `check` and `purge`."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from mediasflow_async.sandbox import Fault, Sandbox
from tests.support.batches import (
    QUICKLY,
    exported,
    launches,
    lines_of_json,
    park_the_first,
    summary,
    text,
    write_campaigns,
)
from tests.support.commands import Command, Start, said

Surroundings = dict[str, str]
JOURNAL = ("--journal", "batch.db")
GO = (*JOURNAL, "--yes", *QUICKLY)


@pytest.fixture
def parked(
    mediasflow: Command, server: Sandbox, surroundings: Surroundings, tmp_path: Path
) -> dict[str, str]:
    """A journal with a campaign that waits for a person and two that were launched."""
    park_the_first(server)
    write_campaigns(tmp_path / "c.jsonl", 3, sender="ACME")
    run = mediasflow("batch", "run", "c.jsonl", *GO, "--json", environment=surroundings)
    (found,) = (line for line in lines_of_json(run.stdout) if line["kind"] == "parked")
    server.faults.clear()
    key: dict[str, str] = found
    return key


def states(mediasflow: Command) -> dict[str, int]:
    """Return the counts of the states that there are."""
    run = mediasflow("batch", "status", *JOURNAL, "--json")
    return {name: count for name, count in summary(run.stdout)["states"].items() if count}


def test_status_shows_counts_and_what_waits(mediasflow: Command, parked: dict[str, str]) -> None:
    run = mediasflow("batch", "status", *JOURNAL)
    assert run.returncode == 4
    shown = said(run.stdout)
    assert "LAUNCHED 2 the server has it" in shown
    assert "PARKED 1 waits for a person" in shown
    assert f"? {parked['key']} campaign {parked['campaign_id']}, NO_EVIDENCE, since 20" in shown
    assert "resolve it with --launched" in shown
    assert "resolve it with --not-launched" in shown


def test_status_for_programs_is_a_line_for_each_that_waits_and_a_summary(
    mediasflow: Command, parked: dict[str, str]
) -> None:
    run = mediasflow("batch", "status", *JOURNAL, "--json")
    assert run.returncode == 4
    waiting, last = lines_of_json(run.stdout)
    assert waiting == parked
    assert (last["states"]["LAUNCHED"], last["states"]["PARKED"], last["states"]["NEW"]) == (
        2,
        1,
        0,
    )


@pytest.mark.parametrize(
    ("verdict", "state"), [("--launched", "LAUNCHED"), ("--not-launched", "CANCELLED")]
)
def test_a_verdict_is_recorded_once_and_stays(
    verdict: str, state: str, mediasflow: Command, parked: dict[str, str]
) -> None:
    command = ("batch", "resolve", parked["key"], *JOURNAL)
    run = mediasflow(*command, verdict)
    assert run.returncode == 0
    assert run.stdout == f"{parked['key']}: campaign {parked['campaign_id']} is {state}.\n"
    assert mediasflow("batch", "status", *JOURNAL).returncode == 0
    assert mediasflow(*command, verdict).returncode == 0
    other = "--not-launched" if verdict == "--launched" else "--launched"
    refused = mediasflow(*command, other)
    assert refused.returncode == 1
    assert f"is {state}" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (("unknown", "--launched"), 1, "the journal has no key 'unknown'"),
        (("order-0",), 2, "--launched"),
    ],
)
@pytest.mark.usefixtures("parked")
def test_a_verdict_needs_a_key_and_a_word(
    arguments: tuple[str, ...], code: int, reason: str, mediasflow: Command
) -> None:
    run = mediasflow("batch", "resolve", *arguments, *JOURNAL)
    assert run.returncode == code
    assert reason in said(run.stderr)


def leave_in_doubt(
    mediasflow: Command, server: Sandbox, surroundings: Surroundings, folder: Path
) -> None:
    """Leave two campaigns behind, one launched in doubt and one as a draft."""
    write_campaigns(folder / "c.jsonl", 1, sender="ACME")
    server.faults.add(Fault(operation="launch", drop=True, times=None))
    for operation in ("sender", "report_csv"):
        server.faults.add(Fault(operation=operation, times=None, status=503))
    run = mediasflow("batch", "run", "c.jsonl", *GO, environment=surroundings)
    assert run.returncode == 1
    assert "could not be asked" in run.stdout
    server.faults.clear()


def test_resume_brings_to_an_end_what_was_left(
    mediasflow: Command, server: Sandbox, surroundings: Surroundings, tmp_path: Path
) -> None:
    leave_in_doubt(mediasflow, server, surroundings, tmp_path)
    assert states(mediasflow) == {"LAUNCHING": 1}
    run = mediasflow("batch", "resume", *GO, environment=surroundings)
    assert (run.returncode, run.stdout) == (0, "Brought to their end: 1 launched.\n")
    assert launches(server) == {text(0): 1}
    again = mediasflow("batch", "resume", *GO, "--json", environment=surroundings)
    assert lines_of_json(again.stdout) == [
        {
            "kind": "summary",
            "exit_code": 0,
            "unfinished": 0,
            "launched": 0,
            "rejected": 0,
            "parked": 0,
            "cancelled": 0,
        }
    ]


def test_what_resume_cannot_end_ends_with_1(
    mediasflow: Command, server: Sandbox, surroundings: Surroundings, tmp_path: Path
) -> None:
    leave_in_doubt(mediasflow, server, surroundings, tmp_path)
    for operation in ("sender", "report_csv"):
        server.faults.add(Fault(operation=operation, times=None, status=503))
    run = mediasflow("batch", "resume", *GO, environment=surroundings)
    assert run.returncode == 1
    assert "could not be asked" in said(run.stdout)
    assert "Brought to their end: none, 1 not ended yet." in run.stdout


def test_what_resume_leaves_to_a_person_ends_with_4(
    mediasflow: Command, server: Sandbox, surroundings: Surroundings, tmp_path: Path
) -> None:
    leave_in_doubt(mediasflow, server, surroundings, tmp_path)
    server.faults.add(Fault(operation="sender", status=404, times=None))
    run = mediasflow("batch", "resume", *GO, environment=surroundings)
    assert run.returncode == 4
    assert "1 parked" in run.stdout
    assert not launches(server)


def test_resume_asks_before_it_sends(
    terminal: Start,
    mediasflow: Command,
    server: Sandbox,
    surroundings: Surroundings,
    tmp_path: Path,
) -> None:
    leave_in_doubt(mediasflow, server, surroundings, tmp_path)
    unattended = mediasflow("batch", "resume", *JOURNAL, environment=surroundings)
    assert unattended.returncode == 2
    assert "add --yes" in unattended.stderr
    command = ("batch", "resume", *JOURNAL, *QUICKLY)
    refused = terminal(*command, environment=surroundings)
    refused.until("Number of campaigns: ")
    assert "1 campaign that was begun" in refused.seen
    refused.type("2")
    assert refused.ended() == 1
    assert not launches(server)
    agreed = terminal(*command, environment=surroundings)
    agreed.until("Number of campaigns: ")
    agreed.type("1")
    assert agreed.ended() == 0
    assert launches(server) == {text(0): 1}


@pytest.mark.usefixtures("parked")
def test_an_export_holds_every_key(mediasflow: Command) -> None:
    run = mediasflow("batch", "export", *JOURNAL)
    assert run.returncode == 0
    entries = exported(run.stdout)
    assert sorted(entries) == ["order-0", "order-1", "order-2"]
    assert sorted(entry["state"] for entry in entries.values()) == [
        "LAUNCHED",
        "LAUNCHED",
        "PARKED",
    ]


@pytest.mark.usefixtures("parked")
def test_a_check_finds_what_is_wrong(mediasflow: Command, tmp_path: Path) -> None:
    sound = mediasflow("batch", "check", *JOURNAL)
    assert (sound.returncode, sound.stdout) == (0, "✓ The journal is sound: 3 keys.\n")
    change(tmp_path, "UPDATE mediasflow_entries SET owner = 'somebody' WHERE state = 'PARKED'")
    broken = mediasflow("batch", "check", *JOURNAL)
    assert broken.returncode == 1
    assert "✗ entry 'order-" in broken.stdout


def change(folder: Path, statement: str) -> None:
    """Change the table of a journal directly, without its constraints."""
    connection = sqlite3.connect(folder / "batch.db")
    with connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute(statement)
    connection.close()


def test_a_purge_forgets_what_ended_long_ago_alone(
    mediasflow: Command, parked: dict[str, str], tmp_path: Path
) -> None:
    command = ("batch", "purge", *JOURNAL, "--older-than", "90d")
    young = mediasflow(*command)
    assert (young.returncode, young.stdout) == (0, "0 keys are forgotten.\n")
    # A little more than 90 days, in microseconds.
    change(tmp_path, "UPDATE mediasflow_entries SET updated_at = updated_at - 7776001000000")
    old = mediasflow(*command)
    assert (old.returncode, old.stdout) == (0, "2 keys are forgotten.\n")
    assert states(mediasflow) == {"PARKED": 1}
    assert list(exported(mediasflow("batch", "export", *JOURNAL).stdout)) == [parked["key"]]


@pytest.mark.parametrize("age", ["0d", "-1d", "soon"])
@pytest.mark.usefixtures("parked")
def test_a_purge_needs_an_age(age: str, mediasflow: Command) -> None:
    assert mediasflow("batch", "purge", *JOURNAL, f"--older-than={age}").returncode == 2
    assert states(mediasflow) == {"LAUNCHED": 2, "PARKED": 1}


@pytest.mark.parametrize(
    "command",
    [
        ("status",),
        ("resolve", "order-0", "--launched"),
        ("export",),
        ("check",),
        ("purge", "--older-than", "1d"),
        ("resume", "--yes"),
    ],
)
def test_a_journal_that_is_not_there_is_not_made(
    command: tuple[str, ...],
    mediasflow: Command,
    surroundings: Surroundings,
    tmp_path: Path,
) -> None:
    run = mediasflow("batch", *command, *JOURNAL, environment=surroundings)
    assert run.returncode == 2
    assert "there is no journal in batch.db" in said(run.stderr)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://journal:secret@localhost/db",
        "postgresql://journal:se/cr?et@localhost/db",
        "postgresql://localhost/db?user=journal&password=secret",
        "postgresql://localhost/db?user=journal&pass%77ord=secret",
        "postgresql://localhost/db?sslpassword=secret",
        "host=localhost password=secret",
    ],
)
def test_a_password_is_not_taken_from_the_command_line(address: str, mediasflow: Command) -> None:
    run = mediasflow("batch", "status", "--journal", address)
    assert run.returncode == 2
    told = said(run.stderr)
    assert "PGPASSWORD or PGPASSFILE" in told
    assert "MEDIASFLOW_JOURNAL" in told
    assert "secret" not in told


def test_the_journal_may_be_named_by_the_environment(
    mediasflow: Command, parked: dict[str, str], tmp_path: Path
) -> None:
    for name in ("batch.db", f"sqlite:///{tmp_path / 'batch.db'}"):
        run = mediasflow("batch", "status", "--json", environment={"MEDIASFLOW_JOURNAL": name})
        assert json.loads(run.stdout.splitlines()[0]) == parked


def test_a_file_that_is_no_journal_is_said_clearly(mediasflow: Command, tmp_path: Path) -> None:
    (tmp_path / "batch.db").write_text("no database" * 1_000)
    run = mediasflow("batch", "status", *JOURNAL)
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
