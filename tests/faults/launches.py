"""A launch at a server that misbehaves."""

from __future__ import annotations

from typing import Any, Final

import anyio
import httpx

from mediasflow_async import MediasflowError, OperationKind, Session
from mediasflow_async._core.proof import Guard
from tests.faults.handshakes import HOST
from tests.faults.leaps import LeapingClock
from tests.faults.misbehaving import Site
from tests.faults.rows import Row
from tests.support.byte_servers import client_context
from tests.support.sessions import session_with

__all__ = [
    "CAMPAIGN",
    "PATIENCE_SECONDS",
    "cancelled",
    "ending",
    "launch",
    "session_at",
    "session_through",
]

CAMPAIGN: Final = 7
PATIENCE_SECONDS: Final = 50
"""Longer than any starved machine takes, and less than the 60 of asyncio's own for a handshake."""

_LEAP_SECONDS: Final = 1
_BIG_BYTES: Final = 16 * 2**20


def session_at(site: Site, way: str, **options: Any) -> Session:
    """Return a session with a server, for which time flies while that one is silent."""
    clock = LeapingClock()
    site.stalled = lambda: clock.leap(_LEAP_SECONDS)
    scheme = "http" if way == "plain" else "https"
    given: dict[str, Any] = {
        "ssl_context": client_context(),
        "timeout": PATIENCE_SECONDS,
        "connect_timeout": PATIENCE_SECONDS,
        "deadline": None,
    }
    return session_with(f"{scheme}://127.0.0.1:{site.port}/", **given | options)


def session_through(site: Site, transport: httpx.AsyncBaseTransport, **options: Any) -> Session:
    """Return the same, with a server that is asked for something far away, as a proxy is."""
    given: dict[str, Any] = {"base_url": f"https://{HOST}/", "ssl_context": None}
    return session_at(site, "tls", transport=transport, **given | options)


async def ending(row: Row, site: Site, session: Session) -> MediasflowError | None:
    """Launch, and return the error that it ends with."""
    async with session:
        try:
            if row.is_warm:
                await session.request("GET", "blacklist")
                await site.is_ready.wait()
            await launch(session, is_big=row.is_big)
        except MediasflowError as error:
            return error
    return None


async def launch(session: Session, *, is_big: bool = False, guard: Guard | None = None) -> None:
    """Launch, or send as a launch what is too large to be taken at once."""
    if is_big:
        pad = {"pad": "x" * _BIG_BYTES}
        kind = OperationKind.LAUNCH
        await session.request("POST", "campaigns/inject", json=pad, kind=kind, guard=guard)
    else:
        await session.campaigns.launch(CAMPAIGN, guard=guard)


async def cancelled(session: Session, scope: anyio.CancelScope) -> MediasflowError:
    """Launch until the scope is cancelled, and return what is known of the launch then."""
    outcomes = session.campaigns.launch_many([CAMPAIGN], limit=1)
    async with session, outcomes:
        with scope:
            await anext(outcomes)
    (left,) = outcomes.unfinished
    assert left.error is not None
    return left.error
