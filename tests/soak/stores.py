"""Where the journals of a soak are kept."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from attrs import define, field

from tests.support.local_postgres import PostgresServer, installed_programs
from tests.support.local_servers import free_port, server_directory

__all__ = ["Stores"]


@define(eq=False)
class Stores:
    """Opens stores; a PostgreSQL server is started when one is asked for."""

    _stack: ExitStack = field(factory=ExitStack)
    _postgres: PostgresServer | None = None

    @classmethod
    @contextmanager
    def opened(cls) -> Iterator[Stores]:
        """Give stores, all of them empty, and remove them in the end."""
        with ExitStack() as stack:
            yield cls(stack)

    def sqlite(self) -> str:
        """Return the address of a journal in a file."""
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="mediasflow-soak-"))
        return f"sqlite:///{Path(folder) / 'journal.db'}"

    def postgres(self) -> str:
        """Return the address of a database of PostgreSQL."""
        if self._postgres is None:
            self._postgres = self._started()
        return self._stack.enter_context(self._postgres.new_database())

    def _started(self) -> PostgresServer:
        directory = self._stack.enter_context(server_directory("soak"))
        server = PostgresServer(free_port(), directory, installed_programs())
        server.create()
        server.start()
        self._stack.callback(server.stop)
        return server
