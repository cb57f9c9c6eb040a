"""What tests need to run a database server of their own on this machine."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NoReturn

import pytest

_UNPRIVILEGED: Final = ("postgres", "nobody")
# The pipe ends when the tests do, in whatever way: no server outlives them.
_UNTIL_THE_PIPE_ENDS: Final = 'trap "" INT; "$@" & read _; kill -"$0" $!; wait $!'


def skip_or_fail(reason: str) -> NoReturn:
    """Skip the tests of a server that is not installed; in CI nothing may be skipped."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def server_directory(server: str) -> Iterator[Path]:
    """Give a new directory that belongs to the user whom servers run as."""
    with tempfile.TemporaryDirectory(prefix=f"mediasflow-{server}-") as name:
        if user := _unprivileged_user():
            shutil.chown(name, user)
        yield Path(name)


def run_unprivileged(command: list[str], directory: Path) -> None:
    """Run a program to its end, never as root: database servers refuse that."""
    subprocess.run(
        command,
        cwd=directory,
        user=_unprivileged_user(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=True,
    )


def start_unprivileged(
    command: list[str], directory: Path, is_ready: Callable[[], bool], *, stop_by: str = "QUIT"
) -> subprocess.Popen[bytes]:
    """Start a server, never as root, and return when it is ready.

    It stops when its standard input is closed, as it is when this process is killed, by the
    signal with the name that is given.

    Raises:
        RuntimeError: it ended instead, with what it wrote.
    """
    log = directory / "log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            ["/bin/sh", "-c", _UNTIL_THE_PIPE_ENDS, stop_by, *command],
            cwd=directory,
            user=_unprivileged_user(),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    give_up_at = time.monotonic() + 60
    while not is_ready():
        if time.monotonic() > give_up_at:
            server.communicate()
            raise RuntimeError(f"{command[0]} does not start:\n{log.read_text()}")
        time.sleep(0.02)
    return server


def _unprivileged_user() -> str | None:
    if os.geteuid():
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in _UNPRIVILEGED if name in known)
