"""Files: opened, measured and closed in threads, where nobody waits for a disk."""

from __future__ import annotations

import os
from collections.abc import Callable
from threading import Lock, Thread
from typing import IO, Any

from anyio import CancelScope, to_thread

from mediasflow_async.errors import InvalidRequest, Problem

__all__ = ["OwnFile", "measured", "reason_of", "refused"]


class OwnFile:
    """A file that the upload opens, and closes whenever it was opened.

    asyncio's own cancellation waits for no thread, and may come before a thread has begun: the
    file may be opened when nobody waits for it any more, and nobody wait until it is closed.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._file: IO[bytes] | None = None
        self._is_closed = False

    def open(self, opening: Callable[[], IO[bytes]]) -> IO[bytes]:
        """Return the file, opened at the first call. Blocks.

        Raises:
            ValueError: after `aclose`.
        """
        with self._lock:
            if self._is_closed:
                raise ValueError("the upload is over")
            if self._file is None:
                self._file = opening()
            return self._file

    async def aclose(self) -> None:
        """Close it; that takes a while when a large file without a name goes away."""
        try:
            with CancelScope(shield=True):
                await to_thread.run_sync(self._close)
        finally:
            if not self._is_closed:
                Thread(target=self._close).start()

    def _close(self) -> None:
        with self._lock:
            self._is_closed = True
            if self._file:
                self._file.close()


def measured(file: Any) -> tuple[int, int] | None:
    """Return where a file stands and how many bytes follow; None if it cannot seek. Blocks.

    Raises:
        InvalidRequest: the file cannot be read, or gives text.
    """
    try:
        beginning = file.read(0)
        place = _place(file)
    except (OSError, ValueError) as error:
        rule = f"cannot be read: {reason_of(error)}"
    else:
        if isinstance(beginning, bytes):
            return place
        rule = "an open file is opened in binary mode"
    raise refused(rule)


def _place(file: Any) -> tuple[int, int] | None:
    if not (hasattr(file, "seekable") and file.seekable()):
        return None
    start = file.tell()
    end = file.seek(0, os.SEEK_END)
    file.seek(start)
    return start, max(0, end - start)


def reason_of(error: Exception) -> str:
    """Return why a file cannot be read, without its name."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def refused(rule: str) -> InvalidRequest:
    """Return the error for a source that breaks a rule."""
    return InvalidRequest(problems=[Problem("source", rule)])
