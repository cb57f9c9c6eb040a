"""The same through the queue: `mediasflow batch enqueue`, and two workers that are killed."""

from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TextIO

from mediasflow_async.cli import app, worker
from mediasflow_async.cli import main as mediasflow
from mediasflow_async.workers import Queue
from tests.soak.campaigns import Pair, pairs
from tests.soak.kills import Begun, Kills
from tests.soak.serving import Address, serving
from tests.soak.soak import LATEST, Plan, Run, looked_at
from tests.support.commands import environment_with, executable

__all__ = ["worked"]

_IMPORTED_EARLY: Final = (app, worker)
_WORKERS: Final = 2
_OPTIONS: Final = "--settle 1.8 --confirm-every 0.1 --lease 2 --stalled-after 1.5".split()
_PREFIX: Final = "mediasflow-soak-"
_TIMEOUT_SECONDS: Final = "0.2"
_BEGUN: Final = "has started"
_LONGEST_NOTE: Final = 4000


def worked(plan: Plan, name: str, database: str, count: int) -> Run:
    """Queue so many campaigns in a database, and have them sent by two workers that are killed."""
    campaigns = pairs(count)
    # In turn: of the two together, one is killed after each interval. Each death puts the jobs
    # that it hits off for longer, and what is put off for minutes shows nothing.
    kills = Kills(plan.seed, plan.interval * _WORKERS)
    begin = time.monotonic()
    with serving(plan.faults, LATEST) as server, TemporaryDirectory(prefix=_PREFIX) as folder:
        environment = _environment(server, database)
        _enqueue(campaigns, environment, Path(folder) / "campaigns.jsonl")
        log = Path(folder) / "log"
        work = partial(_work, environment, log)
        with _telling(log):
            kills.until(partial(_is_empty, database), work, processes=_WORKERS)
        seconds = time.monotonic() - begin
        account, statement = asyncio.run(looked_at(database, server, campaigns))
    return Run.of(name, account, kills, statement, seconds)


def _environment(server: Address, database: str) -> dict[str, str]:
    variables = {
        "MEDIASFLOW_DATABASE": database,
        "MEDIASFLOW_BASE_URL": server.base_url,
        "MEDIASFLOW_USERNAME": "soak",
        "MEDIASFLOW_PASSWORD": "of the soak",
        "MEDIASFLOW_TIMEOUT": _TIMEOUT_SECONDS,
    }
    return environment_with(variables)


@contextmanager
def _telling(log: Path) -> Iterator[None]:
    """Tell what the workers said when one of them failed."""
    try:
        yield
    except RuntimeError as error:
        error.add_note(log.read_text()[-_LONGEST_NOTE:])
        raise


def _enqueue(campaigns: Sequence[Pair], environment: dict[str, str], file: Path) -> None:
    file.write_text("".join(map(_line, campaigns)))
    command = [executable(), "batch", "enqueue", str(file)]
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)


def _line(pair: Pair) -> str:
    key, request = pair
    record = {
        "key": key,
        "campaign_name": request.campaign_name,
        "msg": request.msg,
        "recipients": [recipient.mobile for recipient in request.recipients],
        "sender": request.sender,
    }
    return json.dumps(record) + "\n"


def _work(environment: dict[str, str], log: Path, _: int, begun: Begun) -> None:
    """Be a `mediasflow worker`, without the time that the imports of a new process take."""
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["mediasflow", "worker", *_OPTIONS]
    # What is said about each campaign would bury the table.
    with (
        log.open("a", buffering=1) as output,
        redirect_stderr(output),
        redirect_stdout(_Overheard(output, begun)),
    ):
        code = mediasflow()
    sys.exit(code)


class _Overheard(io.TextIOBase):
    """Writes on, and tells when a worker says that it has begun."""

    def __init__(self, output: TextIO, begun: Begun) -> None:
        self._output = output
        self._begun = begun

    def write(self, text: str) -> int:
        if _BEGUN in text:
            self._begun()
        return self._output.write(text)


def _is_empty(database: str) -> bool:
    return asyncio.run(_is_all_done(database))


async def _is_all_done(database: str) -> bool:
    async with Queue.open(database) as queue:
        counts = await queue.counts()
        # What is refused for good would wait for ever: it shows up as lost.
        return not counts["todo"] and not counts["doing"]
