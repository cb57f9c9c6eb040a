"""A journal is the file that was opened, in the process that opened it, or nothing is sent."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from mediasflow_async.delivery import Entry, Journal, JournalError, State
from mediasflow_async.sandbox import Sandbox
from tests.support.raw_journal import asked
from tests.support.senders import launches, left_behind, request_for, sending
from tests.support.sessions import Connect

pytest_plugins = [
    "tests.support.session_fixtures",
    "tests.support.journal_fixtures",
    "tests.support.postgres_fixtures",
]
pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform == "win32", reason="an open file has one name there"),
]


def _delete(file: Path) -> None:
    file.unlink()


def _rename(file: Path) -> None:
    file.rename(file.with_name("kept.db"))


def _rename_back(file: Path) -> None:
    file.with_name("kept.db").rename(file)


def _replace(file: Path) -> None:
    other = file.with_name("other.db")
    other.write_bytes(file.read_bytes())
    other.replace(file)


def _move_folder(file: Path) -> None:
    file.parent.rename(file.parent.with_name("elsewhere"))


def _put_a_file_in_place_of_the_folder(file: Path) -> None:
    _move_folder(file)
    file.parent.write_text("a file")


def _delete_what_was_committed_last(file: Path) -> None:
    file.with_name(f"{file.name}-wal").unlink()


def _delete_the_shared_memory(file: Path) -> None:
    file.with_name(f"{file.name}-shm").unlink()


def _delete_what_looks_temporary(file: Path) -> None:
    _delete_what_was_committed_last(file)
    _delete_the_shared_memory(file)


ACCIDENTS = [
    _delete,
    _rename,
    _replace,
    _move_folder,
    _put_a_file_in_place_of_the_folder,
    _delete_what_was_committed_last,
    _delete_the_shared_memory,
    _delete_what_looks_temporary,
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "journals"
    folder.mkdir()
    return folder / "journal.db"


@pytest.mark.parametrize("accident", ACCIDENTS)
async def test_nothing_is_sent_when_the_file_is_no_more_the_one_that_was_opened(
    sandbox: Sandbox, connect: Connect, file: Path, accident: Callable[[Path], None]
) -> None:
    async with Journal.open(f"sqlite:///{file}") as journal, sending(connect(), journal) as sender:
        assert (await sender.send("order-1", request_for())).is_launched
        accident(file)
        for key in ("order-1", "order-2"):
            with pytest.raises(JournalError, match=r"was deleted.* Put that file back"):
                await sender.send(key, request_for())
    assert launches(sandbox) == [1]


@pytest.mark.parametrize("accident", ACCIDENTS)
async def test_a_launch_that_is_about_to_leave_is_stopped(
    sandbox: Sandbox, connect: Connect, file: Path, accident: Callable[[Path], None]
) -> None:
    async with Journal.open(f"sqlite:///{file}") as journal:
        move = journal.move

        async def moved(entry: Entry, to: State, **details: Any) -> Entry | None:
            result = await move(entry, to, **details)
            if to is State.LAUNCHING:
                accident(file)
            return result

        journal.move = moved  # type: ignore[method-assign]
        async with sending(connect(), journal) as sender:
            with pytest.raises(JournalError, match="deleted, replaced or renamed"):
                await sender.send("order-1", request_for())
    assert launches(sandbox) == []


async def test_what_was_put_back_goes_on(sandbox: Sandbox, connect: Connect, file: Path) -> None:
    async with Journal.open(f"sqlite:///{file}") as journal, sending(connect(), journal) as sender:
        _rename(file)
        with pytest.raises(JournalError):
            await sender.send("order-1", request_for())
        _rename_back(file)
        assert (await sender.send("order-1", request_for())).is_launched
    assert launches(sandbox) == [1]


async def test_a_relative_name_is_one_file_whatever_the_current_folder(
    sandbox: Sandbox, connect: Connect, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    async with (
        Journal.open(f"sqlite:///{file.name}") as journal,
        sending(connect(), journal) as sender,
    ):
        monkeypatch.chdir(file.parent.parent)
        assert (await sender.send("order-1", request_for())).is_launched
    assert launches(sandbox) == [1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing is forked here")
async def test_a_forked_process_is_refused_and_does_not_wait(
    journal_url: str, sandbox: Sandbox, connect: Connect
) -> None:
    async with Journal.open(journal_url) as journal:
        async with connect() as session:
            await left_behind(session, journal, State.PREPARED)
        child = os.fork()
        if child == 0:
            os._exit(_exit_code_of(journal))
        with anyio.fail_after(20):
            _, status = await anyio.to_thread.run_sync(os.waitpid, child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        # The child has taken nothing from its parent.
        assert await journal.get("order-1") is not None
    assert asked(journal_url, "SELECT count(*) FROM mediasflow_entries") == [(1,)]
    assert launches(sandbox) == []


def _exit_code_of(journal: Journal) -> int:
    """Use the journal in a forked child, without an event loop: each use is refused at once."""
    refused = 0
    for use in (journal.get("order-1"), journal.now(), journal.counts()):
        try:
            use.send(None)
        except JournalError as error:
            refused += "opened in another process" in str(error)
        except BaseException:  # noqa: BLE001 - the child says nothing but its exit code
            return 2
    try:
        journal.check_place()
    except JournalError:
        refused += 1
    return 0 if refused == 4 else 1
