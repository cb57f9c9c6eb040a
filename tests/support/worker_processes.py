"""`mediasflow worker` in processes of its own, as many as a test starts."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from mediasflow_async.sandbox import Sandbox
from tests.support.commands import TIMEOUT_SECONDS, environment_with, executable

__all__ = ["WorkerProcess", "environment_for", "worker_process"]

# In doubt for a short time, and thought dead soon.
_QUICK = "--settle 0.5 --confirm-every 0.1 --lease 6 --stalled-after 2".split()


@frozen
class WorkerProcess:
    """A worker that runs.

    Attributes:
        process: its process.
        log: where it writes.
    """

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def is_ready(self) -> bool:
        """Whether it has started to work."""
        return "has started" in self.log.read_text()

    def kill(self) -> None:
        """End it at once, as the kernel would."""
        self.process.kill()
        self.process.wait(TIMEOUT_SECONDS)

    def stopped(self) -> tuple[int, str]:
        """Ask it to stop, and return how it ended and all that it wrote."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(TIMEOUT_SECONDS), self.log.read_text()


def environment_for(sandbox: Sandbox, database: str) -> dict[str, str]:
    """Return the environment of a worker."""
    return environment_with(
        {
            "MEDIASFLOW_BASE_URL": sandbox.base_url,
            "MEDIASFLOW_USERNAME": sandbox.username,
            "MEDIASFLOW_PASSWORD": sandbox.password,
            "MEDIASFLOW_DATABASE": database,
        }
    )


@contextmanager
def worker_process(
    sandbox: Sandbox, database: str, log: Path, *options: str
) -> Iterator[WorkerProcess]:
    """Start a worker, and kill what is left of it in the end."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [executable(), "worker", *_QUICK, *options],
            cwd=log.parent,
            env=environment_for(sandbox, database),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    worker = WorkerProcess(process, log)
    try:
        yield worker
    finally:
        worker.kill()
