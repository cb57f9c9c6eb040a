"""Processes that get `kill -9` every few seconds, until their work is done all the same."""

from __future__ import annotations

import gc
import math
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from random import Random
from typing import Final

from attrs import define, field

from mediasflow_async import resources
from mediasflow_async._core import engine as starting
from mediasflow_async.delivery import journal as opening
from mediasflow_async.delivery import postgres as postgres_opening
from mediasflow_async.delivery import sqlite as sqlite_opening
from tests.soak.orphans import end_with

__all__ = ["Begun", "Kills", "Work"]

# What is imported only when it is used would be imported in each life anew.
_IMPORTED_EARLY: Final = (opening, postgres_opening, sqlite_opening, resources, starting)
_FORK: Final = multiprocessing.get_context("fork")
_LONGEST_WAIT_SECONDS: Final = 2.0

Begun = Callable[[], None]
"""Tells that a life has begun to work."""
Work = Callable[[int, Begun], None]
"""What a process does, in its life of this number. It returns when nothing is left to do."""


@define(eq=False)
class _Slot:
    """A place for one process at a time.

    Attributes:
        process: the one that lives there.
        line: what it tells on that it has begun to work.
        lasts: how many seconds it lives from then on.
        dies_at: when it is killed.
    """

    process: BaseProcess
    line: Connection
    lasts: float
    dies_at: float = math.inf

    @property
    def signs(self) -> list[Connection | int]:
        """What becomes readable when there is news."""
        told = [] if self.dies_at < math.inf else [self.line]
        return [self.process.sentinel, *told]

    def is_over(self) -> bool:
        """Whether it has ended, or has to."""
        if self.dies_at == math.inf and self.line.poll():
            self.dies_at = time.monotonic() + self.lasts
        return not self.process.is_alive() or time.monotonic() >= self.dies_at

    def end(self) -> int | None:
        """End it, and return how it ended, for itself or by this."""
        self.process.kill()
        self.process.join()
        self.line.close()
        return self.process.exitcode


@define
class Kills:
    """Gives lives to processes, and takes them.

    Attributes:
        seed: what says how long each life lasts.
        interval: that long on average, in seconds, from when it has begun to work: on a machine
            with much else to do, nothing would ever be done otherwise.
        count: how many were taken so far.
    """

    _seed: int
    _interval: float
    count: int = 0
    _lives: int = 0
    _lot: Random = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._lot = Random(f"{self._seed}/kills")  # noqa: S311 - no secret

    def until_done(self, work: Work, *, processes: int) -> None:
        """Have so many processes work, each killed and started again until it ends by itself.

        Raises:
            RuntimeError: one failed.
        """
        self.until(lambda: False, work, processes=processes)

    def until(self, is_done: Callable[[], bool], work: Work, *, processes: int) -> None:
        """Have so many processes work, killed and started again until all is done.

        Those that do not end by themselves get SIGTERM when it is. Whether it is, is asked
        every few seconds.

        Raises:
            RuntimeError: one failed.
        """
        slots = [self._started(work) for _ in range(processes)]
        try:
            while slots and not is_done():
                slots = [slot for old in slots for slot in self._next(old, work)]
                _wait_for_any(slots)
            for slot in slots:
                _stop(slot.process)
        finally:
            for slot in slots:
                slot.end()

    def _started(self, work: Work) -> _Slot:
        ours, theirs = _FORK.Pipe(duplex=False)
        # What is there is left alone, and so is shared with the processes.
        gc.freeze()
        given = (os.getpid(), work, self._lives, theirs)
        process = _FORK.Process(target=_live, args=given, daemon=True)
        process.start()
        theirs.close()
        self._lives += 1
        return _Slot(process, ours, self._interval * self._lot.uniform(0.5, 1.5))

    def _next(self, slot: _Slot, work: Work) -> Iterator[_Slot]:
        """Yield the slot as it goes on; nothing when its work is done."""
        if not slot.is_over():
            yield slot
            return
        code = slot.end()
        if code == -signal.SIGKILL:
            self.count += 1
            yield self._started(work)
        else:
            _check(code)


def _live(parent: int, work: Work, number: int, line: Connection) -> None:
    end_with(parent)
    work(number, lambda: line.send(None))


def _wait_for_any(slots: list[_Slot]) -> None:
    if slots:
        until = min(slot.dies_at for slot in slots) - time.monotonic()
        signs = [sign for slot in slots for sign in slot.signs]
        wait(signs, min(max(until, 0), _LONGEST_WAIT_SECONDS))


def _stop(process: BaseProcess) -> None:
    process.terminate()
    process.join()
    _check(process.exitcode)


def _check(code: int | None) -> None:
    if code != 0:
        raise RuntimeError(f"a life ended with the exit code {code}")
