"""A PostgreSQL server of the tests' own: a free port, a temporary directory, gone at the end."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from attrs import define

from tests.support.local_servers import run_unprivileged, skip_or_fail, start_unprivileged

PASSWORD: Final = "the-password-of-the-test-database"

_DEBIAN: Final = Path("/usr/lib/postgresql")
# A test needs no safety from power cuts, and TCP is all that it connects with.
_OPTIONS: Final = (
    "--fsync=off",
    "--listen_addresses=127.0.0.1",
    "--unix_socket_directories=",
    "--max_connections=200",
    # A client that is let in at the moment of a stop would hold it up for a minute.
    "--authentication_timeout=10s",
)
_numbers: Final = itertools.count(1)


@define(eq=False)
class PostgresServer:
    """A server with one user, who has a password.

    Args:
        port: where it listens, on the loopback interface.
        directory: where its files are.
        programs: where its programs are.
    """

    port: int
    _directory: Path
    _programs: Path
    _process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "postgres") -> str:
        """Return the URL of a database."""
        return f"postgresql://journal:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def new_schema(self) -> str:
        """Create an empty schema and return the URL of a database that has no other.

        That takes a fraction of the time that a database takes.
        """
        name = f"journal_{next(_numbers)}"
        self.execute(f"CREATE SCHEMA {name}")
        return f"{self.url()}?options=-csearch_path%3D{name}"

    @contextmanager
    def new_database(self) -> Iterator[str]:
        """Give the URL of an empty database, which is dropped in the end."""
        name = f"journal_{next(_numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        yield self.url(name)
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def execute(self, statement: str) -> None:
        """Execute a statement that concerns the server as a whole."""
        import psycopg

        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement.encode())

    def create(self) -> None:
        """Make the files of an empty server."""
        password = self._directory / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        run_unprivileged(
            [
                str(self._programs / "initdb"),
                f"--pgdata={self._data}",
                "--username=journal",
                "--auth=scram-sha-256",
                f"--pwfile={password}",
                "--no-sync",
            ],
            self._directory,
        )

    def start(self) -> None:
        """Start, and return when connections are taken."""
        command = [str(self._programs / "postgres"), "-D", str(self._data), "-p", str(self.port)]
        self._process = start_unprivileged(
            [*command, *_OPTIONS], self._directory, self._takes_connections
        )

    def stop(self) -> None:
        """Stop as a crash would: every connection is cut and nothing is tidied up."""
        if self._process:
            self._process.communicate()
            self._process = None

    @property
    def _data(self) -> Path:
        return self._directory / "data"

    def _takes_connections(self) -> bool:
        command = [str(self._programs / "pg_isready"), "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


def installed_programs() -> Path:
    """Return the folder of the programs of PostgreSQL; without them, skip the test."""
    on_path = shutil.which("pg_ctl")
    found = [Path(on_path).resolve()] if on_path else sorted(_DEBIAN.glob("*/bin/pg_ctl"))
    if not found:
        skip_or_fail(f"PostgreSQL is not installed: no pg_ctl on the PATH or in {_DEBIAN}")
    return found[-1].parent
