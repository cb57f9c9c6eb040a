"""A PostgreSQL server for one run of a program, as durable as one that is in earnest."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from parts.servers import free_port

__all__ = ["find_postgres", "postgres"]

_DEBIAN: Final = Path("/usr/lib/postgresql")
_UNPRIVILEGED: Final = ("postgres", "nobody")
_PATIENCE_SECONDS: Final = 30.0


def find_postgres() -> bool:
    """Put the programs of PostgreSQL on the PATH where Debian keeps them off it.

    Returns:
        Whether they are there now.
    """
    for folder in sorted(_DEBIAN.glob("*/bin")):
        os.environ["PATH"] += f"{os.pathsep}{folder}"
    return shutil.which("postgres") is not None


@contextmanager
def postgres() -> Generator[str]:
    """Run a server on a free port, and give the address of its database."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        user = _unprivileged()
        if user:
            shutil.chown(folder, user)
        data = str(folder / "data")
        _run(["initdb", f"--pgdata={data}", "--username=bench", "--auth=trust"], folder, user)
        port = free_port()
        command = ["postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", name]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(command, cwd=folder, user=user, stdout=log, stderr=log)
        try:
            _wait_for(server, port, folder / "log")
            yield f"postgresql://bench@127.0.0.1:{port}/postgres"
        finally:
            server.terminate()
            server.wait()


def _wait_for(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    give_up_at = time.monotonic() + _PATIENCE_SECONDS
    asking = ["pg_isready", "-h", "127.0.0.1", "-p", str(port)]
    while subprocess.run(asking, capture_output=True, check=False).returncode:
        if server.poll() is not None or time.monotonic() > give_up_at:
            raise SystemExit(f"PostgreSQL does not start: {log.read_text()}")
        time.sleep(0.05)


def _run(command: list[str], folder: Path, user: str | None) -> None:
    subprocess.run(command, cwd=folder, user=user, capture_output=True, check=True)


def _unprivileged() -> str | None:
    """Return whom to run the server as: it refuses to run as root."""
    if os.geteuid():
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in _UNPRIVILEGED if name in known)
