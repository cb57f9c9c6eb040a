"""A sender that a signal stops without losing anything."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import anyio

from mediasflow_async.background import Background
from mediasflow_async.cli.stop_signals import stop_signals
from mediasflow_async.delivery import Sender

__all__ = ["Stop", "stoppable"]

_FIRST: Final = (
    "Stopping: what is under way comes to its end, nothing new begins. Once more stops at once."
)


class Stop:
    """The word to stop.

    Attributes:
        is_signalled: whether a signal gave it.
    """

    def __init__(self) -> None:
        self.is_signalled = False
        self._asked = anyio.Event()

    def ask(self) -> None:
        """Let the sender stop when what is under way has ended."""
        self._asked.set()

    def signal(self) -> None:
        """Let it stop since a signal came."""
        self.is_signalled = True
        self._asked.set()

    async def wait(self) -> None:
        """Wait for the word."""
        await self._asked.wait()


@asynccontextmanager
async def stoppable(sender: Sender, say: Callable[[str], object]) -> AsyncGenerator[Stop, None]:
    """Shut a sender down at Ctrl-C or SIGTERM, at once at the second, while a block runs.

    The block ends by itself when the sender is shut down; at the second signal it is cancelled,
    and what was under way is given back to the journal.

    Args:
        sender: the sender.
        say: shows a sentence.
    """
    stop = Stop()
    with anyio.CancelScope() as scope:
        shutting = Background(partial(_shut_down, stop, sender, say))
        try:
            with stop_signals(stop.signal, scope.cancel):
                yield stop
        finally:
            await shutting.aclose()


async def _shut_down(stop: Stop, sender: Sender, say: Callable[[str], object]) -> None:
    await stop.wait()
    if stop.is_signalled:
        say(_FIRST)
    await sender.shutdown()
