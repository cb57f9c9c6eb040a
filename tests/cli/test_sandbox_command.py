"""`mediasflow sandbox`."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.support.commands import Command, environment_with, executable, said


@contextmanager
def running(
    *arguments: str, environment: Mapping[str, str] | None = None
) -> Generator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """Give the running sandbox and the variables that it says to export."""
    process = subprocess.Popen(
        [executable(), "sandbox", "--port", "0", *arguments],
        env=environment_with(environment),
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stdout
    exports: dict[str, str] = {}
    try:
        for line in process.stdout:
            if found := re.match(r"export (\w+)=(.*)", line):
                exports[found[1]] = found[2]
            if "blocked" in line:
                break
        yield process, exports
    finally:
        process.kill()
        process.stdout.close()
        process.wait()


def log_in(exports: Mapping[str, str], password: str) -> httpx.Response:
    form = {"login": exports["MEDIASFLOW_USERNAME"], "password": password}
    return httpx.post(exports["MEDIASFLOW_BASE_URL"] + "users/login", data=form, trust_env=False)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_answers_until_it_is_stopped(number: signal.Signals) -> None:
    with running("--username", "bob") as (process, exports):
        assert exports["MEDIASFLOW_USERNAME"] == "bob"
        answer = log_in(exports, exports["MEDIASFLOW_PASSWORD"])
        assert answer.is_success
        assert answer.headers["Authorization"].startswith("Bearer ")
        process.send_signal(number)
        assert process.wait(30) == 0
        with pytest.raises(httpx.ConnectError):
            log_in(exports, "any")


def test_a_password_of_the_environment_is_taken_and_not_shown() -> None:
    given = {"MEDIASFLOW_SANDBOX_PASSWORD": "of the environment"}
    with running(environment=given) as (_, exports):
        assert exports["MEDIASFLOW_PASSWORD"] == '"$MEDIASFLOW_SANDBOX_PASSWORD"'
        assert log_in(exports, "of the environment").is_success


def test_what_it_prints_is_what_a_demo_needs(tmp_path: Path) -> None:
    with running("--delivery-seconds", "0") as (_, exports):
        run = subprocess.run(
            [executable(), "demo", "--yes", "--base-url", exports["MEDIASFLOW_BASE_URL"]],
            cwd=tmp_path,
            env=environment_with(exports),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    assert run.returncode == 0, run.stderr


def test_a_database_outlives_it(tmp_path: Path) -> None:
    number = "+33639980001"
    for expected in (0, 1):
        with running("--database", str(tmp_path / "state.db")) as (process, exports):
            token = log_in(exports, exports["MEDIASFLOW_PASSWORD"]).headers["Authorization"]
            with httpx.Client(
                base_url=exports["MEDIASFLOW_BASE_URL"],
                headers={"Authorization": token},
                trust_env=False,
            ) as client:
                assert len(client.get("blacklist").json()) == expected
                entry = {"item": number, "typeItem": "MOBILE"}
                assert client.post("blacklist", json=entry).is_success
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def test_a_port_in_use_is_said_clearly(mediasflow: Command) -> None:
    with running() as (_, exports):
        port = httpx.URL(exports["MEDIASFLOW_BASE_URL"]).port
        run = mediasflow("sandbox", "--port", str(port))
    assert run.returncode == 1
    assert os.strerror(98) in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("arguments", [("--port", "65536"), ("--delivery-seconds", "-1")])
def test_wrong_usage_ends_with_2(arguments: tuple[str, ...], mediasflow: Command) -> None:
    assert mediasflow("sandbox", *arguments).returncode == 2


def test_a_database_that_cannot_be_opened_is_said_clearly(mediasflow: Command) -> None:
    run = mediasflow("sandbox", "--port", "0", "--database", "missing/state.db")
    assert run.returncode == 1
    assert "unable to open database file" in run.stderr


def test_a_database_of_another_program_is_wrong_usage(mediasflow: Command, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("MOBILE;NOM\n" * 100)
    run = mediasflow("sandbox", "--database", "list.csv")
    assert run.returncode == 2
    assert "list.csv cannot be read: file is not a database" in said(run.stderr)
