"""The programs of the README run as printed.

Each program runs in a folder with all files of the README, against an empty sandbox.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mediasflow_async.sandbox import Sandbox
from tests.support.readme import FILES, README, credentials, write_files

pytest_plugins = ["tests.support.session_fixtures"]

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
    write_files(tmp_path)
    return tmp_path


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
