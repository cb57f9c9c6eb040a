"""The programs of the README run as printed.

A fenced block of the README that has a name after its language is a file of that name. Each
program runs in a folder with all these files, against an empty sandbox.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import mediasflow_async
from mediasflow_async.sandbox import Sandbox

pytest_plugins = ["tests.session_fixtures"]

README = Path(mediasflow_async.__file__).parents[1].joinpath("README.md").read_text("utf-8")
FILES = dict(re.findall(r"(?ms)^```\w+ +(\S+)\n(.*?)^```$", README))
PROGRAMS = [name for name in FILES if name.endswith(".py")]
# They need a broker, and run in tests/events.
CONSUMERS = {"stream_worker.py", "task_worker.py"}
SMS_SENT = {
    "first.py": 1,
    "try_service.py": 1,
    "batch.py": 2,
    "one_message.py": 2,
    "worker.py": 1,
    "durable.py": 1,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def credentials(sandbox: Sandbox) -> dict[str, str]:
    return {
        "MEDIASFLOW_BASE_URL": sandbox.base_url,
        "MEDIASFLOW_USERNAME": sandbox.username,
        "MEDIASFLOW_PASSWORD": sandbox.password,
    }


@pytest.mark.parametrize("name", [name for name in PROGRAMS if name not in CONSUMERS])
def test_a_program_of_the_readme_sends_what_it_should(
    name: str, folder: Path, sandbox: Sandbox
) -> None:
    run = subprocess.run(
        [sys.executable, "-W", "error", name],
        cwd=folder,
        env=os.environ | credentials(sandbox),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert not run.stderr
    assert len(sandbox.messages) == SMS_SENT.get(name, 0), run.stdout


def test_every_program_of_the_readme_has_a_name() -> None:
    assert len(PROGRAMS) == README.count("\n```python")
    assert SMS_SENT.keys() | CONSUMERS <= set(PROGRAMS)
