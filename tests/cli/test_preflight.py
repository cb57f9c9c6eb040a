"""`mediasflow preflight`: what it shows of a campaign and a list, and what it ends with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.commands import Command, Start, said

STOP = "Bonjour ${Prenom}, soldes ! STOP 36184"
NOTIFICATION = ("--type", "NOTIFICATION")


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    """A list with a short number, an invalid one, a duplicate, and a name beyond GSM-7."""
    path = tmp_path / "faulty.csv"
    path.write_text(
        "sms,Prenom\n0639981234,Zoé\n123,A\n06399812345,B\n0639981234,C\n0639981235,日\n"
    )
    return path


def test_a_campaign_without_problem_ends_with_0(mediasflow: Command, own_list: Path) -> None:
    run = mediasflow("preflight", str(own_list), "--message", "Bonjour", *NOTIFICATION)
    assert (run.returncode, run.stderr) == (0, "")
    for text in (
        "3  of 3",
        "● GSM-7, 1 SMS",
        "100.0%",
        "7  characters in GSM-7: 1 SMS",
        "✓ Nothing",
    ):
        assert text in run.stdout


def test_people_who_would_get_nothing_are_named_by_their_rows(
    mediasflow: Command, faulty: Path
) -> None:
    run = mediasflow("preflight", str(faulty), "--message", STOP)
    assert run.returncode == 1
    lines = [" ".join(line.split()) for line in run.stdout.splitlines()]
    assert "Will get it 1 of 5" in lines
    assert "Will not 4 for the reasons below" in lines
    assert lines[lines.index("✗ 1: too few digits for a phone number: not sent") + 1] == "row 2"
    assert lines[lines.index("✗ 1: not a phone number: not sent") + 1] == "row 3"
    assert "! 1: the same number came before: it gets the message once" in lines
    assert "Row 1 is the line below the header." in lines
    assert max(map(len, run.stdout.splitlines())) <= 80
    assert "0639981234" not in run.stdout


def test_many_rows_are_counted_where_they_are_not_named(
    mediasflow: Command, tmp_path: Path
) -> None:
    path = tmp_path / "nobody.csv"
    path.write_text("sms\n" + "12\n" * 1_234)
    run = mediasflow("preflight", str(path), "--message", STOP)
    assert "rows 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 1,224 more" in run.stdout


def test_what_programs_read_is_the_report(mediasflow: Command, faulty: Path) -> None:
    run = mediasflow("preflight", str(faulty), "--message", STOP, "--json", "--credit", "10")
    report = json.loads(run.stdout)
    assert (run.returncode, report["recipients"], report["sendable"], report["credit"]) == (
        1,
        5,
        1,
        10,
    )
    assert [each["code"] for each in report["problems"]] == [
        "SHORT_NUMBER",
        "INVALID_NUMBER",
        "UCS2_IN_FIELD",
    ]
    assert "Will get it" in run.stderr


@pytest.mark.parametrize(
    ("code", "bad", "good"),
    [
        ("UCS2_IN_FIELD", (STOP,), (STOP, "--allow-ucs2")),
        ("UCS2_IN_MESSAGE", ("ê", "--no-replace"), ("ê",)),
        ("TOO_LONG", ("x" * 300,), ("x" * 300, "--max-segments", "2")),
        ("NOT_ENOUGH_CREDIT", (STOP, "--credit", "0"), (STOP,)),
        ("STOP_MISSING", ("x",), ("x", *NOTIFICATION)),
        ("OTHER_SYNTAX", ("{{Prenom}}",), ("{{Prenom}}", "--renderer", "HANDLEBARS")),
        ("SENDER_WITHOUT_STOP_NUMBER", ("STOP", "--sender", "Boutique"), ("STOP",)),
        ("INVALID_REQUEST", (STOP, "--schedule", "2020-01-01T10:00Z"), (STOP,)),
        ("QUIET_DAY", (STOP, "--schedule", "2034-12-25T10:00Z"), (STOP,)),
    ],
)
def test_the_options_are_those_of_the_request(
    code: str, bad: tuple[str, ...], good: tuple[str, ...], mediasflow: Command, faulty: Path
) -> None:
    def codes(message: str, *options: str) -> set[str]:
        run = mediasflow("preflight", str(faulty), "--json", "--message", message, *options)
        report = json.loads(run.stdout)
        return {each["code"] for each in (*report["problems"], *report["warnings"])}

    assert code in codes(*bad)
    assert code not in codes(*good)


def test_a_field_that_breaks_a_rule_is_named(mediasflow: Command, own_list: Path) -> None:
    run = mediasflow("preflight", str(own_list), "--message", STOP, "--sender", "!")
    assert "sender: 3 to 11 letters A-Z and digits" in run.stdout
    assert "3  of 3" in run.stdout


@pytest.mark.parametrize(
    "options",
    [
        ("--schedule", "tomorrow"),
        ("--schedule", "2034-12-25T10:00"),
        ("--max-segments", "7"),
        ("--credit", "-1"),
        ("--renderer", "WORD"),
    ],
)
def test_wrong_usage_ends_with_2(
    options: tuple[str, ...], mediasflow: Command, own_list: Path
) -> None:
    run = mediasflow("preflight", str(own_list), "--message", STOP, *options)
    assert run.returncode == 2
    assert "Traceback" not in run.stderr


def test_a_list_without_a_column_of_numbers_is_refused_unless_it_is_named(
    mediasflow: Command, tmp_path: Path
) -> None:
    path = tmp_path / "people.csv"
    path.write_text("Prenom;Tel\nA;0639981234\n")
    command = ("preflight", str(path), "--message", STOP)
    run = mediasflow(*command)
    assert run.returncode == 2
    shown = said(run.stderr)
    assert "none is called mobile, sms, portable or gsm. The columns are Prenom, Tel." in shown
    assert "--mobile-column 'Tel'" in shown
    assert mediasflow(*command, "--mobile-column", "Tel").returncode == 0


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "strange.csv: is empty"),
        ('\n\nsms;nom\n0639981234;"x' + "y" * 1_100_000, "line 4: the line never ends"),
    ],
    ids=["empty", "a line without an end"],
)
def test_a_file_that_is_no_list_is_refused(
    mediasflow: Command, tmp_path: Path, content: str, told: str
) -> None:
    path = tmp_path / "strange.csv"
    path.write_text(content)
    run = mediasflow("preflight", str(path), "--message", STOP)
    assert run.returncode == 2
    assert told in said(run.stderr)


def test_reading_a_list_is_shown_in_a_terminal(terminal: Start, own_list: Path) -> None:
    shown = terminal("preflight", str(own_list), "--message", STOP)
    assert shown.ended() == 0
    assert "Reading" in shown.seen
    assert "\x1b[32m● \x1b[0m" in shown.seen


def test_it_is_said_how_a_list_was_read(mediasflow: Command, own_list: Path, faulty: Path) -> None:
    run = mediasflow("preflight", str(own_list), "--message", STOP)
    shown = said(run.stdout)
    assert "The file: 3 rows, Windows-1252, which is likely and not sure: look at" in shown
    assert "; between cells, numbers in Mobile." in shown
    run = mediasflow("preflight", str(faulty), "--message", STOP)
    assert "The file: 5 rows, UTF-8, , between cells, numbers in sms." in said(run.stdout)
