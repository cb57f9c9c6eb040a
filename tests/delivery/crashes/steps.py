"""The steps of a process: each call of the journal and of the API, before it and after it."""

from __future__ import annotations

import inspect
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from attrs import define, frozen

from mediasflow_async.delivery import Journal
from mediasflow_async.transport import Answer, AsyncioTransport, Outgoing
from mediasflow_async.transport.outgoing import Observer

__all__ = ["SteppedJournal", "SteppedTransport", "Steps"]


@define
class Steps:
    """Counts the steps, writes down each one, and at one of them sends this process a signal.

    Attributes:
        log: where to write their names; what is written outlives the process.
        at: the number of that step, from 0; None for none.
        signal: SIGKILL or SIGSTOP.
    """

    log: Path
    at: int | None = None
    signal: int = signal.SIGKILL
    _count: int = 0

    def reach(self, name: str) -> None:
        """Take a step."""
        with self.log.open("ab", buffering=0) as log:
            log.write(name.encode() + b"\n")
        number, self._count = self._count, self._count + 1
        if number == self.at:
            os.kill(os.getpid(), self.signal)


class SteppedJournal:
    """A journal of which each call is two steps."""

    def __init__(self, journal: Journal, steps: Steps) -> None:
        self._journal = journal
        self._steps = steps

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._journal, name)
        return self._stepped(name, value) if inspect.iscoroutinefunction(value) else value

    def _stepped(self, name: str, call: Callable[..., Awaitable[Any]]) -> Any:
        async def stepped(*args: Any, **details: Any) -> Any:
            label = f"{name} to {args[1]}" if name == "move" else name
            self._steps.reach(f"before {label}")
            result = await call(*args, **details)
            self._steps.reach(f"after {label}")
            return result

        return stepped


class SteppedTransport(AsyncioTransport):
    """Our own transport, of which each request is three steps."""

    def __init__(self, steps: Steps) -> None:
        super().__init__()
        self._steps = steps

    async def send(self, outgoing: Outgoing) -> Answer:
        label = _label(outgoing)
        self._steps.reach(f"before {label}")
        assert outgoing.observer
        observer = _Stepped(outgoing.observer, self._steps, label)
        answer = await super().send(outgoing._replace(observer=observer))
        self._steps.reach(f"after {label}")
        return answer


def _label(outgoing: Outgoing) -> str:
    """Return method and path, as in "POST campaigns/inject"."""
    path = outgoing.head.target.decode("latin-1").partition("?")[0]
    return f"{outgoing.head.method} {path.rpartition('/v1/')[2]}"


@frozen
class _Stepped:
    """What watches a request, with a step before the first byte and before the veto on it."""

    observer: Observer
    steps: Steps
    label: str

    def leaving(self) -> None:
        self.steps.reach(f"about to write {self.label}")
        self.observer.leaving()

    def answered(self) -> None:
        self.observer.answered()
