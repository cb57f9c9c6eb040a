"""Which event loop is running."""

from __future__ import annotations

import asyncio
import sys

__all__ = ["asyncio_loop"]


def asyncio_loop() -> asyncio.AbstractEventLoop | None:
    """Return the running loop of asyncio, or None where trio runs, also as a guest of asyncio."""
    trio = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_task():
        return None
    return asyncio.get_running_loop()
