"""A server, a journal and the lives that one process lives with them."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import anyio
from attrs import field, frozen

from mediasflow_async.delivery import Journal, State
from mediasflow_async.sandbox import DeliveryPlan, Fault, Sandbox, ServerRules
from tests.delivery.crashes.children import Child, Children
from tests.delivery.crashes.lives import KEY, LEASE, Life
from tests.support.raw_journal import age
from tests.support.senders import launches

__all__ = ["ONCE", "Ending", "Lived", "NewJournal", "Open", "Scene", "each", "scene"]

_Case = TypeVar("_Case")
_Result = TypeVar("_Result")

NewJournal = Callable[[Path], str]
"""Gives the address of a new journal, in a folder if it is a file."""


@frozen
class Lived:
    """What became of one life.

    Attributes:
        code: its exit code, less than zero for a signal.
        steps: the names of the steps that it took.
    """

    code: int
    steps: Sequence[str]


@frozen
class Ending:
    """What there is in the end.

    Attributes:
        launches: how often each campaign of the server was launched, drafts apart.
        state: of the key in the journal.
        problems: what the journal finds wrong with itself.
    """

    launches: Sequence[int]
    state: State | None
    problems: Sequence[str]


ONCE: Final = Ending([1], State.LAUNCHED, [])

_EXPECTED: Final = {
    "after claim",
    "before move to LAUNCHING",
    "after move to LAUNCHING",
    "about to write POST campaigns/inject",
    "after POST campaigns/inject",
    "before move to LAUNCHED",
}
"""Some of the steps of each life: without them, not everything would be stepped any more."""


@frozen
class Scene:
    """One key, one server, one journal.

    Attributes:
        sandbox: the server.
        journal: the address of the journal.
        children: starts lives.
        folder: for their logs.
    """

    sandbox: Sandbox
    journal: str
    children: Children
    folder: Path
    _numbers: Iterator[int] = field(factory=itertools.count)

    def life(self, **options: Any) -> Life:
        """Describe a life."""
        return Life(
            journal=self.journal,
            base_url=self.sandbox.base_url,
            username=self.sandbox.username,
            password=self.sandbox.password,
            log=str(self.folder / f"life-{next(self._numbers)}"),
            **options,
        )

    def lived(self, at: int | None = None, **options: Any) -> Lived:
        """Live a life, killed at a step if one is given."""
        life = self.life(at=at, **options)
        code = self.children.end_of(life)
        return Lived(code, Path(life.log).read_text().splitlines())

    def undisturbed(self) -> Lived:
        """Live a life that nothing happens to, to know its steps."""
        lived = self.lived()
        assert (lived.code, self.ending()) == (0, ONCE)
        assert set(lived.steps) >= _EXPECTED
        return lived

    def killed(self, at: int) -> None:
        """Live a life that is killed at a step, and let time pass until its lease is over."""
        lived = self.lived(at)
        assert (lived.code, len(lived.steps)) == (-signal.SIGKILL, at + 1), lived.steps
        if "after open" in lived.steps:
            age(self.journal, LEASE)

    @contextmanager
    def frozen(self, at: int, **options: Any) -> Iterator[tuple[Child, int]]:
        """Give a life that has stopped at a step, and the number of its process."""
        with self.children.start(self.life(at=at, signal=signal.SIGSTOP, **options)) as child:
            yield child, child.frozen()

    def ending(self) -> Ending:
        """Look at the server and at the journal."""
        return anyio.run(self._ending)

    async def _ending(self) -> Ending:
        async with Journal.open(self.journal) as journal:
            entry = await journal.get(KEY)
            state = None if entry is None else entry.state
            return Ending(launches(self.sandbox), state, await journal.check())


@contextmanager
def scene(
    children: Children, folder: Path, new_journal: NewJournal, *faults: Fault
) -> Iterator[Scene]:
    """Set a scene with a server that launches as often as it is told.

    Args:
        children: starts lives.
        folder: an empty one.
        new_journal: gives the address of a new journal, in the folder if it is a file.
        faults: what goes wrong at the server.
    """
    rules = ServerRules(second_launch="resend", draft_report="empty")
    with Sandbox(delivery=DeliveryPlan.instant(), rules=rules).serve_in_thread() as sandbox:
        for fault in faults:
            sandbox.faults.add(fault)
        yield Scene(sandbox, new_journal(folder), children, folder)


Open = Callable[[str], AbstractContextManager[Scene]]
"""Sets a new scene, under a name."""


def each(
    check: Callable[[_Case], _Result], cases: Sequence[_Case], *, at_once: int = 12
) -> list[_Result]:
    """Make the checks, several at a time, since they wait most of their time."""
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(check, cases))
