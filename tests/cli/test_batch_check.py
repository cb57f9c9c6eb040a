"""What `mediasflow batch run` finds in a file before anything leaves, and what it shows of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import pytest

from mediasflow_async.sandbox import Sandbox
from tests.support.batches import launches, lines_of_json, number, summary, write_lines
from tests.support.commands import Command, Start, said
from tests.support.workbooks import ods, xlsx

Surroundings = dict[str, str]
GO: Final = ("--journal", "batch.db", "--yes", "--settle", "0.05", "--confirm-every", "0.01")
MESSAGE: Final = ("--message", "Bonjour ${nom} STOP 36184")
NUMBER: Final = number(1)
TWO: Final = f"sms;nom\n{number(1)};A\n{number(2)};B\n"


@pytest.mark.parametrize("mode", [(*GO,), (*GO, "--no-check"), ("--dry-run",)], ids=str)
@pytest.mark.parametrize(
    ("text", "options", "told"),
    [
        ("", MESSAGE, "people.csv: is empty"),
        ("sms;nom\n", MESSAGE, "a header and no rows"),
        (f'sms;nom\n{NUMBER};"A\n{number(2)};B\n', MESSAGE, "line 2: a quote is opened"),
        (f"sms;nom\n{NUMBER};A;B\n", MESSAGE, "line 2: has 3 cells"),
        (f"sms;nom;nom\n{NUMBER};A;B\n", MESSAGE, "several columns of one name"),
        (f"tel;nom\n{NUMBER};A\n", MESSAGE, "The columns are tel, nom."),
        ("sms;nom\n3,36E+10;A\n", MESSAGE, "a spreadsheet has cut"),
        (b"PK\x03\x04", MESSAGE, "no workbook"),
        (TWO, ("--message", "Bonjour ${Ville}"), "there is no field Ville"),
        (TWO, ("--message", "x" * 161), "longer than the account allows"),
        (TWO, ("--message", "日"), "characters outside of GSM-7"),
        (TWO, ("--message", "${track_1}"), "tiny_urls has no such link"),
        ("sms;nom\n12345678;A\n", MESSAGE, "too few digits"),
    ],
)
def test_a_file_that_would_not_arrive_as_meant_ends_with_an_error_and_nothing_leaves(
    text: str | bytes,
    options: tuple[str, ...],
    told: str,
    mode: tuple[str, ...],
    *,
    mediasflow: Command,
    server: Sandbox,
    surroundings: Surroundings,
    tmp_path: Path,
) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    run = mediasflow("batch", "run", "people.csv", *options, *mode, environment=surroundings)
    assert run.returncode in ({1, 2} if "--no-check" in mode else {2})
    assert told in said(run.stdout + run.stderr)
    assert not launches(server)
    assert not server.messages


def test_a_list_as_one_campaign_is_examined_too(
    mediasflow: Command, server: Sandbox, surroundings: Surroundings, tmp_path: Path
) -> None:
    (tmp_path / "people.csv").write_text(TWO)
    command = ("batch", "run", "people.csv", *GO, "--as-list", "--message")
    run = mediasflow(*command, "Bonjour ${Ville}", environment=surroundings)
    assert run.returncode == 2
    assert "there is no field Ville" in said(run.stdout)
    assert not server.requests
    assert mediasflow(*command, "Bonjour ${nom}", environment=surroundings).returncode == 0
    assert len(server.messages) == 2


def test_without_the_check_only_the_rows_that_would_not_arrive_are_left_out(
    mediasflow: Command, server: Sandbox, surroundings: Surroundings, tmp_path: Path
) -> None:
    (tmp_path / "people.csv").write_text(TWO + f"{number(3)};{'x' * 160}\n")
    command = ("batch", "run", "people.csv", *MESSAGE, *GO, "--no-check", "--json")
    run = mediasflow(*command, environment=surroundings)
    assert run.returncode == 1
    last = summary(run.stdout)
    assert (last["launched"], last["not_sendable"]) == (2, 1)
    assert [message.text for message in server.messages] == [
        "Bonjour A STOP 36184",
        "Bonjour B STOP 36184",
    ]


def test_the_account_may_allow_longer_messages(mediasflow: Command, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(TWO)
    run = mediasflow(
        "batch", "run", "people.csv", "--message", "x" * 161, "--dry-run", "--max-segments", "2"
    )
    assert run.returncode == 0
    assert "2 campaigns to 2 recipients, for 4 credits. Nothing was sent." in said(run.stdout)


def test_a_key_stands_for_one_content(
    mediasflow: Command, server: Sandbox, surroundings: Surroundings, tmp_path: Path
) -> None:
    def line(key: str, text: str) -> dict[str, Any]:
        return {"key": key, "msg": text, "recipients": [NUMBER]}

    write_lines(tmp_path / "c.jsonl", [line("a", "A"), line("b", "B"), line("a", "C")])
    for command in (("--dry-run",), GO):
        run = mediasflow("batch", "run", "c.jsonl", *command, environment=surroundings)
        assert run.returncode == 2
        assert "line 3: key: is that of line 1, which says something else" in said(run.stdout)
        assert not server.requests
    (tmp_path / "people.csv").write_text(f"sms;id\n{number(1)};k\n{number(2)};k\n")
    rows = ("people.csv", "--message", "Bonjour", "--key-column", "id", "--dry-run")
    run = mediasflow("batch", "run", *rows)
    assert "row 2: key: is that of row 1" in said(run.stdout)


def test_a_line_that_is_repeated_is_sent_and_counted_once(
    mediasflow: Command, server: Sandbox, surroundings: Surroundings, tmp_path: Path
) -> None:
    (tmp_path / "people.csv").write_text(TWO + f"{number(1)};A\n")
    command = ("batch", "run", "people.csv", *MESSAGE)
    run = mediasflow(*command, "--dry-run", "--json")
    (check,) = lines_of_json(run.stdout)
    assert (check["campaigns"], check["repeated"], check["credits"]) == (2, 1, 2)
    assert mediasflow(*command, *GO, environment=surroundings).returncode == 0
    assert len(server.messages) == 2


def test_a_file_of_nothing_is_refused(mediasflow: Command, tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_text("\n\n")
    run = mediasflow("batch", "run", "c.jsonl", "--dry-run")
    assert run.returncode == 2
    assert "it holds no campaign" in said(run.stderr)


def test_the_cost_and_who_gets_it_stand_in_the_confirmation(
    terminal: Start, server: Sandbox, surroundings: Surroundings, tmp_path: Path
) -> None:
    rows = f"sms;nom\n{number(1)};A\n{number(2)};\n{number(2)};B\n"
    (tmp_path / "people.csv").write_text(rows)
    arguments = ("batch", "run", "people.csv", *MESSAGE, "--journal", "batch.db")
    shown = terminal(*arguments, environment=surroundings)
    shown.until("Number of campaigns: ")
    text = said(shown.seen)
    for part in (
        "3 campaigns to 3 recipients, for 3 credits",
        "1 SMS",
        "nom is empty",
        "the same number came before: it gets the message again",
        "3 rows, UTF-8, ; between cells, numbers in sms.",
    ):
        assert part in text
    assert not server.requests
    shown.type("3")
    assert shown.ended() == 0


def test_a_file_that_changes_before_the_confirmation_is_not_sent(
    terminal: Start, server: Sandbox, surroundings: Surroundings, tmp_path: Path
) -> None:
    path = tmp_path / "people.csv"
    path.write_text(TWO)
    arguments = ("batch", "run", "people.csv", *MESSAGE, "--journal", "batch.db")
    shown = terminal(*arguments, environment=surroundings)
    shown.until("Number of campaigns: ")
    path.write_text(TWO.replace("A", "C"))
    os.utime(path, ns=(1, 1))
    shown.type("2")
    assert shown.ended() == 2
    assert "has changed since it was checked" in said(shown.seen)
    assert not server.requests


@pytest.mark.parametrize("name", ["people.xlsx", "people.ods", "people.csv"])
def test_a_workbook_is_sent_row_by_row(
    name: str, mediasflow: Command, server: Sandbox, surroundings: Surroundings, tmp_path: Path
) -> None:
    rows: list[tuple[str | float, str]] = [
        ("Mobile", "nom"),
        (33639981234.0, "A"),
        ("06 39 98 56 78", "B"),
    ]
    write = ods if name.endswith("ods") else xlsx
    (tmp_path / name).write_bytes(write({"People": rows}))
    assert mediasflow("preflight", name, *MESSAGE).returncode == 0
    command = ("batch", "run", name, *MESSAGE)
    assert "2 rows, workbook, numbers in Mobile" in said(mediasflow(*command, "--dry-run").stdout)
    assert mediasflow(*command, *GO, environment=surroundings).returncode == 0
    assert {message.mobile: message.text for message in server.messages} == {
        "+33639981234": "Bonjour A STOP 36184",
        "+33639985678": "Bonjour B STOP 36184",
    }
