"""`mediasflow batch run`, killed again and again: each campaign is launched exactly once."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import pytest

from mediasflow_async.sandbox import Fault, Sandbox
from tests.support.batches import exported, launches, summary, text, write_campaigns
from tests.support.commands import TIMEOUT_SECONDS, Command, Run, environment_with, executable
from tests.support.local_postgres import PASSWORD

pytest_plugins = ["tests.support.postgres_fixtures"]

Surroundings = dict[str, str]
Running = subprocess.Popen[str]
StartBatch = Callable[..., Running]
COUNT = 60
# A call may take half a lease, and the server processes nothing later than the settle window.
PATIENCE = ("--lease", "3", "--settle", "0.5", "--confirm-every", "0.05", "--limit", "4")
COMMAND = ("batch", "run", "c.jsonl", "--yes", "--json", *PATIENCE)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[StartBatch]:
    """Starts the command, and kills what is left of it in the end."""
    running: list[Running] = []

    def begin(*arguments: str, environment: Mapping[str, str]) -> Running:
        running.append(
            subprocess.Popen(
                [executable(), *arguments],
                cwd=tmp_path,
                env=environment_with(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
            )
        )
        return running[-1]

    yield begin
    for process in running:
        process.kill()
        process.communicate()


def until(condition: Callable[[], bool], process: Running) -> None:
    """Return when something has happened, or the process has ended."""
    latest = time.monotonic() + TIMEOUT_SECONDS
    while process.poll() is None and not condition():
        assert time.monotonic() < latest, "it never happens"
        time.sleep(0.002)


def has_seen(server: Sandbox, requests: int) -> bool:
    return len(server.requests) >= requests


def killed_until_done(
    start: StartBatch, server: Sandbox, dice: Random, *options: str, environment: Surroundings
) -> tuple[int, Run]:
    """Kill the batch at random moments; return how often, and the run that ended by itself."""
    kills = 0
    while True:
        process = start(*COMMAND, *options, environment=environment)
        # The login, then two calls for each campaign: some runs end before they are killed.
        target = len(server.requests) + 2 + int(dice.random() * COUNT * 0.8)
        until(partial(has_seen, server, target), process)
        if kills < 5:
            process.kill()
            kills += 1
        out, err = process.communicate(timeout=TIMEOUT_SECONDS)
        if process.returncode != -signal.SIGKILL:
            return kills, Run(process.args, process.returncode, out, err)


def assert_each_once(server: Sandbox, run: Run) -> None:
    assert run.returncode == 0, run.stdout + run.stderr
    assert launches(server) == {text(index): 1 for index in range(COUNT)}
    assert len(server.messages) == COUNT
    last = summary(run.stdout)
    assert last["launched"] + last["launched_before"] == COUNT
    assert not any(last[name] for name in ("parked", "refused", "failed", "cancelled", "stopped"))


@pytest.mark.parametrize("seed", [1, 2])
def test_each_campaign_goes_out_once_whenever_it_is_killed(
    seed: int,
    start: StartBatch,
    *,
    mediasflow: Command,
    server: Sandbox,
    surroundings: Surroundings,
    tmp_path: Path,
) -> None:
    write_campaigns(tmp_path / "c.jsonl", COUNT)
    dice = Random(seed)  # noqa: S311  no secret
    server.faults.add(Fault(operation="launch", when="after", drop=True, skip=7, times=3))
    kills, run = killed_until_done(
        start, server, dice, "--journal", "batch.db", environment=surroundings
    )
    assert kills >= 2
    assert_each_once(server, run)
    export = mediasflow("batch", "export", "--journal", "batch.db")
    assert {entry["state"] for entry in exported(export.stdout).values()} == {"LAUNCHED"}


def test_with_a_journal_on_postgresql_too(
    start: StartBatch,
    *,
    mediasflow: Command,
    server: Sandbox,
    surroundings: Surroundings,
    postgres_url: str,
    tmp_path: Path,
) -> None:
    write_campaigns(tmp_path / "c.jsonl", COUNT)
    where = urlsplit(postgres_url)
    address = where._replace(netloc=f"journal@{where.hostname}:{where.port}").geturl()
    known = {**surroundings, "PGPASSWORD": PASSWORD}
    dice = Random(3)  # noqa: S311  no secret
    kills, run = killed_until_done(start, server, dice, "--journal", address, environment=known)
    assert kills >= 2
    assert_each_once(server, run)
    # In the environment the address may hold its password.
    check = mediasflow("batch", "check", environment={"MEDIASFLOW_JOURNAL": postgres_url})
    assert f"sound: {COUNT} keys" in check.stdout


def test_what_a_dead_process_launched_is_resumed_without_the_file(
    start: StartBatch,
    mediasflow: Command,
    server: Sandbox,
    surroundings: Surroundings,
    tmp_path: Path,
) -> None:
    path = write_campaigns(tmp_path / "c.jsonl", 3)
    late = timedelta(seconds=TIMEOUT_SECONDS)
    server.faults.add(Fault(operation="launch", when="after", delay=late, times=None))
    journal = ("--journal", "batch.db")
    process = start(*COMMAND, *journal, environment=surroundings)
    until(lambda: launches(server).total() == 3, process)
    process.kill()
    path.unlink()
    server.faults.clear()
    ended = 0
    latest = time.monotonic() + TIMEOUT_SECONDS
    while ended < 3:
        assert time.monotonic() < latest, "the leases of the killed process never end"
        run = mediasflow(
            "batch", "resume", *journal, "--yes", "--json", *PATIENCE, environment=surroundings
        )
        assert run.returncode == 0, run.stderr
        ended += summary(run.stdout)["launched"]
    assert launches(server) == {text(index): 1 for index in range(3)}
    assert mediasflow("batch", "status", *journal).returncode == 0
