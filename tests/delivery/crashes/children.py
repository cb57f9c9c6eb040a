"""The processes of a test: lives of a sender, started, frozen, thawed, and what became of them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, TextIO

from attrs import frozen

from tests.delivery.crashes.lives import Life

__all__ = ["Child", "Children", "fork_server", "thaw"]

_ROOT: Final = Path(__file__).parents[3]
_PATIENCE_SECONDS: Final = 60


@frozen
class Child:
    """A life that was started."""

    _reports: TextIO

    def frozen(self) -> int:
        """Wait until it has stopped itself, and return its process's number."""
        report = self._report()
        assert report["code"] is None, f"it ended with {report['code']}"
        return report["process"]

    def ended(self) -> int:
        """Wait for its end, and return its exit code, or less than zero for a signal."""
        return self._report()["code"]

    def _report(self) -> dict[str, int]:
        report: dict[str, int] = json.loads(self._reports.readline())
        return report


@frozen
class Children:
    """Starts lives, from several threads if need be."""

    _control: socket.socket

    @contextmanager
    def start(self, life: Life) -> Iterator[Child]:
        """Start a life."""
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self._control, [b"!"], [theirs.fileno()])
        ours.settimeout(_PATIENCE_SECONDS)
        with ours, ours.makefile() as reports:
            ours.sendall(json.dumps(life.as_data()).encode() + b"\n")
            yield Child(reports)

    def end_of(self, life: Life) -> int:
        """Start a life and return its exit code, or less than zero for a signal."""
        with self.start(life) as child:
            return child.ended()


@contextmanager
def fork_server() -> Iterator[Children]:
    """Keep a program that starts lives; it ends when the tests do, in whatever way."""
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-m", "tests.delivery.crashes.fork_server", str(theirs.fileno())]
    with theirs:
        program = subprocess.Popen(command, cwd=_ROOT, pass_fds=[theirs.fileno()])
    try:
        with closing(ours):
            yield Children(ours)
    finally:
        program.wait()


def thaw(process: int) -> None:
    """Let a frozen process go on."""
    os.kill(process, signal.SIGCONT)
