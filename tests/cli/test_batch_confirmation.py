"""What stands between a batch and real SMS, and what a terminal shows of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mediasflow_async.sandbox import Sandbox
from tests.support.batches import launches, number, write_campaigns, write_lines
from tests.support.commands import Command, Start

Surroundings = dict[str, str]
RUN = ("batch", "run", "c.jsonl", "--journal", "batch.db")


def test_the_number_of_campaigns_is_typed_before_anything_goes_out(
    terminal: Start, server: Sandbox, surroundings: Surroundings, tmp_path: Path
) -> None:
    people = [number(1), number(2)]
    write_lines(tmp_path / "c.jsonl", [{"msg": text, "recipients": people} for text in "ABC"])
    shown = terminal(*RUN, environment=surroundings)
    shown.until("Number of campaigns: ")
    assert "Real SMS will be sent" in shown.seen
    assert "3 campaigns to 6 recipients" in shown.seen
    assert server.base_url.removesuffix("/v1/") in shown.seen
    assert not server.requests
    shown.type("3")
    assert shown.ended() == 0
    assert "Campaigns: \x1b[0m3 launched" in shown.seen
    assert "Sending" in shown.seen or "3 launched" in shown.seen
    assert launches(server) == {"A": 1, "B": 1, "C": 1}


@pytest.mark.parametrize("typed", ["2", "send", "\x04"])
def test_anything_else_sends_nothing(
    typed: str, terminal: Start, server: Sandbox, surroundings: Surroundings, tmp_path: Path
) -> None:
    write_campaigns(tmp_path / "c.jsonl", 3)
    shown = terminal(*RUN, environment=surroundings)
    shown.until("Number of campaigns: ")
    shown.type(typed)
    assert shown.ended() == 1
    assert "Not confirmed. Nothing was sent." in shown.seen
    assert not server.requests


def test_what_was_not_counted_is_confirmed_with_a_word(
    terminal: Start, server: Sandbox, surroundings: Surroundings, tmp_path: Path
) -> None:
    write_campaigns(tmp_path / "c.jsonl", 3)
    shown = terminal(*RUN, "--no-check", environment=surroundings)
    shown.until("The word send: ")
    assert "what c.jsonl holds" in shown.seen
    shown.type("send")
    assert shown.ended() == 0
    assert launches(server).total() == 3


def test_it_is_said_that_the_journal_knows_campaigns_already(
    terminal: Start,
    mediasflow: Command,
    server: Sandbox,
    surroundings: Surroundings,
    tmp_path: Path,
) -> None:
    write_campaigns(tmp_path / "c.jsonl", 3)
    mediasflow(*RUN, "--yes", environment=surroundings)
    shown = terminal(*RUN, environment=surroundings)
    shown.until("Number of campaigns: ")
    assert "The journal knows 3 campaigns already" in shown.seen
    shown.type("3")
    assert shown.ended() == 0
    assert "3 launched before" in shown.seen
    assert launches(server).total() == 3


def test_what_needs_a_look_is_shown_above_the_bar(
    terminal: Start, surroundings: Surroundings, tmp_path: Path
) -> None:
    lines = [{"msg": "A", "recipients": [number(1)]}, {"msg": "B", "recipients": ["x"]}]
    write_lines(tmp_path / "c.jsonl", lines)
    shown = terminal(*RUN, "--yes", "--no-check", environment=surroundings)
    assert shown.ended() == 1
    assert "line 2" in shown.seen
    assert "1 launched" in shown.seen
