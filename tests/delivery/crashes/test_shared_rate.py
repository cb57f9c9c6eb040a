"""Three processes that share a limit of 40 calls per second through one journal."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from attrs import frozen

from mediasflow_async.sandbox import Sandbox
from tests.delivery.crashes.scenes import NewJournal
from tests.delivery.crashes.sharing import HEADER
from tests.support.senders import launches

pytest_plugins = ["tests.delivery.crashes.fixtures", "tests.support.postgres_fixtures"]

_ROOT: Final = Path(__file__).parents[3]
_RATE: Final = 40
_MOST: Final = 42
_PROCESSES: Final = 3
_CAMPAIGNS: Final = 40  # of each process, of two calls each: six seconds for all of them
_ROUNDING_SECONDS: Final = 0.005


@frozen
class _Call:
    """A call, in seconds since 1970.

    Attributes:
        departure: from when it could be on its way, or earlier.
        arrived: when the server had it.
    """

    departure: float
    arrived: float


def test_no_second_sees_more_calls_than_the_shared_rate(
    new_journal: NewJournal, tmp_path: Path
) -> None:
    with Sandbox().serve_in_thread() as sandbox:
        journal = new_journal(tmp_path)
        processes = [_started(journal, sandbox, number) for number in range(_PROCESSES)]
        assert [process.wait() for process in processes] == [0] * _PROCESSES
        assert launches(sandbox) == [1] * _CAMPAIGNS * _PROCESSES
        calls = sorted(_calls(sandbox), key=lambda call: call.arrived)
    assert len(calls) == 2 * _CAMPAIGNS * _PROCESSES
    # Those that a busy machine kept waiting on the way may come close together. On one that has
    # nothing else to do, that is none.
    prompt = [call.arrived for call in calls if call.arrived - call.departure <= 1 / _RATE]
    assert _most_in_a_second(prompt) <= _MOST
    begin = min(call.departure for call in calls)
    for number, call in enumerate(calls):
        assert call.arrived - begin >= number / _RATE - _ROUNDING_SECONDS


def _started(journal: str, sandbox: Sandbox, number: int) -> subprocess.Popen[bytes]:
    keys = [f"order-{number}-{campaign}" for campaign in range(_CAMPAIGNS)]
    where = [journal, sandbox.base_url, sandbox.username, sandbox.password, str(_RATE)]
    command = [sys.executable, "-m", "tests.delivery.crashes.sharing", *where, *keys]
    return subprocess.Popen(command, cwd=_ROOT)


def _calls(sandbox: Sandbox) -> Iterator[_Call]:
    for request in sandbox.requests:
        if request.operation != "login":
            yield _Call(float(request.headers[HEADER]), request.received_at.timestamp())


def _most_in_a_second(moments: Sequence[float]) -> int:
    """Return the most moments within a window of one second, wherever that begins."""
    return max(sum(begin <= moment < begin + 1 for moment in moments) for begin in moments)
