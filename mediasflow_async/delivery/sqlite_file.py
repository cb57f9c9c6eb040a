"""The file of a SQLite journal: for its owner alone, and safe from power cuts."""

from __future__ import annotations

import os
import sqlite3
import sys
from pathlib import Path
from typing import Final

from mediasflow_async.delivery.errors import JournalError

__all__ = ["connect", "make_private"]

_OWNER_ONLY: Final = 0o600
_ANYBODY_ELSE: Final = 0o077
_LONGEST_WAIT_SECONDS: Final = 30


def make_private(path: Path) -> None:
    """Make sure that the file is there and that its owner alone can read it.

    SQLite gives the files beside it the same mode. A file that is there is not opened: to close
    it again would give up the locks that other connections of this process hold on it.
    """
    try:
        file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, _OWNER_ONLY)
    except FileExistsError:
        for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
            _close_to_others(path.with_name(name))
    else:
        os.close(file)
        _keep_name(path)


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
    # For macOS, where fsync leaves the data in the disk's own cache.
    connection.execute("PRAGMA fullfsync = ON")
    return connection


def _close_to_others(path: Path) -> None:
    if path.exists() and path.stat().st_mode & _ANYBODY_ELSE:
        path.chmod(_OWNER_ONLY)


def _keep_name(path: Path) -> None:
    """Write the name of a new file to the disk, as SQLite itself does for those that it makes."""
    if sys.platform == "win32":
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
