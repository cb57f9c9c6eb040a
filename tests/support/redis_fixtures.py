"""A fixture: a Redis server of the tests' own, on a free port, that keeps nothing on disk."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator

import pytest

from tests.support.local_servers import (
    free_port,
    server_directory,
    skip_or_fail,
    start_unprivileged,
)


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The URL of the server of this test session."""
    program = shutil.which("redis-server")
    if not program:
        skip_or_fail("Redis is not installed: no redis-server on the PATH")
    port = free_port()

    def takes_connections() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    with server_directory("redis") as directory:
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
        server = start_unprivileged(command, directory, takes_connections, stop_by="TERM")
        try:
            yield f"redis://127.0.0.1:{port}"
        finally:
            server.communicate()
