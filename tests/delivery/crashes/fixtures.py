"""Fixtures: the program that starts lives, and journals of each store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from mediasflow_async.sandbox import Fault
from tests.delivery.crashes.children import Children, fork_server
from tests.delivery.crashes.scenes import NewJournal, Open, Scene, scene
from tests.support.journals import sqlite_url
from tests.support.local_postgres import PostgresServer

TROUBLES: dict[str, list[Fault]] = {
    "no trouble": [],
    "the answer is lost": [Fault(operation="launch", when="after", drop=True)],
    "the launch is lost": [Fault(operation="launch", when="before", drop=True)],
}


@pytest.fixture(scope="module")
def children() -> Iterator[Children]:
    """Starts lives."""
    with fork_server() as started:
        yield started


@pytest.fixture(params=["sqlite", "postgres"])
def new_journal(request: pytest.FixtureRequest) -> NewJournal:
    """Gives addresses of new journals of one store."""
    if request.param == "sqlite":
        return sqlite_url
    server: PostgresServer = request.getfixturevalue("postgres")
    return lambda _: server.new_schema()


@pytest.fixture(params=TROUBLES)
def trouble(request: pytest.FixtureRequest) -> str:
    """What goes wrong at the server, once."""
    name: str = request.param
    return name


@pytest.fixture
def open_scene(children: Children, tmp_path: Path, new_journal: NewJournal, trouble: str) -> Open:
    """Sets a new scene, under a name."""

    def opened(name: str) -> AbstractContextManager[Scene]:
        folder = tmp_path / name
        folder.mkdir()
        return scene(children, folder, new_journal, *TROUBLES[trouble])

    return opened
