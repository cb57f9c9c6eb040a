"""A SQLite connection in a thread of its own; what waits together is committed together."""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any, Final, Generic, TypeVar

import anyio
from anyio import from_thread
from anyio.lowlevel import current_token
from attrs import define, field

from mediasflow_async.delivery.errors import JournalError

__all__ = ["SqliteThread"]

_Result = TypeVar("_Result")
_MOST_AT_ONCE: Final = 500


@define(eq=False)
class _Job(Generic[_Result]):
    """Work for the connection, and what came of it."""

    work: Callable[[sqlite3.Connection], _Result]
    done: anyio.Event = field(factory=anyio.Event)
    result: _Result | None = None
    failure: Exception | None = None

    def attempt(self, connection: sqlite3.Connection) -> None:
        """Do the work in a savepoint, so that a failure undoes this work and no other."""
        connection.execute("SAVEPOINT job")
        try:
            self.result = self.work(connection)
        except Exception as failure:  # noqa: BLE001 - raised where the caller waits
            self.fail(failure)
            connection.execute("ROLLBACK TO job")
        connection.execute("RELEASE job")

    def fail(self, failure: Exception) -> None:
        """Note why the work is not done."""
        is_of_database = isinstance(failure, sqlite3.Error | OSError)
        self.failure = JournalError(str(failure)) if is_of_database else failure
        self.failure.__traceback__ = None

    def outcome(self) -> _Result:
        """Return the result, or raise the failure."""
        failure, self.failure = self.failure, None
        if failure is None:
            return self.result  # type: ignore[return-value] # None is then what the work returned
        try:
            raise failure
        finally:
            del failure


class SqliteThread:
    """Runs functions on one connection, in the order in which they are given.

    Whatever has piled up during one transaction goes into the next one together, so that a disk
    which needs milliseconds for a commit still serves hundreds of callers. A caller goes on only
    when its work is committed.

    Args:
        connect: opens the connection; called in the thread, the only one that uses it.
        begin: the statement that begins a transaction.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection], begin: str) -> None:
        self._connect = connect
        self._begin = begin
        self._jobs: queue.SimpleQueue[_Job[Any]] = queue.SimpleQueue()
        self._is_open = True

    async def start(self) -> None:
        """Open the connection; when that fails, its error is raised and the thread ends."""
        self._loop = current_token()
        self._ended = anyio.Event()
        opening: _Job[None] = _Job(lambda _: None)
        # As a daemon, it does not keep a program alive that forgot to close.
        threading.Thread(target=self._serve, args=[opening], daemon=True).start()
        with anyio.CancelScope(shield=True):
            await opening.done.wait()
        opening.outcome()

    async def run(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Return what the work returns, once that is committed, or raise what it raises.

        When the caller is cancelled, the work is done all the same.

        Raises:
            JournalError: the database refused, or the thread was closed.
        """
        if not self._is_open:
            raise JournalError("The journal is closed: keep it open while it is used")
        job = _Job(work)
        self._jobs.put(job)
        await job.done.wait()
        return job.outcome()

    async def aclose(self) -> None:
        """Finish what was given, close the connection and end the thread."""
        self._is_open = False
        self._jobs.put(_Job(lambda _: None))
        with anyio.CancelScope(shield=True):
            await self._ended.wait()

    def _serve(self, opening: _Job[None]) -> None:
        # A loop that has ended without closing leaves nobody to be told.
        with suppress(anyio.RunFinishedError):
            try:
                connection = self._connect()
            except Exception as failure:  # noqa: BLE001 - raised by `start`
                opening.fail(failure)
                self._wake([opening])
                return
            with closing(connection):
                self._wake([opening])
                self._serve_jobs(connection)
            from_thread.run_sync(self._ended.set, token=self._loop)

    def _serve_jobs(self, connection: sqlite3.Connection) -> None:
        while self._is_open or not self._jobs.empty():
            jobs = self._waiting()
            _commit_together(jobs, connection, self._begin)
            self._wake(jobs)

    def _waiting(self) -> list[_Job[Any]]:
        jobs = [self._jobs.get()]
        while len(jobs) < _MOST_AT_ONCE and not self._jobs.empty():
            jobs.append(self._jobs.get())
        return jobs

    def _wake(self, jobs: list[_Job[Any]]) -> None:
        def wake() -> None:
            for job in jobs:
                job.done.set()

        from_thread.run_sync(wake, token=self._loop)


def _commit_together(jobs: list[_Job[Any]], connection: sqlite3.Connection, begin: str) -> None:
    try:
        connection.execute(begin)
        for job in jobs:
            job.attempt(connection)
        connection.execute("COMMIT")
    except sqlite3.Error as failure:
        connection.rollback()
        for job in jobs:
            job.fail(failure)
