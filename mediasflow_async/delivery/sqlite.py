"""The store in a file: thread, clock, private file."""

from __future__ import annotations

import os
import queue
import secrets
import sqlite3
import sys
import threading
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import anyio
from anyio import from_thread
from anyio.lowlevel import current_token
from attrs import define, field, frozen

from mediasflow_async.delivery.errors import CampaignTaken, JournalError
from mediasflow_async.delivery.journal import DatabaseJournal, Journal
from mediasflow_async.delivery.slots import boot_seconds
from mediasflow_async.delivery.sql import (
    HOME,
    MIGRATIONS,
    Change,
    Row,
    SqlDialect,
    Values,
    migrations_from,
    render,
)

__all__ = [
    "SQLITE",
    "Clock",
    "SqliteDatabase",
    "SqliteThread",
    "boot_id",
    "connect",
    "make_private",
    "open_sqlite",
    "shared_clock",
]


_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS mediasflow_clock ("
    "id integer PRIMARY KEY CHECK (id = 1), boot text NOT NULL, offset_us bigint NOT NULL)"
)
_KNOWN: Final = "SELECT offset_us FROM mediasflow_clock WHERE boot = ?"
_LAST: Final = "SELECT coalesce(max(updated_at), 0) FROM mediasflow_entries"
_KEEP: Final = "INSERT OR REPLACE INTO mediasflow_clock (id, boot, offset_us) VALUES (1, ?, ?)"


def boot_id() -> str | None:
    """Return what the system calls its last start, or None where it does not say."""
    return _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else None


@frozen
class Clock:
    """Counts on from a moment of the wall clock, in microseconds since 1970.

    Attributes:
        offset_us: that moment, less the time that the machine had been up by then.
    """

    offset_us: int

    def now_us(self) -> int:
        """Return the present moment."""
        return self.offset_us + _up_us()


