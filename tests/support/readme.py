"""The README's files, and its consumers in processes of their own.

A fenced block of the README that has a name after its language is a file of that name.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import mediasflow_async
from mediasflow_async.sandbox import Sandbox

__all__ = ["FILES", "README", "consumer", "credentials", "write_files", "write_programs"]

README: Final = Path(mediasflow_async.__file__).parents[1].joinpath("README.md").read_text("utf-8")
FILES: Final = dict(re.findall(r"(?ms)^```\w+ +(\S+)\n(.*?)^```$", README))
_PATIENT: Final = "Sender(session, journal)"
# As sure, and in no way as patient: two minutes are long for a test.
_QUICK: Final = "Sender(session, journal, settle=0.5, confirm_every=0.1, lease=6)"


def write_files(folder: Path) -> None:
    """Write the files of the README into a folder, as printed."""
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")


def write_programs(folder: Path, changes: Mapping[str, str]) -> None:
    """Write the programs of the README into a folder, with some texts of them changed."""
    text = README
    for old, new in {_PATIENT: _QUICK, **changes}.items():
        assert old in text, f"the README says no more {old!r}"
        text = text.replace(old, new)
    for name, program in re.findall(r"(?ms)^```python +(\S+)\n(.*?)^```$", text):
        (folder / name).write_text(program, encoding="utf-8")


def credentials(sandbox: Sandbox) -> dict[str, str]:
    """Return what a session takes from the environment."""
    return {
        "MEDIASFLOW_BASE_URL": sandbox.base_url,
        "MEDIASFLOW_USERNAME": sandbox.username,
        "MEDIASFLOW_PASSWORD": sandbox.password,
    }


@contextmanager
def consumer(
    folder: Path, program: str, environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program, and kill it in the end as the kernel would."""
    with (folder / f"{program}.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, program],
            cwd=folder,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
