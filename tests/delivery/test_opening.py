"""The address of a journal, and what of it may be shown."""

from __future__ import annotations

import sys
from pathlib import Path

import anyio
import pytest

from mediasflow_async import ConfigurationError
from mediasflow_async.delivery import Journal, JournalError

pytestmark = pytest.mark.anyio

PASSWORD = "the-password"
ON_POSTGRES = "mediasflow_async.delivery.postgres"


@pytest.mark.parametrize(
    "url", ["", "journal.db", "mysql://user:the-password@host/db", "sqlite://journal.db"]
)
def test_an_address_of_another_kind_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ConfigurationError, match="relative") as refused:
        Journal.open(url)
    assert PASSWORD not in str(refused.value)


@pytest.mark.parametrize("url", ["sqlite:///", "sqlite:///:memory:"])
def test_a_journal_that_would_be_forgotten_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="outlives the process"):
        Journal.open(url)


def test_a_relative_address_is_below_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    anyio.run(_open, "sqlite:///journal.db")
    assert (tmp_path / "journal.db").exists()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:the-password@x@host/db",
        "postgresql://user/the-password@host/db",
        "postgresql://user:the-password@host/db?nonsense=1",
        "postgresql://user:the-password%zz@host/db",
    ],
)
async def test_an_address_of_postgres_that_cannot_be_read_is_not_shown(url: str) -> None:
    with pytest.raises(ConfigurationError, match="percent-encoded") as refused:
        async with Journal.open(url):
            pass
    assert PASSWORD not in str(refused.value)
    assert refused.value.__cause__ is None


async def _open(url: str) -> None:
    async with Journal.open(url):
        pass


def test_a_journal_on_postgres_says_that_it_runs_on_asyncio() -> None:
    with pytest.raises(ConfigurationError, match="not on trio"):
        anyio.run(_open, "postgresql://user:the-password@host/db", backend="trio")


def test_a_journal_on_sqlite_runs_on_trio(tmp_path: Path) -> None:
    anyio.run(_open, f"sqlite:///{tmp_path / 'journal.db'}", backend="trio")
    assert (tmp_path / "journal.db").exists()


@pytest.mark.parametrize("package", ["psycopg", "psycopg_pool"])
def test_a_journal_on_postgres_says_how_to_get_its_driver(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith(ON_POSTGRES)]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigurationError) as refused:
        Journal.open("postgresql://user:the-password@host/db")
    assert "pip install 'mediasflow-async[postgres]'" in refused.value.message
    assert PASSWORD not in str(refused.value)
    assert isinstance(refused.value.__cause__, ModuleNotFoundError)


def test_an_import_that_fails_otherwise_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, ON_POSTGRES, None)
    with pytest.raises(ModuleNotFoundError, match="postgres"):
        Journal.open("postgresql://host/db")


async def test_a_file_that_is_no_journal_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_bytes(b"Dear Sir or Madam, " * 200)
    with pytest.raises(JournalError, match="not a database"):
        await _open(f"sqlite:///{path}")
    assert path.read_bytes() == b"Dear Sir or Madam, " * 200


async def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="No such file"):
        await _open(f"sqlite:///{tmp_path / 'none' / 'journal.db'}")
