"""`mediasflow batch`, stopped by a signal: nothing is lost, and it says how to go on."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from mediasflow_async.sandbox import Fault, Sandbox
from tests.support.batches import exported, launches, summary, text, write_campaigns
from tests.support.commands import TIMEOUT_SECONDS, Command, Start, environment_with, executable

Surroundings = dict[str, str]
COUNT = 200
JOURNAL = ("--journal", "batch.db")
GO = (*JOURNAL, "--yes", "--limit", "4", "--settle", "0.5", "--confirm-every", "0.05")
SIGNALS = (signal.SIGINT, signal.SIGTERM)
UNDER_WAY = {"run": "launch", "resume": "report_csv"}
"""The call that each command makes about a campaign that is LAUNCHING."""


class Watched:
    """The command in a process of its own, line by line."""

    def __init__(self, folder: Path, environment: Surroundings, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [executable(), "batch", *arguments],
            cwd=folder,
            env=environment_with(environment) | {"PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        self.seen = ""

    def until(self, words: str) -> None:
        """Return when the command has shown some words."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.seen += line
            if words in line:
                return
        raise AssertionError(f"{words!r} was never shown:\n{self.seen}")

    def ended(self) -> int:
        """Return the exit code, once the command has ended."""
        out, _ = self.process.communicate(timeout=TIMEOUT_SECONDS)
        self.seen += out
        return self.process.returncode

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def watch(
    tmp_path: Path, surroundings: Surroundings, request: pytest.FixtureRequest
) -> Callable[..., Watched]:
    """Starts the command and watches it."""

    def start(*arguments: str) -> Watched:
        watched = Watched(tmp_path, surroundings, *arguments)
        request.addfinalizer(watched.close)
        return watched

    return start


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_ends_what_is_under_way_and_the_rest_goes_on_later(
    number: signal.Signals,
    watch: Callable[..., Watched],
    *,
    mediasflow: Command,
    server: Sandbox,
    surroundings: Surroundings,
    tmp_path: Path,
) -> None:
    write_campaigns(tmp_path / "c.jsonl", COUNT)
    # Most of the batch would take far longer than the signal does.
    server.faults.add(Fault(operation="launch", skip=40, delay=timedelta(seconds=1), times=None))
    running = watch("run", "c.jsonl", *GO)
    running.until("20 of 200")
    running.process.send_signal(number)
    assert running.ended() == 130
    server.faults.clear()
    assert "Stopping: what is under way comes to its end" in running.seen
    assert "run the same command again" in running.seen
    entries = exported(mediasflow("batch", "export", *JOURNAL).stdout)
    assert 20 <= len(entries) < COUNT
    assert not any(entry["owner"] for entry in entries.values())
    again = mediasflow("batch", "run", "c.jsonl", *GO, "--json", environment=surroundings)
    assert again.returncode == 0
    last = summary(again.stdout)
    assert last["launched"] + last["launched_before"] == COUNT
    assert launches(server) == {text(index): 1 for index in range(COUNT)}


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("command", ["run", "resume"])
def test_the_second_signal_stops_at_once_and_gives_back_what_was_under_way(
    command: str,
    number: signal.Signals,
    watch: Callable[..., Watched],
    *,
    mediasflow: Command,
    server: Sandbox,
    surroundings: Surroundings,
    tmp_path: Path,
) -> None:
    write_campaigns(tmp_path / "c.jsonl", 4)
    if command == "resume":
        leave_in_doubt(mediasflow, server, surroundings)
    late = timedelta(seconds=TIMEOUT_SECONDS)
    hanging = Fault(operation=UNDER_WAY[command], delay=late, times=4)
    server.faults.add(hanging)
    file = ("c.jsonl",) if command == "run" else ()
    running = watch(command, *file, *GO)
    # A campaign without a call under way ends at the first signal, and the second would find
    # nothing left to stop: wait until each has one.
    while hanging in server.faults.waiting:
        assert running.process.poll() is None, running.ended()
        time.sleep(0.01)
    running.process.send_signal(number)
    running.until("Once more stops at once")
    running.process.send_signal(number)
    assert running.ended() == 130
    entries = exported(mediasflow("batch", "export", *JOURNAL).stdout)
    assert len(entries) == 4
    assert not any(entry["owner"] for entry in entries.values())
    assert {entry["state"] for entry in entries.values()} == {"LAUNCHING"}


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_ends_at_once_what_only_waits(
    number: signal.Signals,
    watch: Callable[..., Watched],
    *,
    mediasflow: Command,
    server: Sandbox,
    tmp_path: Path,
) -> None:
    write_campaigns(tmp_path / "c.jsonl", 4)
    dropped = Fault(operation="launch", drop=True, times=4)
    server.faults.add(dropped)
    running = watch("run", "c.jsonl", *JOURNAL, "--yes", "--limit", "4", "--settle", "600")
    while dropped in server.faults.waiting:
        assert running.process.poll() is None, running.ended()
        time.sleep(0.01)
    running.process.send_signal(number)
    # It needs no second signal, and a test that sends one finds nothing left to stop.
    assert running.ended() == 130
    entries = exported(mediasflow("batch", "export", *JOURNAL).stdout).values()
    assert [(entry["state"], entry["owner"]) for entry in entries] == [("LAUNCHING", None)] * 4


def leave_in_doubt(mediasflow: Command, server: Sandbox, surroundings: Surroundings) -> None:
    """Leave campaigns behind that may have been launched."""
    server.faults.add(Fault(operation="launch", when="after", drop=True, times=None))
    server.faults.add(Fault(operation="report_csv", status=503, times=None))
    server.faults.add(Fault(operation="prepare", status=503, skip=4, times=None))
    run = mediasflow("batch", "run", "c.jsonl", *GO, environment=surroundings)
    assert run.returncode == 1
    server.faults.clear()


def test_ctrl_c_at_the_prompt_sends_nothing(
    terminal: Start, server: Sandbox, surroundings: Surroundings, tmp_path: Path
) -> None:
    write_campaigns(tmp_path / "c.jsonl", 2)
    shown = terminal("batch", "run", "c.jsonl", *JOURNAL, environment=surroundings)
    shown.until("Number of campaigns: ")
    assert shown.interrupted() == 130
    assert not server.requests
