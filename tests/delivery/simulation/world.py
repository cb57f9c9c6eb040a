"""Time, and processes that take turns in it: a scheduler of coroutines, without an event loop."""

from __future__ import annotations

import heapq
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Final, TypeVar

from attrs import define

from mediasflow_async.errors import MediasflowError
from tests.delivery.simulation.schedules import Schedule

__all__ = ["Livelock", "Process", "World", "step", "wait"]

_EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)
_MOST_STEPS: Final = 3000
_RESTART: Final = 1.0

_Value = TypeVar("_Value")
Life = Callable[["Process"], Coroutine[float, None, None]]


class Livelock(AssertionError):
    """A run went on for longer than any good one does."""


@types.coroutine
def wait(seconds: float) -> Generator[float, None, None]:
    """Let so much time pass, as a process."""
    yield seconds


async def step() -> None:
    """Give the others a turn: here a process may crash, or freeze."""
    await wait(0)


@define(eq=False)
class Process:
    """A process of the simulation, over all its lives.

    Attributes:
        life: what it does, from the start of each life.
        world: where it lives.
        wakes_at: when it goes on.
        skew: what its own clock shows more than the world's.
        is_done: whether it has ended by itself.
    """

    life: Life
    world: World
    skew: float
    wakes_at: float = 0.0
    is_done: bool = False
    _running: Coroutine[float, None, None] | None = None

    def seconds(self) -> float:
        """Return the local clock."""
        return self.world.seconds + self.skew

    async def pause(self, seconds: float) -> MediasflowError | None:
        """Wait, as `Slot.pause` does; there is always time."""
        await wait(max(seconds, 0))
        return None

    async def within(self, _: float, question: Callable[[], Awaitable[_Value]]) -> _Value:
        """Ask, as `Slot.within` does; every answer comes in time."""
        return await question()

    def go_on(self) -> None:
        """Run to the next step or wait."""
        if self._running is None:
            self._running = self.life(self)
        try:
            self.wakes_at = self.world.seconds + self._running.send(None)
        except StopIteration:
            self.is_done = True

    def crash(self) -> None:
        """Die, with all that is in memory, and start again a little later."""
        if self._running is not None:
            # Closing runs what cleans up on the way out; a run leaves out what releases a lease.
            self._running.close()
        self._running = None
        self.wakes_at = self.world.seconds + _RESTART


class World:
    """Time and everything in it.

    Args:
        schedule: who goes on, and what goes wrong.
        freezes: how long a process may freeze.
    """

    def __init__(self, schedule: Schedule, freezes: Sequence[float]) -> None:
        self.schedule = schedule
        self.seconds = 0.0
        self.processes: list[Process] = []
        self._accidents: tuple[float | None, ...] = (None, *freezes)
        self._events: list[tuple[float, int, Callable[[], object]]] = []
        self._order = count()

    def now(self) -> datetime:
        """Return the journal's clock."""
        return _EPOCH + timedelta(seconds=self.seconds)

    def start(self, life: Life, skew: float) -> None:
        """Add a process."""
        self.processes.append(Process(life, self, skew))

    def later(self, seconds: float, event: Callable[[], object]) -> None:
        """Let something happen after so much time."""
        heapq.heappush(self._events, (self.seconds + seconds, next(self._order), event))

    def run(self) -> None:
        """Run until all processes are done, and everything has happened.

        Raises:
            Livelock: there seems to be no end.
        """
        for _ in range(_MOST_STEPS):
            alive = [process for process in self.processes if not process.is_done]
            if not alive:
                self._advance(float("inf"))
                return
            self._advance(min(process.wakes_at for process in alive))
            self._turn([process for process in alive if process.wakes_at <= self.seconds])
        raise Livelock

    def _advance(self, until: float) -> None:
        while self._events and self._events[0][0] <= until:
            self.seconds, _, event = heapq.heappop(self._events)
            event()
        if until != float("inf"):
            self.seconds = max(self.seconds, until)

    def _turn(self, ready: list[Process]) -> None:
        process = ready[self.schedule.number() % len(ready)]
        accident = self.schedule.pick((0.0,), rare=self._accidents)
        if accident is None:
            process.crash()
        elif accident:
            process.wakes_at = self.seconds + accident
        else:
            process.go_on()
