"""How many requests may have a connection at once."""

from __future__ import annotations

import anyio
import httpx

__all__ = ["Places"]


class Places:
    """Gives its places in the order in which they were asked for.

    Args:
        count: how many there are.
    """

    def __init__(self, count: int) -> None:
        self._left = anyio.Semaphore(count, fast_acquire=True)

    @property
    def left(self) -> int:
        """How many are left."""
        return self._left.value

    async def take(self, timeout: float | None) -> None:
        """Take a place.

        Raises:
            httpx.PoolTimeout: when none becomes free in so many seconds; None for no limit.
        """
        try:
            # Who need not wait has time, even if it is none.
            self._left.acquire_nowait()
        except anyio.WouldBlock:
            await self._wait(timeout)

    def free(self) -> None:
        """Give a place back."""
        self._left.release()

    async def _wait(self, timeout: float | None) -> None:
        try:
            with anyio.fail_after(timeout):
                await self._left.acquire()
        except TimeoutError:
            raise httpx.PoolTimeout("no connection became free in time") from None
