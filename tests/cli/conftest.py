"""The command in three ways, and the servers and lists that these tests use it with."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from mediasflow_async.cli import app
from mediasflow_async.sandbox import DeliveryPlan, Sandbox
from tests.support.commands import (
    TIMEOUT_SECONDS,
    Command,
    Run,
    Start,
    Terminal,
    environment_with,
    executable,
)


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> Iterator[None]:
    """Let Ctrl-C reach the commands, also where a shell started the tests in the background.

    Such a shell has SIGINT ignored, and every process below inherits that.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def mediasflow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Runs the command in this process, without a terminal, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, environment: Mapping[str, str] | None = None) -> Run:
        with pytest.MonkeyPatch.context() as patch:
            for name in os.environ:
                patch.delenv(name)
            for name, value in environment_with(environment).items():
                patch.setenv(name, value)
            code = app.run(arguments)
        shown = capsys.readouterr()
        return Run(arguments, code, shown.out, shown.err)

    return run


@pytest.fixture
def process(tmp_path: Path) -> Command:
    """Runs the command in a process of its own, without a terminal, in an empty folder."""

    def run(*arguments: str, environment: Mapping[str, str] | None = None) -> Run:
        return subprocess.run(
            [executable(), *arguments],
            cwd=tmp_path,
            env=environment_with(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=TIMEOUT_SECONDS,
            check=False,
        )

    return run


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Start]:
    """Starts the command in a terminal, in an empty folder."""
    opened: list[Terminal] = []

    def start(*arguments: str, environment: Mapping[str, str] | None = None) -> Terminal:
        opened.append(Terminal(arguments, tmp_path, environment_with(environment)))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


@pytest.fixture
def server() -> Iterator[Sandbox]:
    """A server that the demo did not start itself."""
    with Sandbox(delivery=DeliveryPlan.instant()).serve_in_thread() as sandbox:
        yield sandbox


@pytest.fixture
def account(server: Sandbox) -> dict[str, str]:
    """The credentials for that server, as the environment holds them."""
    return {
        "MEDIASFLOW_USERNAME": server.username,
        "MEDIASFLOW_PASSWORD": server.password,
    }


@pytest.fixture
def own_list(tmp_path: Path) -> Path:
    """A list of three people, one of them without a first name."""
    path = tmp_path / "own.csv"
    text = "Nom;Prenom;Mobile\r\nA;Zoé;06 39 98 12 34\r\nB;;0639981235\r\nC;Léo;639981236\r\n"
    path.write_text(text, encoding="cp1252", newline="")
    return path


@pytest.fixture
def surroundings(server: Sandbox, account: dict[str, str]) -> dict[str, str]:
    """The environment of a command that works with that server."""
    return {"MEDIASFLOW_BASE_URL": server.base_url, **account}
