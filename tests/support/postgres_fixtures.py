"""Fixtures: a PostgreSQL server of the tests' own, and databases on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.local_postgres import PostgresServer, installed_programs
from tests.support.local_servers import free_port, server_directory


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The server of this test session."""
    programs = installed_programs()
    with server_directory("postgres") as directory:
        server = PostgresServer(free_port(), directory, programs)
        server.create()
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> str:
    """The URL of what looks like an empty database."""
    return postgres.new_schema()
