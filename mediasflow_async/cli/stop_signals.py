"""Ctrl-C and SIGTERM, for commands that have something to bring to an end first."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Final

__all__ = ["stop_signals"]

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_signals(*actions: Callable[[], object]) -> Generator[None]:
    """Call the first action at the first signal, the next at the next, while a block runs.

    After the last action the signals do again what they did before. For the main thread, in an
    event loop of asyncio, where the actions are called.
    """
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    left = list(actions)

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def stop(*_: Any) -> None:
        loop.call_soon_threadsafe(left.pop(0))
        if not left:
            restore()

    for number in _SIGNALS:
        signal.signal(number, stop)
    try:
        yield
    finally:
        restore()
