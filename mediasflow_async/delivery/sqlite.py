"""The store of a journal in a file: SQLite on two threads, with a clock that all processes share.

The file is private to its owner, and a commit returns when it is on the disk. One connection
writes and one reads, each on a thread of its own. What waits for the writer is committed together
(group commit). Leases are counted by the time since the machine was started, since the wall clock
may be set back.
"""

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
from copy import copy
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import anyio
from anyio import from_thread
from anyio.lowlevel import current_token
from attrs import define, field, frozen

from mediasflow_async.delivery import sql
from mediasflow_async.delivery.errors import CampaignTaken, JournalError
from mediasflow_async.delivery.slots import boot_seconds

__all__ = [
    "Clock",
    "Place",
    "SqliteThread",
    "boot_id",
    "connect",
    "make_private",
    "open_store",
    "shared_clock",
]

_INSERT_JOURNAL: Final = (
    "INSERT OR IGNORE INTO mediasflow_journal (id, version, salt) VALUES (1, 0, ?)"
)


@asynccontextmanager
async def open_store(path: Path) -> AsyncGenerator[tuple[sql.Database, bytes], None]:
    """Open the journal's tables in a file, which is made where there is none.

    Yields:
        What runs the statements, and the salt of the digests.

    Raises:
        JournalError: the file cannot be opened, is no journal, or one of a later version.
    """
    place = Place(path)
    writer = SqliteThread(partial(_create_and_connect, place), "BEGIN IMMEDIATE", place.check)
    reader = SqliteThread(partial(connect, path), "BEGIN")
    async with AsyncExitStack() as stack:
        await writer.start()
        stack.push_async_callback(writer.aclose)
        salt, clock = await writer.run(_prepare)
        await reader.start()
        stack.push_async_callback(reader.aclose)
        yield _SqliteDatabase(writer, reader, clock, place), salt


def _create_and_connect(place: Place) -> sqlite3.Connection:
    make_private(place.path)
    connection = connect(place.path)
    # The first statement that reads makes the files beside it, which stay while it is open.
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    place.remember()
    return connection


@define(eq=False)
class Place:
    """The files that were opened, by their devices and inodes, and the names of them.

    A file that was deleted or renamed goes on to be written to by whoever has it open, and the
    next run finds another one under its name, or none: it would send everything again. Of the
    files beside the database, ``-wal`` holds what was committed last, and ``-shm`` finds it.

    Attributes:
        path: the name of the database.
    """

    path: Path
    _files: tuple[tuple[int, int], ...] = ()

    def remember(self) -> None:
        """Take what has the names now for the files that were opened."""
        self._files = self._found()

    def check(self) -> None:
        """Check that the names are still those of the files that were opened.

        Raises:
            JournalError: one of the files was deleted, replaced or renamed.
        """
        try:
            if self._found() == self._files:
                return
        except OSError:
            # A file that cannot be found is told of below.
            pass
        raise JournalError(
            f"The journal {self.path.name}, with its -wal and -shm, is no more the files that "
            "were opened: one was deleted, replaced or renamed; nothing is sent",
            next_step="Put that file back, then start again: another journal knows nothing of "
            "what was sent, and would send it again.",
        )

    def _found(self) -> tuple[tuple[int, int], ...]:
        found = (path.stat() for path in (self.path, *_beside(self.path)))
        return tuple((file.st_dev, file.st_ino) for file in found)


def _beside(path: Path) -> tuple[Path, Path]:
    """Return the files that SQLite keeps beside a database while it is open."""
    return path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")


def _prepare(connection: sqlite3.Connection) -> tuple[bytes, Clock]:
    """Bring the tables up to date; return the salt and the clock."""
    connection.execute(sql.render(sql.JOURNAL_TABLE, _SQLITE))
    connection.execute(_INSERT_JOURNAL, [secrets.token_bytes(32)])
    version, salt = connection.execute("SELECT version, salt FROM mediasflow_journal").fetchone()
    for statement in sql.migrations_from(version):
        connection.execute(sql.render(statement, _SQLITE))
    connection.execute("UPDATE mediasflow_journal SET version = ?", [len(sql.MIGRATIONS)])
    return salt, shared_clock(connection, boot_id())