def shared_clock(connection: sqlite3.Connection, boot: str | None) -> Clock:
    """Return the clock that all who share the journal go by, until the machine is restarted.

    A wait is as long as it says, and a lease ends for everybody at once, whatever is done to
    the wall clock. After a restart the clock is set by the wall clock again, and never to a
    moment before what the journal holds. Where the system does not name its starts, each
    process sets one for itself.

    Args:
        connection: the journal's, in a transaction that writes.
        boot: the system's name of its last start.
    """
    connection.execute(_TABLE)
    known = connection.execute(_KNOWN, [boot]).fetchone()
    if known:
        return Clock(known[0])
    last_us = connection.execute(_LAST).fetchone()[0]
    clock = Clock(max(time.time_ns() // 1000, last_us) - _up_us())
    if boot:
        connection.execute(_KEEP, [boot, clock.offset_us])
    return clock


def _up_us() -> int:
    return round(boot_seconds() * 1e6)


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


SQLITE: Final = SqlDialect(
    instant="bigint",
    span="bigint",
    binary="blob",
    by_bytes="",
    epoch="0",
    now=":now",
    later="max",
    skip_locked="",
    parameter=r":\1",
)
"""Durations are whole microseconds, and moments are microseconds since 1970."""

_MICROSECOND: Final = timedelta(microseconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@frozen
class SqliteDatabase:
    """Writes with one connection and reads with another, so that neither waits for the other.

    Attributes:
        writer: the connection whose transactions write.
        reader: the one whose transactions read.
        clock: the clock of all who share the file.
    """

    writer: SqliteThread
    reader: SqliteThread
    clock: Clock

    async def change(self, change: Change, values: Values) -> Sequence[Row]:
        """Make a change and return what it left."""

        def work(connection: sqlite3.Connection) -> Sequence[Row]:
            given = self._given(values)
            _execute(connection, render(change.statement, SQLITE), given)
            return connection.execute(render(change.trace, SQLITE), given).fetchall()

        return await self.writer.run(work)

    async def write(self, statement: str, values: Values) -> int:
        """Change or delete rows and return how many there were."""

        def work(connection: sqlite3.Connection) -> int:
            return connection.execute(render(statement, SQLITE), self._given(values)).rowcount

        return await self.writer.run(work)

    async def ask(self, question: str, values: Values) -> Sequence[Row]:
        """Return the rows of a query."""

        def work(connection: sqlite3.Connection) -> Sequence[Row]:
            return connection.execute(render(question, SQLITE), self._given(values)).fetchall()

        return await self.reader.run(work)

    async def damages(self) -> Sequence[str]:
        """Return what SQLite's own check of the whole file finds."""
        rows = await self.ask("PRAGMA integrity_check", {})
        return [sentence for (sentence,) in rows if sentence != "ok"]

    def moment(self, value: int) -> datetime:
        """Return a moment."""
        return _EPOCH + value * _MICROSECOND

    def span(self, value: int) -> timedelta:
        """Return a duration."""
        return value * _MICROSECOND

    def _given(self, values: Values) -> dict[str, Any]:
        """Return the values as SQLite takes them, and the present moment of the transaction."""
        given = {name: _plain(value) for name, value in values.items()}
        return given | {"now": self.clock.now_us()}


def _plain(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value // _MICROSECOND
    if isinstance(value, datetime):
        return (value - _EPOCH) // _MICROSECOND
    return value


def _execute(connection: sqlite3.Connection, statement: str, given: dict[str, Any]) -> None:
    try:
        connection.execute(statement, given)
    except sqlite3.IntegrityError as error:
        if error.sqlite_errorname != "SQLITE_CONSTRAINT_UNIQUE":
            raise
    else:
        return
    raise CampaignTaken("The campaign belongs to another key", campaign_id=given["campaign_id"])


_OWNER_ONLY: Final = 0o600
_ANYBODY_ELSE: Final = 0o077
_LONGEST_WAIT_SECONDS: Final = 30


def make_private(path: Path) -> None:
    """Make sure that the file is there and that its owner alone can read it.

    SQLite gives the files beside it the same mode. A file that is there is not opened: to close
    it again would give up the locks that other connections of this process hold on it.
    """
    try:
        file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, _OWNER_ONLY)
    except FileExistsError:
        for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
            _close_to_others(path.with_name(name))
    else:
        os.close(file)
        _keep_name(path)


def connect(path: Path) -> sqlite3.Connection:
    """Open the file in such a way that a commit returns when it is on the disk.

    Raises:
        JournalError: the file system has no memory that processes share.
    """
    connection = sqlite3.connect(path, timeout=_LONGEST_WAIT_SECONDS, isolation_level=None)
    if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
        connection.close()
        raise JournalError(
            f"A journal cannot be kept in {path.parent}",
            next_step="Choose a folder on a disk of this machine; those of a network do not do.",
        )
    connection.execute("PRAGMA synchronous = FULL")
    # For macOS, where fsync leaves the data in the disk's own cache.
    connection.execute("PRAGMA fullfsync = ON")
    return connection


def _close_to_others(path: Path) -> None:
    if path.exists() and path.stat().st_mode & _ANYBODY_ELSE:
        path.chmod(_OWNER_ONLY)


def _keep_name(path: Path) -> None:
    """Write the name of a new file to the disk, as SQLite itself does for those that it makes."""
    if sys.platform == "win32":
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


_BIRTH: Final = "INSERT OR IGNORE INTO mediasflow_journal (id, version, salt) VALUES (1, 0, ?)"


@asynccontextmanager
async def open_sqlite(path: Path) -> AsyncGenerator[Journal, None]:
    """Open the journal in a file, which is made where there is none.

    Raises:
        JournalError: the file cannot be opened, is no journal, or one of a later version.
    """
    writer = SqliteThread(partial(_create_and_connect, path), "BEGIN IMMEDIATE")
    reader = SqliteThread(partial(connect, path), "BEGIN")
    async with AsyncExitStack() as stack:
        await writer.start()
        stack.push_async_callback(writer.aclose)
        salt, clock = await writer.run(_prepare)
        await reader.start()
        stack.push_async_callback(reader.aclose)
        yield DatabaseJournal(SqliteDatabase(writer, reader, clock), salt)


def _create_and_connect(path: Path) -> sqlite3.Connection:
    make_private(path)
    return connect(path)


def _prepare(connection: sqlite3.Connection) -> tuple[bytes, Clock]:
    """Bring the tables up to date; return the salt and the clock."""
    connection.execute(render(HOME, SQLITE))
    connection.execute(_BIRTH, [secrets.token_bytes(32)])
    version, salt = connection.execute("SELECT version, salt FROM mediasflow_journal").fetchone()
    for statement in migrations_from(version):
        connection.execute(render(statement, SQLITE))
    connection.execute("UPDATE mediasflow_journal SET version = ?", [len(MIGRATIONS)])
    return salt, shared_clock(connection, boot_id())
