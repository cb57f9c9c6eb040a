"""Waiting for something to happen, at the cost of a future where the event loop has them."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Protocol

import anyio

from mediasflow_async.event_loops import asyncio_loop

__all__ = ["Bell", "Signal", "give", "new_signal"]


class Signal(Protocol):
    """What one task awaits until another gives it; a future of asyncio, or what stands for it."""

    def __await__(self) -> Generator[Any, Any, None]:
        """Wait until it is given."""
        ...

    def done(self) -> bool:
        """Whether it was given, or nobody waits any more."""
        ...

    def set_result(self, result: None, /) -> None:
        """Give it."""
        ...


def new_signal() -> Signal:
    """Return a signal of the running event loop, for the current task to wait for."""
    loop = asyncio_loop()
    # A future costs a quarter of an anyio.Event.
    return _EventSignal() if loop is None else loop.create_future()


def give(signal: Signal) -> None:
    """Give a signal to whoever still waits for it."""
    if not signal.done():
        signal.set_result(None)


class _EventSignal:
    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = anyio.Event()

    def __await__(self) -> Generator[Any, Any, None]:
        return self._event.wait().__await__()

    def done(self) -> bool:
        return self._event.is_set()

    def set_result(self, _: None, /) -> None:
        self._event.set()


class Bell:
    """Wakes the one that waits; ringing it costs next to nothing while nobody does."""

    __slots__ = ("_signal",)

    def __init__(self) -> None:
        self._signal: Signal | None = None

    def ring(self) -> None:
        """Wake the one that waits."""
        if self._signal is not None:
            give(self._signal)
            self._signal = None

    async def wait(self) -> None:
        """Wait for the next ring."""
        self._signal = new_signal()
        await self._signal
