"""`mediasflow batch run`: what goes out, what is told, and what it ends with."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from mediasflow_async import CampaignRequest
from mediasflow_async.delivery import Journal, Reason, State
from mediasflow_async.delivery.records import Order, digest_of
from mediasflow_async.sandbox import Fault, Sandbox
from tests.support.batches import (
    QUICKLY,
    launches,
    lines_of_json,
    number,
    park_the_first,
    summary,
    text,
    write_campaigns,
    write_lines,
)
from tests.support.commands import Command, said

Surroundings = dict[str, str]
GO = ("--journal", "batch.db", "--yes")


def test_every_campaign_is_launched_and_counted(
    mediasflow: Command, server: Sandbox, surroundings: Surroundings, tmp_path: Path
) -> None:
    write_campaigns(tmp_path / "c.jsonl", 25)
    run = mediasflow("batch", "run", "c.jsonl", *GO, environment=surroundings)
    assert (run.returncode, run.stderr) == (0, "")
    assert launches(server) == {text(index): 1 for index in range(25)}
    assert "24 of 25: 24 launched" in run.stdout
    assert run.stdout.endswith("Campaigns: 25 launched\n")


def test_run_again_it_sends_nothing_again(
    mediasflow: Command, server: Sandbox, surroundings: Surroundings, tmp_path: Path
) -> None:
    write_campaigns(tmp_path / "c.jsonl", 3)
    command = ("batch", "run", "c.jsonl", *GO, "--json")
    mediasflow(*command, environment=surroundings)
    run = mediasflow(*command, environment=surroundings)
    assert run.returncode == 0
    assert (summary(run.stdout)["launched"], summary(run.stdout)["launched_before"]) == (0, 3)
    assert launches(server) == {text(index): 1 for index in range(3)}


def test_a_journal_that_was_used_at_another_address_is_refused_unless_it_is_adopted(
    mediasflow: Command, server: Sandbox, surroundings: Surroundings, tmp_path: Path
) -> None:
    write_campaigns(tmp_path / "c.jsonl", 2)
    command = ("batch", "run", "c.jsonl", *GO)
    mediasflow(*command, environment=surroundings)
    write_campaigns(tmp_path / "c.jsonl", 3)
    moved = surroundings | {"MEDIASFLOW_BASE_URL": server.base_url_alt}
    resume = ("batch", "resume", "--journal", "batch.db", "--yes")
    for refused in (
        mediasflow(*command, environment=moved),
        mediasflow(*resume, environment=moved),
    ):
        assert refused.returncode == 2
        assert f"holds campaigns of {server.base_url}" in said(refused.stdout + refused.stderr)
    assert launches(server) == {text(index): 1 for index in range(2)}
    assert mediasflow(*command, "--adopt", server.base_url, environment=moved).returncode == 0
    assert launches(server) == {text(index): 1 for index in range(3)}


def test_a_file_that_has_grown_and_moved_sends_what_is_new(
    mediasflow: Command, server: Sandbox, surroundings: Surroundings, tmp_path: Path
) -> None:
    campaigns = [{"msg": text(index), "recipients": [number(index)]} for index in range(3)]
    write_lines(tmp_path / "c.jsonl", campaigns[1:])
    mediasflow("batch", "run", "c.jsonl", *GO, environment=surroundings)
    write_lines(tmp_path / "moved.jsonl", [*reversed(campaigns), campaigns[0]])
    run = mediasflow("batch", "run", "moved.jsonl", *GO, "--json", environment=surroundings)
    assert (summary(run.stdout)["launched"], summary(run.stdout)["launched_before"]) == (1, 3)
    assert launches(server) == {text(index): 1 for index in range(3)}


def test_each_row_is_a_campaign_with_its_columns(
    mediasflow: Command, server: Sandbox, surroundings: Surroundings, own_list: Path
) -> None:
    options = ("--message", "Bonjour ${Prenom} ${Nom}", "--type", "NOTIFICATION")
    run = mediasflow("batch", "run", str(own_list), *GO, *options, environment=surroundings)
    assert run.returncode == 0
    assert sorted(message.text for message in server.messages) == [
        "Bonjour  B",
        "Bonjour Léo C",
        "Bonjour Zoé A",
    ]


def test_a_corrected_message_does_not_reach_the_same_people_again(
    mediasflow: Command, server: Sandbox, surroundings: Surroundings, own_list: Path
) -> None:
    command = ("batch", "run", str(own_list), *GO)
    mediasflow(*command, "--message", "Bonjour", environment=surroundings)
    run = mediasflow(*command, "--message", "Bonsoir", environment=surroundings)
    assert run.returncode == 1
    assert run.stdout.count("was used for another payload") == 3
    named = ("--message", "Bonsoir", "--batch", "evening")
    assert mediasflow(*command, *named, environment=surroundings).returncode == 0
    assert launches(server) == {"Bonjour": 3, "Bonsoir": 3}


def test_all_rows_can_be_one_campaign(
    mediasflow: Command, server: Sandbox, surroundings: Surroundings, tmp_path: Path
) -> None:
    rows = "".join(f"{number(index)};N{index}\n" for index in range(60))
    (tmp_path / "people.csv").write_text(f"mobile;nom\n{rows}")
    command = ("batch", "run", "people.csv", *GO, "--as-list", "--message", "Bonjour ${nom}")
    for _ in range(2):
        assert mediasflow(*command, environment=surroundings).returncode == 0
    assert launches(server) == {"Bonjour ${nom}": 1}
    assert len(server.messages) == 60


def test_a_line_with_many_recipients_goes_into_a_list(
    mediasflow: Command, server: Sandbox, surroundings: Surroundings, tmp_path: Path
) -> None:
    people = [number(index) for index in range(51)]
    write_lines(tmp_path / "c.jsonl", [{"msg": "Bonjour", "recipients": people}])
    assert mediasflow("batch", "run", "c.jsonl", *GO, environment=surroundings).returncode == 0
    assert len(server.messages) == 51


def test_bad_lines_are_all_told_before_anything_goes_out(
    mediasflow: Command, server: Sandbox, surroundings: Surroundings, tmp_path: Path
) -> None:
    good = {"msg": "Bonjour", "recipients": [number(1)]}
    bad = {"msgg": "Bonjour", "recipients": ["zero six"], "sender": "!"}
    write_lines(tmp_path / "c.jsonl", [good, bad, *[{"key": ""}] * 30])
    run = mediasflow("batch", "run", "c.jsonl", *GO, environment=surroundings)
    assert run.returncode == 2
    assert not server.requests
    (line,) = (line for line in run.stdout.splitlines() if "line 2:" in line)
    for part in ("✗ c.jsonl, line 2", "msgg: is", "msg: is mandatory", "recipients[0]", "sender:"):
        assert part in line
    assert "… and 11 more" in run.stdout
    assert "31 lines of c.jsonl cannot be sent, and nothing was" in said(run.stderr)


def test_without_the_check_bad_lines_are_left_out_and_told(
    mediasflow: Command, server: Sandbox, surroundings: Surroundings, tmp_path: Path
) -> None:
    lines = '{"msg": "A", "recipients": ["0639980001"]}\n[]\n{"msg": "B", "recipients": ["x"]}\n'
    (tmp_path / "c.jsonl").write_text(lines)
    run = mediasflow(
        "batch", "run", "c.jsonl", *GO, "--no-check", "--json", environment=surroundings
    )
    assert run.returncode == 1
    assert launches(server) == {"A": 1}
    told = {line["kind"]: line for line in lines_of_json(run.stdout)}
    assert told["not_sendable"]["where"] == "line 2"
    assert told["failed"]["where"] == "line 3"
    assert (told["summary"]["launched"], told["summary"]["exit_code"]) == (1, 1)


def test_without_the_check_a_long_file_is_told_in_thousands(
    mediasflow: Command, surroundings: Surroundings, tmp_path: Path
) -> None:
    (tmp_path / "c.jsonl").write_text("[]\n" * 1_001)
    run = mediasflow("batch", "run", "c.jsonl", *GO, "--no-check", environment=surroundings)
    assert run.stdout.count("✗ line") == 100
    assert "… what follows of these is counted only" in run.stdout
    assert "\n1,000: 1,000 not sendable\n" in run.stdout


def test_a_dry_run_checks_counts_and_sends_nothing(
    mediasflow: Command, server: Sandbox, tmp_path: Path
) -> None:
    records: list[dict[str, Any]] = [
        {"msg": "A", "recipients": [number(1), number(2)]},
        {"msg": "B", "list_ids": [7]},
    ]
    write_lines(tmp_path / "c.jsonl", records)
    run = mediasflow("batch", "run", "c.jsonl", "--dry-run", "--json")
    assert run.returncode == 0
    (check,) = lines_of_json(run.stdout)
    assert [warning["code"] for warning in check.pop("warnings")] == [
        "STOP_MISSING",
        "LISTS_NOT_EXAMINED",
    ]
    assert check == {
        "kind": "check",
        "campaigns": 2,
        "recipients": 2,
        "lists": 1,
        "repeated": 0,
        "bad": 0,
        "sendable": 2,
        "credits": 2,
        "histogram": [{"encoding": "GSM-7", "segments": 1, "count": 2}],
    }
    shown = said(run.stderr)
    assert "2 campaigns to 2 recipients and 1 uploaded list, for 2 credits" in shown
    assert "and what the lists take. Nothing was sent." in shown
    assert not server.requests
    assert [path.name for path in tmp_path.iterdir()] == ["c.jsonl"]
    assert mediasflow("batch", "run", "c.jsonl", "--dry-run").stdout.startswith("2 campaigns")
    (tmp_path / "c.jsonl").write_text("[]\n")
    run = mediasflow("batch", "run", "c.jsonl", "--dry-run")
    assert run.returncode == 2
    assert "✗ c.jsonl, line 1: line: is one JSON object" in run.stdout


async def held_elsewhere(path: Path, *keys: str) -> None:
    """Hold campaigns as another process would, for two seconds."""
    async with Journal.open(f"sqlite:///{path}") as journal:
        for index, key in enumerate(keys):
            request = CampaignRequest(msg=text(index), recipients=[number(index)])
            digest = digest_of(Order(request=request), journal.salt)
            await journal.claim(key, digest, owner="dead", lease=timedelta(seconds=2))


@pytest.mark.parametrize(
    ("keys", "told"),
    [(("order-0",), "1 campaign is held"), (("order-0", "order-1"), "2 campaigns are held")],
)
def test_what_a_dead_process_holds_is_told_of_and_waited_for(
    mediasflow: Command,
    server: Sandbox,
    *,
    surroundings: Surroundings,
    tmp_path: Path,
    keys: tuple[str, ...],
    told: str,
) -> None:
    write_campaigns(tmp_path / "c.jsonl", 2)
    anyio.run(held_elsewhere, tmp_path / "batch.db", *keys)
    run = mediasflow("batch", "run", "c.jsonl", *GO, environment=surroundings)
    assert run.returncode == 0
    assert f"{told} by another process. If that has died" in said(run.stdout)
    assert launches(server) == {text(index): 1 for index in range(2)}


async def begun_before(path: Path, key: str, request: CampaignRequest) -> None:
    """Write to the journal a campaign that an earlier run began and somebody cancelled."""
    async with Journal.open(f"sqlite:///{path}") as journal:
        digest = digest_of(Order(request=request), journal.salt)
        entry = await journal.claim(key, digest, owner="earlier", lease=timedelta(minutes=1))
        assert await journal.move(entry, State.CANCELLED, reason=Reason.BY_CALLER)


def test_a_date_that_has_passed_since_does_not_stop_what_was_begun(
    mediasflow: Command, server: Sandbox, surroundings: Surroundings, tmp_path: Path
) -> None:
    passed = datetime(2020, 1, 1, 10, tzinfo=UTC)
    write_campaigns(tmp_path / "c.jsonl", 1, schedule_on=passed.isoformat())
    command = ("batch", "run", "c.jsonl", *GO)
    refused = mediasflow(*command, environment=surroundings)
    assert refused.returncode == 2
    assert "at least 5 minutes ahead" in refused.stdout
    request = CampaignRequest(msg=text(0), recipients=[number(0)], schedule_on=passed)
    anyio.run(begun_before, tmp_path / "batch.db", "order-0", request)
    run = mediasflow(*command, environment=surroundings)
    assert (run.returncode, run.stderr) == (0, "")
    assert "- line 1, key order-0: cancelled: BY_CALLER" in run.stdout
    write_campaigns(tmp_path / "c.jsonl", 1, schedule_on=passed.isoformat(), brand="Other")
    assert mediasflow(*command, environment=surroundings).returncode == 2
    assert not launches(server)


def test_what_waits_for_a_person_ends_with_4(
    mediasflow: Command, server: Sandbox, surroundings: Surroundings, tmp_path: Path
) -> None:
    park_the_first(server)
    write_campaigns(tmp_path / "c.jsonl", 4, sender="ACME")
    command = ("batch", "run", "c.jsonl", *GO, *QUICKLY)
    run = mediasflow(*command, "--json", environment=surroundings)
    assert run.returncode == 4
    *others, parked, last = lines_of_json(run.stdout)
    assert not others
    assert (parked["kind"], parked["reason"]) == ("parked", "NO_EVIDENCE")
    assert f"campaign {parked['campaign_id']}" in parked["advice"]
    assert (last["parked"], last["launched"]) == (1, 3)
    again = mediasflow(*command, environment=surroundings)
    assert again.returncode == 4
    assert f"key {parked['key']}: parked: NO_EVIDENCE" in again.stdout
    assert "mediasflow batch status" in again.stdout
    assert sum(launches(server).values()) == 3


def test_what_the_server_refuses_is_told_with_its_line(
    mediasflow: Command, server: Sandbox, surroundings: Surroundings, tmp_path: Path
) -> None:
    server.faults.add(Fault(operation="prepare", status=422))
    write_campaigns(tmp_path / "c.jsonl", 1)
    command = ("batch", "run", "c.jsonl", *GO)
    run = mediasflow(*command, environment=surroundings)
    assert run.returncode == 1
    assert "✗ line 1, key order-0: refused:" in run.stdout
    assert "HTTP 422" in run.stdout
    again = mediasflow(*command, environment=surroundings)
    assert "refused: REFUSED, HTTP 422" in again.stdout
    assert not launches(server)


def test_what_was_called_off_is_told_and_no_failure(
    mediasflow: Command, server: Sandbox, surroundings: Surroundings, tmp_path: Path
) -> None:
    park_the_first(server)
    write_campaigns(tmp_path / "c.jsonl", 1, sender="ACME")
    command = ("batch", "run", "c.jsonl", *GO, *QUICKLY)
    mediasflow(*command, environment=surroundings)
    mediasflow("batch", "resolve", "order-0", "--not-launched", "--journal", "batch.db")
    run = mediasflow(*command, environment=surroundings)
    assert run.returncode == 0
    assert "- line 1, key order-0: cancelled: BY_PERSON" in run.stdout


def test_a_wrong_password_ends_the_run_and_is_not_shown(
    mediasflow: Command, server: Sandbox, surroundings: Surroundings, tmp_path: Path
) -> None:
    write_campaigns(tmp_path / "c.jsonl", 300)
    wrong = {**surroundings, "MEDIASFLOW_PASSWORD": "not-the-one"}
    run = mediasflow("batch", "run", "c.jsonl", *GO, "--limit", "2", environment=wrong)
    assert run.returncode == 1
    assert "HTTP 401" in run.stdout
    assert "run the same command again" in run.stdout
    assert "not-the-one" not in run.stdout + run.stderr
    assert len(server.requests) < 100
    good = mediasflow("batch", "run", "c.jsonl", *GO, "--json", environment=surroundings)
    assert summary(good.stdout)["launched"] == 300


def test_a_server_that_fails_all_the_time_is_left_alone(
    mediasflow: Command, server: Sandbox, surroundings: Surroundings, tmp_path: Path
) -> None:
    server.faults.add(Fault(operation="prepare", status=500, times=None))
    write_campaigns(tmp_path / "c.jsonl", 400)
    run = mediasflow("batch", "run", "c.jsonl", *GO, "--json", environment=surroundings)
    last = summary(run.stdout)
    assert run.returncode == 1
    assert 50 <= last["failed"] < 400
    assert last["launched"] == 0


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("people.csv", *GO), "add --message"),
        (("c.jsonl", *GO, "--message", "x"), "holds whole campaigns"),
        (("c.jsonl", *GO, "--as-list"), "holds whole campaigns"),
        (("people.csv", *GO, "--message", "x", "--as-list", "--key-column", "a"), "one campaign"),
        (("people.csv", *GO, "--message", "x", "--key-column", "no"), "no column no"),
        (("people.csv", *GO, "--message", "x", "--key-column", "sms"), "no phone number"),
        (("strange.xls", *GO), ".jsonl (one a line) or .csv"),
        (("c.jsonl", "--journal", "batch.db"), "add --yes"),
        (("c.jsonl", "--yes"), "--journal or in MEDIASFLOW_JOURNAL"),
        (("c.jsonl", "--journal", "", "--yes"), "--journal or in MEDIASFLOW_JOURNAL"),
        (("c.jsonl", "--yes", "--journal", "mysql://x"), "a journal is opened with"),
        (("missing.jsonl", *GO), "does not exist"),
        (("c.jsonl", *GO, "--rate", "0"), "--rate"),
        (("c.jsonl", *GO, "--limit", "0"), "--limit"),
    ],
)
def test_wrong_usage_ends_with_2_and_sends_nothing(
    arguments: tuple[str, ...],
    reason: str,
    *,
    mediasflow: Command,
    server: Sandbox,
    surroundings: Surroundings,
    tmp_path: Path,
) -> None:
    write_campaigns(tmp_path / "c.jsonl", 1)
    (tmp_path / "people.csv").write_text("sms;a\n0639980001;x\n")
    (tmp_path / "strange.xls").touch()
    run = mediasflow("batch", "run", *arguments, environment=surroundings)
    assert run.returncode == 2
    assert reason in said(run.stderr)
    assert not server.requests


def test_a_file_that_is_no_list_is_refused_before_a_login(
    mediasflow: Command, server: Sandbox, surroundings: Surroundings, tmp_path: Path
) -> None:
    (tmp_path / "people.csv").write_text("nom;tel\nA;0639980001\n")
    command = ("batch", "run", "people.csv", *GO, "--message", "Bonjour")
    run = mediasflow(*command, environment=surroundings)
    assert run.returncode == 2
    assert "no column of numbers" in said(run.stderr)
    assert not server.requests
    late = mediasflow(*command, "--no-check", environment=surroundings)
    assert late.returncode == 2
    assert not launches(server)


def test_the_output_holds_neither_numbers_nor_texts(
    mediasflow: Command, server: Sandbox, surroundings: Surroundings, tmp_path: Path
) -> None:
    secret, mobile = "Votre code est 4711", "0639981234"
    records: list[dict[str, Any]] = [
        {"msg": secret, "recipients": [mobile]},
        {"msg": secret, "recipients": [mobile], "key": "order-0"},
        {"msg": secret, "recipients": [mobile], "key": "other", mobile: 1},
    ]
    server.faults.add(Fault(operation="prepare", status=422, times=None))
    write_lines(tmp_path / "c.jsonl", records)
    command = ("batch", "run", "c.jsonl", *GO, "--json")
    runs = [
        mediasflow(*command, environment=surroundings),
        mediasflow(*command, "--no-check", environment=surroundings),
        mediasflow("batch", "export", "--journal", "batch.db"),
    ]
    shown = "".join(run.stdout + run.stderr for run in runs)
    assert json.loads(runs[1].stdout.splitlines()[-1])["refused"] == 2
    for text_part in (secret, mobile, mobile.removeprefix("0")):
        assert text_part not in shown
