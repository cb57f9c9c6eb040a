"""The server of OpenSSL's own command, which does on demand what no server of Python's does."""

from __future__ import annotations

import asyncio
import shutil
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
from attrs import define

from tests.support.byte_servers import certificate_files
from tests.support.local_servers import free_port, skip_or_fail

__all__ = ["Typist", "typing_server"]


@define(eq=False)
class Typist:
    """A server whose answers, and whose commands to OpenSSL, a test types.

    Attributes:
        url: its address.
    """

    url: str
    _process: Process
    _shown: bytes = b""

    def types(self, data: bytes) -> None:
        """Type an answer, or the letter of a command at the beginning of a line of its own."""
        assert self._process.stdin
        self._process.stdin.write(data)

    async def shows(self, text: bytes) -> None:
        """Wait until it has shown a text, such as a part of a request."""
        assert self._process.stdout
        with anyio.fail_after(20):
            while text not in self._shown:
                data = await self._process.stdout.read(2**16)
                assert data, self._shown
                self._shown += data


@asynccontextmanager
async def typing_server(folder: Path, *options: str) -> AsyncIterator[Typist]:
    """Run a server for one connection at a time.

    Args:
        folder: where it runs, and its certificate is written.
        options: such as a version of TLS, `-tls1_2` or `-tls1_3`; with `-WWW` it is a server of
            HTTP/1.0 that answers with the files of the folder, of any length.
    """
    program = shutil.which("openssl")
    if program is None:
        skip_or_fail("the command openssl is not installed")
    certificate, key = certificate_files(folder)
    address = f"127.0.0.1:{free_port()}"
    files = "-cert", str(certificate), "-key", str(key)
    process = await asyncio.create_subprocess_exec(
        program,
        "s_server",
        "-accept",
        address,
        *files,
        *options,
        stdin=PIPE,
        stdout=PIPE,
        cwd=folder,
    )
    server = Typist(f"https://{address}/", process)
    try:
        await server.shows(b"ACCEPT")
        yield server
    finally:
        process.kill()
        await process.wait()
