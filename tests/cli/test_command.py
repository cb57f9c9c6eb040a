"""The `mediasflow` command itself."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from mediasflow_async.cli.console import CommandStopped, ExitCode, exit_code_of
from mediasflow_async.errors import (
    ApiError,
    ConfigurationError,
    ConnectionFailed,
    DeliveryUnknown,
    InvalidRequest,
    MediasflowError,
    RequestTimeout,
    ResponseInvalid,
    Sent,
    ServerError,
    TokenLost,
)
from tests.support.batches import write_campaigns
from tests.support.commands import Command, environment_with

BLOCKED = """
import sys
for name in {names!r}:
    sys.modules[name] = None
sys.argv = ["mediasflow", *{command!r}]
from mediasflow_async.cli import main
sys.exit(main())
"""


def test_it_says_its_version(process: Command) -> None:
    run = process("--version")
    assert (run.returncode, run.stdout.strip()) == (0, version("mediasflow-async"))


def test_its_help_names_every_command(mediasflow: Command) -> None:
    run = mediasflow("--help")
    assert run.returncode == 0
    for name in ("batch", "demo", "preflight", "sandbox", "worker"):
        assert f"│ {name} " in run.stdout


@pytest.mark.parametrize("command", [["--help"], ["batch", "--help"], ["worker", "--help"]])
def test_its_help_imports_nothing_that_only_some_commands_need(command: list[str]) -> None:
    names = ["starlette", "uvicorn", "psycopg", "procrastinate", "phonenumbers", "quickjs"]
    run = subprocess.run(
        [sys.executable, "-c", BLOCKED.format(names=names, command=command)],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize(
    ("extra", "packages", "command"),
    [
        ("cli", ["cyclopts"], ["demo"]),
        ("cli", ["rich"], ["demo"]),
        ("sandbox", ["starlette"], ["demo"]),
        ("workers", ["procrastinate"], ["worker"]),
        ("workers", ["procrastinate", "psycopg", "psycopg_pool"], ["worker"]),
        ("workers", ["procrastinate"], ["batch", "enqueue", "c.jsonl"]),
    ],
)
def test_without_an_extra_it_says_how_to_get_it(
    extra: str, packages: list[str], command: list[str], tmp_path: Path
) -> None:
    write_campaigns(tmp_path / "c.jsonl", 1)
    run = subprocess.run(
        [sys.executable, "-c", BLOCKED.format(names=packages, command=command)],
        cwd=tmp_path,
        env=environment_with({"MEDIASFLOW_DATABASE": "postgresql://user@127.0.0.1:1/none"}),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert run.returncode == 2
    assert run.stderr.count("\n") == 1
    assert f"pip install 'mediasflow-async[{extra}]'" in run.stderr


def test_an_import_that_no_extra_explains_is_not_hidden(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", BLOCKED.format(names=["attrs"], command=["demo"])],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert run.returncode == 1
    assert "ModuleNotFoundError" in run.stderr


def test_characters_that_a_terminal_lacks_do_not_stop_it(process: Command) -> None:
    run = process("--help", environment={"PYTHONIOENCODING": "ascii"})
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ServerError("down"), ExitCode.FAILED),
        (OSError("disk full"), ExitCode.FAILED),
        (ConfigurationError("wrong"), ExitCode.USAGE),
        (InvalidRequest("wrong"), ExitCode.USAGE),
        (DeliveryUnknown("lost"), ExitCode.DELIVERY_UNKNOWN),
        (ResponseInvalid("a page", sent=Sent.UNKNOWN), ExitCode.DELIVERY_UNKNOWN),
        (ApiError("refused under 200", sent=Sent.UNKNOWN), ExitCode.DELIVERY_UNKNOWN),
        (TokenLost("after a timeout", sent=Sent.UNKNOWN), ExitCode.DELIVERY_UNKNOWN),
        (MediasflowError("outside of any call", sent=Sent.UNKNOWN), ExitCode.DELIVERY_UNKNOWN),
        (ResponseInvalid("of a report", sent=Sent.ANSWERED), ExitCode.FAILED),
        (RequestTimeout("of a report", sent=Sent.UNKNOWN), ExitCode.FAILED),
        (ConnectionFailed("of a report", sent=Sent.UNKNOWN), ExitCode.FAILED),
        (KeyboardInterrupt(), ExitCode.INTERRUPTED),
        (CommandStopped("enough", ExitCode.INTERRUPTED), ExitCode.INTERRUPTED),
    ],
)
def test_every_error_has_its_exit_code(error: BaseException, code: ExitCode) -> None:
    assert exit_code_of(error) is code


def test_exit_codes_are_a_promise() -> None:
    assert {code.name: code.value for code in ExitCode} == {
        "OK": 0,
        "FAILED": 1,
        "USAGE": 2,
        "DELIVERY_UNKNOWN": 3,
        "PARKED": 4,
        "INTERRUPTED": 130,
    }