# Durations are whole microseconds, and times are microseconds since 1970.
_SQLITE: Final = sql.SqlDialect(
    timestamp="bigint",
    interval="bigint",
    binary="blob",
    byte_order="",
    epoch="0",
    now=":now",
    greatest="max",
    skip_locked="",
    parameter=r":\1",
)
_MICROSECOND: Final = timedelta(microseconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@frozen
class _SqliteDatabase:
    """Writes with one connection and reads with another, so that neither waits for the other.

    Attributes:
        writer: the connection whose transactions write.
        reader: the one whose transactions read.
        clock: the clock of all who share the file.
        place: the file.
    """

    writer: SqliteThread
    reader: SqliteThread
    clock: Clock
    place: Place

    async def change(self, change: sql.Change, values: sql.Values) -> Sequence[sql.Row]:
        def work(connection: sqlite3.Connection) -> Sequence[sql.Row]:
            bound = self._bound(values)
            _execute(connection, sql.render(change.statement, _SQLITE), bound)
            return connection.execute(sql.render(change.readback, _SQLITE), bound).fetchall()

        return await self.writer.run(work)

    async def execute(self, statement: str, values: sql.Values) -> int:
        def work(connection: sqlite3.Connection) -> int:
            return connection.execute(sql.render(statement, _SQLITE), self._bound(values)).rowcount

        return await self.writer.run(work)

    async def query(self, statement: str, values: sql.Values) -> Sequence[sql.Row]:
        def work(connection: sqlite3.Connection) -> Sequence[sql.Row]:
            rows = connection.execute(sql.render(statement, _SQLITE), self._bound(values))
            return rows.fetchall()

        return await self.reader.run(work)

    async def integrity_problems(self) -> Sequence[str]:
        rows = await self.query("PRAGMA integrity_check", {})
        return [sentence for (sentence,) in rows if sentence != "ok"]

    def check_place(self) -> None:
        self.place.check()

    def datetime_of(self, value: int) -> datetime:
        return _EPOCH + value * _MICROSECOND

    def timedelta_of(self, value: int) -> timedelta:
        return value * _MICROSECOND

    def _bound(self, values: sql.Values) -> dict[str, Any]:
        """Return the values as SQLite takes them, and the present time of the transaction."""
        bound = {name: _plain(value) for name, value in values.items()}
        return bound | {"now": self.clock.now_us()}


def _plain(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value // _MICROSECOND
    if isinstance(value, datetime):
        return (value - _EPOCH) // _MICROSECOND
    return value


def _execute(connection: sqlite3.Connection, statement: str, bound: dict[str, Any]) -> None:
    try:
        connection.execute(statement, bound)
    except sqlite3.IntegrityError as error:
        if error.sqlite_errorname != "SQLITE_CONSTRAINT_UNIQUE":
            raise
    else:
        return
    raise CampaignTaken("The campaign belongs to another key", campaign_id=bound["campaign_id"])


_Result = TypeVar("_Result")
_MOST_PER_COMMIT: Final = 500


class SqliteThread:
    """Runs functions on one connection, in the order in which they are given.

    Whatever has piled up during one transaction goes into the next one together, so that a disk
    which needs milliseconds for a commit still serves hundreds of callers. A caller goes on only
    when its work is committed.

    Args:
        connect: opens the connection; called in the thread, the only one that uses it.
        begin: the statement that begins a transaction.
        check: called before each commit; when it raises, nothing is committed.
    """

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        begin: str,
        check: Callable[[], object] = lambda: None,
    ) -> None:
        self._connect = connect
        self._begin = begin
        self._check = check
        self._started_in = os.getpid()
        self._jobs: queue.SimpleQueue[_Job[Any]] = queue.SimpleQueue()
        self._is_open = True

    async def start(self) -> None:
        """Open the connection; when that fails, its error is raised and the thread ends."""
        self._loop = current_token()
        self._ended = anyio.Event()
        opening: _Job[None] = _Job(lambda _: None)
        # A daemon thread does not keep a program alive that forgot to close the journal.
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
        if os.getpid() != self._started_in:
            # The thread did not come along into a forked child, which waits for nothing.
            return
        self._jobs.put(_Job(lambda _: None))
        with anyio.CancelScope(shield=True):
            await self._ended.wait()

    def _serve(self, opening: _Job[None]) -> None:
        # An event loop that has ended without closing the journal can be told nothing.
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
            jobs = self._next_jobs()
            _commit_together(jobs, connection, self._begin, self._check)
            self._wake(jobs)

    def _next_jobs(self) -> list[_Job[Any]]:
        jobs = [self._jobs.get()]
        while len(jobs) < _MOST_PER_COMMIT and not self._jobs.empty():
            jobs.append(self._jobs.get())
        return jobs

    def _wake(self, jobs: list[_Job[Any]]) -> None:
        def wake() -> None:
            for job in jobs:
                job.done.set()

        from_thread.run_sync(wake, token=self._loop)


def _commit_together(
    jobs: list[_Job[Any]],
    connection: sqlite3.Connection,
    begin: str,
    check: Callable[[], object],
) -> None:
    try:
        connection.execute(begin)
        for job in jobs:
            job.attempt(connection)
        check()
        connection.execute("COMMIT")
    except (sqlite3.Error, JournalError) as failure:
        connection.rollback()
        for job in jobs:
            job.fail(copy(failure))


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
        """Keep why the work is not done, to be raised where the caller waits."""
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
            # The traceback refers to this frame: without the name, no reference cycle is left.
            del failure


_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_CLOCK_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS mediasflow_clock ("
    "id integer PRIMARY KEY CHECK (id = 1), boot text NOT NULL, offset_us bigint NOT NULL)"
)
_GET_OFFSET: Final = "SELECT offset_us FROM mediasflow_clock WHERE boot = ?"
_SET_OFFSET: Final = (
    "INSERT OR REPLACE INTO mediasflow_clock (id, boot, offset_us) VALUES (1, ?, ?)"
)
_LATEST: Final = "SELECT coalesce(max(updated_at), 0) FROM mediasflow_entries"


@frozen
class Clock:
    """Counts on from a time of the wall clock, in microseconds since 1970.

    Attributes:
        offset_us: that time, less how long the machine had been up by then.
    """

    offset_us: int

    def now_us(self) -> int:
        """Return the present time."""
        return self.offset_us + _uptime_us()


def shared_clock(connection: sqlite3.Connection, boot: str | None) -> Clock:
    """Return the clock that all who share the journal go by, until the machine is restarted.

    A wait is as long as it says, and a lease ends for everybody at once, whatever is done to
    the wall clock. After a restart the clock is set by the wall clock again, and never to a
    time before what the journal holds. Where the system does not name its boots, each process
    sets a clock for itself.

    Args:
        connection: the journal's, in a transaction that writes.
        boot: the system's name of its last boot.
    """
    connection.execute(_CLOCK_TABLE)
    known = connection.execute(_GET_OFFSET, [boot]).fetchone()
    if known:
        return Clock(known[0])
    latest_us = connection.execute(_LATEST).fetchone()[0]
    clock = Clock(max(time.time_ns() // 1000, latest_us) - _uptime_us())
    if boot:
        connection.execute(_SET_OFFSET, [boot, clock.offset_us])
    return clock


def boot_id() -> str | None:
    """Return the system's name of its last boot, or None where it has none."""
    return _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else None


def _uptime_us() -> int:
    return round(boot_seconds() * 1e6)


_OWNER_ONLY: Final = 0o600
_GROUP_AND_OTHERS: Final = 0o077
_LONGEST_WAIT_SECONDS: Final = 30


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
    # On macOS, a plain fsync leaves the data in the disk's own cache.
    connection.execute("PRAGMA fullfsync = ON")
    return connection


def make_private(path: Path) -> None:
    """Make sure that the file is there and that its owner alone can read it.

    SQLite gives the files beside it the same mode. A file that is there is not opened: to close
    it again would give up the locks that other connections of this process hold on it.
    """
    try:
        file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, _OWNER_ONLY)
    except FileExistsError:
        for each in (path, *_beside(path)):
            _restrict(each)
    else:
        os.close(file)
        _sync_folder(path.parent)


def _restrict(path: Path) -> None:
    if path.exists() and path.stat().st_mode & _GROUP_AND_OTHERS:
        path.chmod(_OWNER_ONLY)


def _sync_folder(folder: Path) -> None:
    """Write the name of a new file to the disk, as SQLite does for the files that it makes."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
