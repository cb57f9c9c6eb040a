"""A task of our own, on asyncio and on trio, that outlives the `yield` of an async generator."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

import anyio

from mediasflow_async._core.loops import asyncio_loop

__all__ = ["Background"]


class Background:
    """A coroutine function that runs in a task of its own until it ends or is closed.

    An async generator may be left at any `yield`, and closed by another task: it must not hold
    a cancel scope or a task group open there. What has to run meanwhile runs here, and whoever
    starts it closes it.

    Args:
        work: what runs.
        at_end: called when it has ended, however it did.
    """

    def __init__(
        self, work: Callable[[], Awaitable[object]], at_end: Callable[[], object] | None = None
    ) -> None:
        self._scope = anyio.CancelScope()
        self._end = anyio.Event()
        self._at_end = at_end
        # Until the work says how it went: a task may be cancelled before it begins.
        self._failure: BaseException | None = RuntimeError("cancelled by someone else")
        _spawn(partial(self._run, work), self._finish)

    @property
    def has_ended(self) -> bool:
        """Whether nothing of it runs any more."""
        return self._end.is_set()

    def raise_failure(self) -> None:
        """Raise what the work ended with, once, if it ended with an exception."""
        failure, self._failure = self._failure, None
        if failure is not None:
            try:
                raise failure
            finally:
                # Without the name, nothing here leads back to the exception.
                del failure

    def cancel(self) -> None:
        """Ask the work to end; `aclose` waits until it has."""
        self._scope.cancel()

    async def aclose(self) -> None:
        """Cancel the work and wait until nothing is left of it."""
        self.cancel()
        with anyio.CancelScope(shield=True):
            await self._end.wait()
        self._failure = None

    async def _run(self, work: Callable[[], Awaitable[object]]) -> None:
        try:
            with self._scope:
                await work()
            self._failure = None
        except anyio.get_cancelled_exc_class():
            raise
        except BaseException as failure:  # noqa: BLE001 - raised where the work is waited for
            self._failure = failure
        finally:
            self._finish()

    def _finish(self) -> None:
        at_end, self._at_end = self._at_end, None
        self._end.set()
        if at_end:
            at_end()


def _spawn(run: Callable[[], Coroutine[Any, Any, None]], finish: Callable[[], None]) -> None:
    loop = asyncio_loop()
    if loop is None:
        import trio

        trio.lowlevel.spawn_system_task(run, context=contextvars.copy_context())
        return
    task = loop.create_task(run())
    # The loop itself holds tasks weakly.
    _running.add(task)
    task.add_done_callback(_running.discard)
    task.add_done_callback(lambda _: finish())


_running: set[asyncio.Task[None]] = set()
