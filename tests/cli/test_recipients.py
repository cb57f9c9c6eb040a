"""The fictitious recipients that come with the package."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from mediasflow_async.cli.demo_message import BLACKLISTED, RECIPIENTS
from mediasflow_async.text import InvalidPhone, to_e164

SCRIPT = Path(__file__).parents[1] / "support" / "make_recipients.py"
# What the French regulator keeps for fiction, without the country code: 06 39 98 00 00 to 99 99.
FICTION = "63998"


def e164(number: str) -> str | None:
    try:
        return to_e164(number)
    except InvalidPhone:
        return None


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with RECIPIENTS.open(encoding="cp1252", newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))


@pytest.fixture(scope="module")
def numbers(rows: list[dict[str, str]]) -> Counter[str | None]:
    return Counter(e164(row["SMS"]) for row in rows)


def test_the_file_is_what_its_script_writes() -> None:
    run = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, check=True)
    assert RECIPIENTS.read_bytes() == run.stdout


def test_it_is_in_the_state_that_real_files_are_in() -> None:
    data = RECIPIENTS.read_bytes()
    assert data.count(b"\r\n") == data.count(b"\n") == 2001
    assert "Sacré-Cœur".encode("cp1252") in data
    assert b'"Part-Dieu ; niveau 2"' in data
    with pytest.raises(UnicodeDecodeError):
        data.decode("utf-8")


def test_it_has_2000_lines_with_40_duplicates_15_malformed_and_12_blacklisted_numbers(
    rows: list[dict[str, str]], numbers: Counter[str | None]
) -> None:
    assert len(rows) == 2000
    assert numbers[None] == 15
    assert numbers.total() - len(numbers) - (numbers[None] - 1) == 40
    assert [numbers[e164(number)] for number in BLACKLISTED] == [1] * 12


def test_every_number_is_kept_for_fiction(numbers: Counter[str | None]) -> None:
    reachable = [number for number in numbers if number]
    assert {number[-9:-4] for number in reachable} == {FICTION}


@pytest.mark.parametrize("form", ["63998", "063998", "+3363998", "003363998", "06.39.98", "tel:06"])
def test_numbers_are_written_in_many_forms(form: str, rows: list[dict[str, str]]) -> None:
    assert any(row["SMS"].startswith(form) for row in rows)


@pytest.mark.parametrize("column", ["Civilité", "Prénom", "Points", "SMS"])
def test_some_cells_are_empty(column: str, rows: list[dict[str, str]]) -> None:
    assert any(not row[column] for row in rows)
