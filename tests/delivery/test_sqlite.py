"""A journal in a file: private, durable, and committed together by those who wait together."""

from __future__ import annotations

import sqlite3
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

import anyio
import anyio.lowlevel
import pytest

from mediasflow_async.delivery import Journal, JournalError, State
from mediasflow_async.delivery import sqlite as sqlite_file
from mediasflow_async.delivery.sqlite import SqliteThread, boot_id, connect, shared_clock
from tests.support.journals import claimed, sqlite_url
from tests.support.sessions import until

pytestmark = pytest.mark.anyio

OWNER_ONLY: Final = 0o600


def _modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


async def test_its_owner_alone_can_read_it(tmp_path: Path) -> None:
    async with Journal.open(sqlite_url(tmp_path)) as journal:
        await claimed(journal)
        assert _modes(tmp_path) == dict.fromkeys(
            ["journal.db", "journal.db-wal", "journal.db-shm"], OWNER_ONLY
        )


async def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    (tmp_path / "journal.db").touch(mode=0o644)
    (tmp_path / "journal.db").chmod(0o644)
    async with Journal.open(sqlite_url(tmp_path)) as journal:
        await claimed(journal)
        assert set(_modes(tmp_path).values()) == {OWNER_ONLY}


def test_a_commit_returns_when_it_is_on_the_disk(tmp_path: Path) -> None:
    connection = connect(tmp_path / "journal.db")
    asked = [f"PRAGMA {name}" for name in ("journal_mode", "synchronous", "fullfsync")]
    assert [connection.execute(one).fetchone()[0] for one in asked] == ["wal", 2, 1]
    connection.close()


def test_where_folders_cannot_be_written_out_a_file_is_private_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as on_windows:
        on_windows.setattr("sys.platform", "win32")
        sqlite_file.make_private(tmp_path / "journal.db")
    assert _modes(tmp_path) == {"journal.db": OWNER_ONLY}


def test_a_file_system_without_shared_memory_is_refused() -> None:
    with pytest.raises(JournalError, match="cannot be kept") as refused:
        connect(Path(":memory:"))
    assert "disk of this machine" in str(refused.value.next_step)


class Busy:
    """Work that keeps a thread busy until others have come."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.others_came = threading.Event()

    def __call__(self, _: sqlite3.Connection) -> None:
        self.begun.set()
        self.others_came.wait()


class Commits:
    """Counts the commits of a connection."""

    def __init__(self) -> None:
        self.count = 0

    def connect(self, path: Path) -> Callable[[], sqlite3.Connection]:
        def connected() -> sqlite3.Connection:
            connection = connect(path)
            connection.set_trace_callback(self._note)
            connection.execute("CREATE TABLE IF NOT EXISTS kept (number integer)")
            return connection

        return connected

    def _note(self, statement: str) -> None:
        self.count += statement == "COMMIT"


def _keep(number: int) -> Callable[[sqlite3.Connection], object]:
    return lambda connection: connection.execute("INSERT INTO kept VALUES (?)", [number])


def _kept(path: Path) -> list[int]:
    connection = connect(path)
    rows = connection.execute("SELECT number FROM kept ORDER BY number").fetchall()
    connection.close()
    return [number for (number,) in rows]


async def test_what_waits_together_is_committed_together(tmp_path: Path) -> None:
    commits, path, busy = Commits(), tmp_path / "kept.db", Busy()
    thread = SqliteThread(commits.connect(path), "BEGIN IMMEDIATE")
    await thread.start()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(thread.run, busy)
        await until(busy.begun.is_set)
        for number in range(100):
            tasks.start_soon(thread.run, _keep(number))
        await anyio.lowlevel.checkpoint()
        busy.others_came.set()
    await thread.aclose()
    assert _kept(path) == list(range(100))
    # The first job of all, the busy one, all that waited for it, and the last.
    assert commits.count <= 4


async def test_a_commit_that_fails_is_an_error_for_all_who_waited_for_it(tmp_path: Path) -> None:
    def connected() -> sqlite3.Connection:
        connection = connect(tmp_path / "kept.db")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("CREATE TABLE kept (number integer PRIMARY KEY)")
        connection.execute(
            "CREATE TABLE linked (number integer REFERENCES kept DEFERRABLE INITIALLY DEFERRED)"
        )
        return connection

    thread = SqliteThread(connected, "BEGIN IMMEDIATE")
    await thread.start()
    errors: list[JournalError] = []
    busy = Busy()

    async def refused(work: Callable[[sqlite3.Connection], object]) -> None:
        with pytest.raises(JournalError, match="FOREIGN KEY") as caught:
            await thread.run(work)
        errors.append(caught.value)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(thread.run, busy)
        await until(busy.begun.is_set)
        tasks.start_soon(refused, _keep(1))
        tasks.start_soon(refused, lambda db: db.execute("INSERT INTO linked VALUES (7)"))
        await anyio.lowlevel.checkpoint()
        busy.others_came.set()
    assert len(errors) == 2
    assert await thread.run(_keep(2)) is not None
    await thread.aclose()
    assert _kept(tmp_path / "kept.db") == [2]


def _clock_rows(connection: sqlite3.Connection) -> list[str]:
    return [boot for (boot,) in connection.execute("SELECT boot FROM mediasflow_clock")]


async def test_the_clock_is_the_same_for_all_until_the_next_start(tmp_path: Path) -> None:
    async with Journal.open(sqlite_url(tmp_path)) as journal:
        await claimed(journal)
    connection = connect(tmp_path / "journal.db")
    first, again = (shared_clock(connection, "this start") for _ in range(2))
    assert first == again
    shared_clock(connection, "the next start")
    assert _clock_rows(connection) == ["the next start"]
    shared_clock(connection, None)
    assert _clock_rows(connection) == ["the next start"]
    connection.close()


async def test_after_a_restart_the_clock_does_not_go_back(tmp_path: Path) -> None:
    async with Journal.open(sqlite_url(tmp_path)) as journal:
        await claimed(journal)
    connection = connect(tmp_path / "journal.db")
    connection.execute("UPDATE mediasflow_entries SET updated_at = updated_at + 3600000000")
    (last,) = connection.execute("SELECT updated_at FROM mediasflow_entries").fetchone()
    assert shared_clock(connection, "the next start").now_us() >= last
    connection.close()


def test_a_system_says_which_start_it_is_or_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, none = tmp_path / "boot_id", tmp_path / "none"
    there.write_text("0cba-17\n")
    for path, expected in ((there, "0cba-17"), (none, None)):
        monkeypatch.setattr("mediasflow_async.delivery.sqlite._BOOT_ID", path)
        assert boot_id() == expected


async def test_a_journal_needs_no_file_beside_it_when_it_is_closed(tmp_path: Path) -> None:
    async with Journal.open(sqlite_url(tmp_path)) as journal:
        await claimed(journal)
    async with Journal.open(sqlite_url(tmp_path)) as journal:
        assert (await journal.counts())[State.NEW] == 1
    assert list(_modes(tmp_path)) == ["journal.db"]
