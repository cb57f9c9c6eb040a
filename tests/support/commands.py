"""The `mediasflow` command in a process of its own, with and without a terminal."""

from __future__ import annotations

import os
import pty
import select
import shutil
import signal
import subprocess
import sysconfig
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

TIMEOUT_SECONDS = 60
Run = subprocess.CompletedProcess[str]


class Command(Protocol):
    """Runs the command and returns how it ended."""

    def __call__(self, *arguments: str, environment: Mapping[str, str] | None = None) -> Run: ...


def said(output: str) -> str:
    """Return what is shown, without the borders of panels and the ends of lines."""
    return " ".join(output.replace("│", " ").split())


def executable() -> str:
    found = shutil.which("mediasflow", path=sysconfig.get_path("scripts"))
    assert found, "the package is installed, and with it its command"
    return found


def environment_with(variables: Mapping[str, str] | None) -> dict[str, str]:
    """Return this process's environment without what it says of Mediasflow and of terminals."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("MEDIASFLOW_") and not name.lower().endswith("_proxy")
    }
    return kept | {"COLUMNS": "80", "TERM": "xterm-256color"} | dict(variables or {})


class Start(Protocol):
    """Starts the command in a terminal."""

    def __call__(
        self, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> Terminal: ...


class Terminal:
    """The command in a terminal.

    Attributes:
        seen: what it has shown.
    """

    def __init__(self, arguments: tuple[str, ...], folder: Path, env: dict[str, str]) -> None:
        self._master, inner = pty.openpty()
        self._process = subprocess.Popen(
            [executable(), *arguments], cwd=folder, env=env, stdin=inner, stdout=inner, stderr=inner
        )
        os.close(inner)
        self.seen = ""

    def until(self, text: str) -> None:
        """Return when the command has shown `text`."""
        while text not in self.seen:
            assert self._read(), f"{text!r} was never shown:\n{self.seen}"

    def type(self, text: str) -> None:
        os.write(self._master, f"{text}\n".encode())

    def interrupt(self) -> None:
        self._process.send_signal(signal.SIGINT)

    def interrupted(self) -> int:
        """Interrupt the command until it has ended, and return the exit code.

        Python's `input` misses an interrupt that comes just before it starts to read.
        """
        self.interrupt()
        while not self._has_news(seconds=2):
            self.interrupt()
        return self.ended()

    def ended(self) -> int:
        """Return the exit code, once the command has ended."""
        latest = time.monotonic() + TIMEOUT_SECONDS
        while self._read():
            assert time.monotonic() < latest, f"the command goes on:\n{self.seen}"
        return self._process.wait(TIMEOUT_SECONDS)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._master)

    def _has_news(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], seconds)
        return bool(ready)

    def _read(self) -> bool:
        assert self._has_news(TIMEOUT_SECONDS), f"nothing more is shown:\n{self.seen}"
        try:
            data = os.read(self._master, 65_536)
        except OSError:  # Linux says so when the command has ended
            return False
        self.seen += data.decode(errors="replace")
        return bool(data)
