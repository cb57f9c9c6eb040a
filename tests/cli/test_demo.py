"""`mediasflow demo` on its own sandbox."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import pytest

from tests.support.commands import Command, Start

AT_ONCE = ("--delivery-seconds", "0")
REPORT = "mediasflow-demo-report.csv"


def statuses(report: Path) -> Counter[str]:
    with report.open(encoding="utf-8", newline="") as file:
        return Counter(row["STATUS_CODE"] for row in csv.DictReader(file, delimiter=";"))


def test_it_takes_the_shipped_list_to_its_report(process: Command, tmp_path: Path) -> None:
    run = process("demo", "--json", *AT_ONCE)
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    assert result["list"] | {"id": 0, "countries": {}} == {
        "id": 0,
        "size": 2000,
        "valid": 1985,
        "invalid": 15,
        "duplicates": 40,
        "charset": "WINDOWS-1252",
        "countries": {},
    }
    assert result["campaign"]["messages"] == result["campaign"]["credits"] == 2000 - 15 - 40 - 12
    assert (result["campaign"]["encoding"], result["campaign"]["segments"]) == ("GSM-7", 1)
    by_status = {str(each["code"]): each["count"] for each in result["report"]["by_status"]}
    assert by_status == statuses(tmp_path / REPORT)
    assert sum(result["report"]["by_category"].values()) == result["report"]["total"] == 2000
    assert result["report"]["by_category"]["BLOCKED"] == 12


def test_it_reads_well_where_there_is_no_terminal(mediasflow: Command, tmp_path: Path) -> None:
    run = mediasflow("demo", *AT_ONCE)
    assert run.returncode == 0, run.stderr
    assert not run.stderr
    assert "\x1b" not in run.stdout
    assert max(map(len, run.stdout.splitlines())) <= 80
    for text in (
        "127.2 kB",
        "WINDOWS-1252",
        "1,933",
        "BOUTIQUE",
        "ê → e",
        "598: characters",
        "● 16 Delivered",
    ):
        assert text in run.stdout
    assert sum(statuses(tmp_path / REPORT).values()) == 2000


def test_it_is_colourful_in_a_terminal_and_shows_the_delivery_live(
    terminal: Start, own_list: Path
) -> None:
    shown = terminal("demo", "--csv", str(own_list), "--delivery-seconds", "1")
    shown.until("on the way 3")
    assert shown.ended() == 0
    assert "\x1b[32m● \x1b[0m" in shown.seen


def test_it_greets_the_people_of_your_own_list(mediasflow: Command, own_list: Path) -> None:
    run = mediasflow("demo", "--csv", str(own_list), "--report", "mine.csv", *AT_ONCE)
    assert run.returncode == 0, run.stderr
    assert "Bonjour Zoé, ceci est un SMS d'essai." in run.stdout
    assert sum(statuses(own_list.with_name("mine.csv")).values()) == 3


def test_it_needs_no_column_but_the_number(mediasflow: Command, tmp_path: Path) -> None:
    numbers = tmp_path / "numbers.csv"
    numbers.write_text("sms\n0639981234\n")
    run = mediasflow("demo", "--csv", str(numbers), *AT_ONCE)
    assert run.returncode == 0, run.stderr
    assert "Bonjour, ceci est un SMS d'essai." in run.stdout


def test_it_sends_your_own_message_and_says_which_column_is_missing(
    mediasflow: Command, own_list: Path
) -> None:
    message = "Bonjour ${Prenom} ${Ville}, à demain"
    run = mediasflow("demo", "--csv", str(own_list), "--message", message, *AT_ONCE)
    assert run.returncode == 0, run.stderr
    assert "there is no field Ville, and no default for it" in run.stdout
    assert "Bonjour Zoé , à demain" in run.stdout


def test_a_list_without_numbers_is_refused(mediasflow: Command, tmp_path: Path) -> None:
    people = tmp_path / "people.csv"
    people.write_text("Nom;Tel\nA;0639981234\n")
    run = mediasflow("demo", "--csv", str(people))
    assert run.returncode == 1
    assert "no column is named mobile, sms, portable or gsm" in run.stderr
    assert "Traceback" not in run.stderr


def test_nothing_is_launched_when_nobody_would_get_it(mediasflow: Command, tmp_path: Path) -> None:
    nobody = tmp_path / "nobody.csv"
    nobody.write_text("sms\n12\n")
    run = mediasflow("demo", "--csv", str(nobody))
    assert run.returncode == 1
    assert "No recipient would get it" in run.stderr
    assert "Launch" not in run.stdout


def test_the_environment_never_leads_it_to_a_real_server(
    mediasflow: Command, own_list: Path
) -> None:
    elsewhere = {
        "MEDIASFLOW_BASE_URL": "https://mediasflow.invalid/",
        "MEDIASFLOW_USERNAME": "someone",
        "MEDIASFLOW_PASSWORD": "secret",
    }
    run = mediasflow("demo", "--csv", str(own_list), *AT_ONCE, environment=elsewhere)
    assert run.returncode == 0, run.stderr
    assert "http://127.0.0.1:" in run.stdout


def test_a_proxy_of_the_environment_is_passed_by(mediasflow: Command, own_list: Path) -> None:
    proxy = {"HTTP_PROXY": "http://127.0.0.1:9", "ALL_PROXY": "http://127.0.0.1:9"}
    run = mediasflow("demo", "--csv", str(own_list), *AT_ONCE, environment=proxy)
    assert run.returncode == 0, run.stderr


def test_ctrl_c_says_whether_something_was_launched(terminal: Start, own_list: Path) -> None:
    shown = terminal("demo", "--csv", str(own_list), "--delivery-seconds", "3600")
    shown.until("on the way 3")
    shown.interrupt()
    assert shown.ended() == 130
    assert "Campaign 943 was launched." in shown.seen
    assert "no SMS left" in shown.seen
    assert "Traceback" not in shown.seen


@pytest.mark.parametrize(
    "arguments",
    [
        ("--csv", "missing.csv"),
        ("--report", "missing/report.csv"),
        ("--delivery-seconds", "-1"),
        ("--unknown",),
    ],
)
def test_wrong_usage_ends_with_2(arguments: tuple[str, ...], mediasflow: Command) -> None:
    run = mediasflow("demo", *arguments)
    assert run.returncode == 2
    assert run.stderr.startswith("╭─")
    assert not run.stdout
