"""Launches that are cancelled, too late or cut off by the end of their session: the same verdict.

The server says how far the launch has come, and time flies, or the cancellation comes, then.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import anyio
import httpx
import pytest
from attrs import evolve

from mediasflow_async import ConnectionFailed, RateLimited, RequestTimeout, RetryPolicy, Session
from tests.faults import handshakes
from tests.faults.launches import (
    PATIENCE_SECONDS,
    cancelled,
    ending,
    launch,
    session_at,
    session_through,
)
from tests.faults.leaps import LeapingClock
from tests.faults.misbehaving import Peer, Site, serving
from tests.faults.rows import Row, in_doubt, launch_well, not_sent, refused, wrong_with
from tests.faults.stages import STAGES, Stage, stalling_at
from tests.support.byte_servers import client_context, http, server_context

pytestmark = pytest.mark.anyio

_DEADLINE: Final[dict[str, Any]] = {
    "timeout": None,
    "connect_timeout": None,
    "deadline": PATIENCE_SECONDS,
}
_NO_LIMIT: Final[dict[str, Any]] = {"timeout": None, "connect_timeout": None, "deadline": None}
_SHORT_SECONDS: Final = 0.05


def row_of(stage: Stage) -> Row:
    return in_doubt(stalling_at(stage), seen=stage.seen, processed=stage.processed)


SILENT_HANDSHAKES: Final = {
    name: row for name, row in handshakes.BARE_ROWS.items() if row.error is RequestTimeout
}
SILENT_PROXIES: Final = {
    name: row for name, row in handshakes.PROXY_ROWS.items() if row.error is RequestTimeout
}


@pytest.mark.every_transport
@pytest.mark.parametrize("way", ["plain", "tls"])
@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
async def test_a_deadline_after_the_first_byte_leaves_doubt(stage: Stage, way: str) -> None:
    row = row_of(stage)
    async with serving(row.does, tls=server_context() if way == "tls" else None) as site:
        error = await ending(row, site, session_at(site, way, **_DEADLINE))
        assert await wrong_with(row, site, error) == []


@pytest.mark.every_transport
@pytest.mark.parametrize("way", ["plain", "tls"])
@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
async def test_a_cancellation_after_the_first_byte_leaves_doubt(stage: Stage, way: str) -> None:
    row = row_of(stage)
    async with serving(row.does, tls=server_context() if way == "tls" else None) as site:
        session, scope = session_at(site, way, **_NO_LIMIT), anyio.CancelScope()
        site.stalled = scope.cancel
        assert await wrong_with(row, site, await cancelled(session, scope)) == []


@pytest.mark.every_transport
@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
async def test_the_end_of_the_session_after_the_first_byte_leaves_doubt(stage: Stage) -> None:
    row, silent = row_of(stage), anyio.Event()
    async with serving(row.does) as site:
        session = session_at(site, "plain", **_NO_LIMIT)
        site.stalled = silent.set
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(close_when, silent, session.aclose)
            error = await ending(row, site, session)
        assert await wrong_with(row, site, error) == []


async def close_when(happened: anyio.Event, close: Callable[[], Any]) -> None:
    await happened.wait()
    await close()


@pytest.mark.every_transport
@pytest.mark.parametrize("row", SILENT_HANDSHAKES.values(), ids=SILENT_HANDSHAKES)
async def test_a_deadline_in_the_handshake_proves_that_nothing_left(row: Row) -> None:
    async with serving(row.does, is_bare=True) as site:
        error = await ending(row, site, session_at(site, "tls", **_DEADLINE))
        await site.hang_up()
        assert await wrong_with(row, site, error) == []


@pytest.mark.every_transport
@pytest.mark.parametrize("row", SILENT_HANDSHAKES.values(), ids=SILENT_HANDSHAKES)
async def test_a_cancellation_in_the_handshake_proves_that_nothing_left(row: Row) -> None:
    async with serving(row.does, is_bare=True) as site:
        session, scope = session_at(site, "tls", **_NO_LIMIT), anyio.CancelScope()
        site.stalled = scope.cancel
        error = await cancelled(session, scope)
        await site.hang_up()
        assert await wrong_with(evolve(row, error=ConnectionFailed), site, error) == []


@pytest.mark.parametrize("row", SILENT_PROXIES.values(), ids=SILENT_PROXIES)
async def test_a_deadline_in_the_tunnel_proves_that_nothing_left(row: Row) -> None:
    async with serving(row.does) as site, proxied(site) as transport:
        error = await ending(row, site, session_through(site, transport, **_DEADLINE))
        await transport.aclose()
        await site.hang_up()
        assert await wrong_with(row, site, error) == []


@pytest.mark.parametrize("row", SILENT_PROXIES.values(), ids=SILENT_PROXIES)
async def test_a_cancellation_in_the_tunnel_proves_that_nothing_left(row: Row) -> None:
    async with serving(row.does) as site, proxied(site) as transport:
        session, scope = session_through(site, transport, **_NO_LIMIT), anyio.CancelScope()
        site.stalled = scope.cancel
        error = await cancelled(session, scope)
        await transport.aclose()
        await site.hang_up()
        assert await wrong_with(evolve(row, error=ConnectionFailed), site, error) == []


def proxied(site: Site) -> httpx.AsyncHTTPTransport:
    proxy = f"http://127.0.0.1:{site.port}"
    return httpx.AsyncHTTPTransport(proxy=proxy, verify=client_context())


async def busy_for_some_time(peer: Peer) -> None:
    await peer.launch()
    await peer.send(http(b"{}", b"Retry-After: 10", status=b"429 Too Many Requests"))


BETWEEN_ATTEMPTS: Final = refused(busy_for_some_time, RateLimited)


@pytest.mark.every_transport
async def test_a_deadline_between_two_attempts_knows_what_the_first_ended_with() -> None:
    row, clock = BETWEEN_ATTEMPTS, LeapingClock()
    policy = RetryPolicy(
        base_wait=timedelta(0), on_retry=lambda _: clock.leap(2 * PATIENCE_SECONDS)
    )
    async with serving(row.does) as site:
        # Enough is left of it to wait when the answer comes, and nothing when the wait begins.
        session = session_at(site, "plain", retry=policy, **_DEADLINE)
        error = await ending(row, site, session)
        assert await wrong_with(row, site, error) == []


@pytest.mark.every_transport
async def test_a_cancellation_between_two_attempts_knows_what_the_first_ended_with() -> None:
    row, scope = BETWEEN_ATTEMPTS, anyio.CancelScope()
    policy = RetryPolicy(on_retry=lambda _: scope.cancel())
    async with serving(row.does) as site:
        session = session_at(site, "plain", retry=policy, **_NO_LIMIT)
        assert await wrong_with(row, site, await cancelled(session, scope)) == []


async def no_login(peer: Peer) -> None:
    await peer.other_request()
    await peer.stall()


LOGGING_IN: Final[dict[str, Any]] = {"token": None, "username": "me", "password": "secret"}


@pytest.mark.every_transport
async def test_a_deadline_in_the_login_proves_that_nothing_left() -> None:
    row = not_sent(no_login, in_time=False)
    async with serving(row.does) as site:
        error = await ending(row, site, session_at(site, "plain", **LOGGING_IN, **_DEADLINE))
        assert await wrong_with(row, site, error) == []


@pytest.mark.every_transport
async def test_a_cancellation_in_the_login_proves_that_nothing_left() -> None:
    row, scope = not_sent(no_login), anyio.CancelScope()
    async with serving(row.does) as site:
        session = session_at(site, "plain", **LOGGING_IN, **_NO_LIMIT)
        site.stalled = scope.cancel
        assert await wrong_with(row, site, await cancelled(session, scope)) == []


@pytest.mark.every_transport
async def test_a_deadline_before_the_turn_of_a_launch_proves_that_nothing_left() -> None:
    row = not_sent(launch_well, in_time=False, seen=1, processed=1)
    async with serving(row.does) as site:
        session = await session_out_of_turn(site)
        error = await ending(row, site, session.with_options(deadline=_SHORT_SECONDS))
        await session.aclose()
        assert await wrong_with(row, site, error) == []


@pytest.mark.every_transport
async def test_a_cancellation_before_the_turn_of_a_launch_proves_that_nothing_left() -> None:
    row = not_sent(launch_well, seen=1, processed=1)
    async with serving(row.does) as site:
        session = await session_out_of_turn(site)
        error = await cancelled(session, anyio.move_on_after(_SHORT_SECONDS))
        assert await wrong_with(row, site, error) == []


async def session_out_of_turn(site: Site) -> Session:
    """Return a session that has made all the requests which its rate allows for long."""
    session = session_at(site, "plain", rate=0.001)
    await launch(session)
    site.peers[0].forget()
    return session
