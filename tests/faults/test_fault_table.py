"""Whatever a server, a proxy or the way to them does: the error, the verdict, what was seen.

Each row is a launch under a policy that would repeat it up to four times.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import httpx
import pytest

from mediasflow_async import Dialect
from mediasflow_async.transport import AsyncioTransport
from tests.faults import answers, handshakes, kept, stages
from tests.faults.launches import ending, session_at, session_through
from tests.faults.misbehaving import Peer, serving
from tests.faults.rows import Row, in_doubt, launch_well, not_sent, wrong_with
from tests.support.byte_servers import client_context, server_context

pytestmark = pytest.mark.anyio

ROWS: Final[dict[str, Row]] = {
    "a close at once": in_doubt(Peer.close, seen=0, or_not_sent=True),
    "a reset at once": in_doubt(Peer.reset, seen=0, or_not_sent=True),
    "silence with a large body on its way": in_doubt(
        stages.stalling_at(stages.STAGES["the head"]), seen=0, is_big=True
    ),
    **stages.ROWS,
    **answers.ROWS,
}


async def wrong_at(row: Row, way: str) -> list[str]:
    """Return what does not go as a row says, over plain HTTP or TLS."""
    async with serving(row.does, tls=server_context() if way == "tls" else None) as site:
        error = await ending(row, site, session_at(site, way, **row.options))
        return await wrong_with(row, site, error)


@pytest.mark.every_transport
@pytest.mark.parametrize("way", ["plain", "tls"])
@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
async def test_a_launch_that_meets_a_fault(row: Row, way: str) -> None:
    assert await wrong_at(row, way) == []


@pytest.mark.every_transport
@pytest.mark.parametrize("row", stages.ROWS.values(), ids=stages.ROWS)
async def test_a_launch_with_a_checksum_that_meets_a_fault(row: Row) -> None:
    """A checksum reads the body before it leaves, and adds a header to what does."""
    dialect = Dialect(checksum=lambda request: {"X-Length": str(len(request.content))})
    async with serving(row.does) as site:
        error = await ending(row, site, session_at(site, "plain", dialect=dialect))
        assert await wrong_with(row, site, error) == []


@pytest.mark.every_transport
@pytest.mark.parametrize("way", ["plain", "tls"])
@pytest.mark.parametrize("row", kept.BETWEEN.values(), ids=kept.BETWEEN)
async def test_a_launch_after_something_happened_to_a_kept_connection(row: Row, way: str) -> None:
    assert await wrong_at(row, way) == []


@pytest.mark.parametrize("transport", [AsyncioTransport, httpx.AsyncHTTPTransport])
@pytest.mark.parametrize("row", kept.AT_THE_LAUNCH.values(), ids=kept.AT_THE_LAUNCH)
async def test_a_launch_over_a_kept_connection_that_fails(
    row: Row, transport: Callable[[], httpx.AsyncBaseTransport]
) -> None:
    async with serving(row.does) as site:
        async with transport() as own:
            error = await ending(row, site, session_at(site, "plain", transport=own))
        assert await wrong_with(row, site, error) == []
        assert len(site.peers) == 1


@pytest.mark.every_transport
@pytest.mark.parametrize("row", handshakes.BARE_ROWS.values(), ids=handshakes.BARE_ROWS)
async def test_a_launch_that_gets_no_handshake(row: Row) -> None:
    async with serving(row.does, is_bare=True) as site:
        error = await ending(row, site, session_at(site, "tls"))
        assert await wrong_with(row, site, error) == []
        assert len(site.peers) == 4


@pytest.mark.every_transport
@pytest.mark.parametrize("case", handshakes.TLS_CASES.values(), ids=handshakes.TLS_CASES)
async def test_a_launch_whose_handshake_fails(case: handshakes.TlsCase) -> None:
    row = not_sent(launch_well)
    async with serving(row.does, tls=case.server()) as site:
        error = await ending(row, site, session_at(site, "tls", ssl_context=case.client()))
        assert await wrong_with(row, site, error) == []


@pytest.mark.parametrize("row", handshakes.PROXY_ROWS.values(), ids=handshakes.PROXY_ROWS)
async def test_a_launch_through_a_proxy(row: Row) -> None:
    async with serving(row.does) as site:
        proxy = f"http://127.0.0.1:{site.port}"
        async with httpx.AsyncHTTPTransport(proxy=proxy, verify=client_context()) as transport:
            error = await ending(row, site, session_through(site, transport))
        assert await wrong_with(row, site, error) == []


@pytest.mark.parametrize("row", stages.ROWS.values(), ids=stages.ROWS)
async def test_a_launch_that_a_proxy_passes_on(row: Row) -> None:
    """Plain HTTP needs no tunnel: what a proxy gets is the launch itself, and counts."""
    async with serving(row.does) as site:
        proxy = f"http://127.0.0.1:{site.port}"
        async with httpx.AsyncHTTPTransport(proxy=proxy, verify=client_context()) as transport:
            error = await ending(row, site, session_at(site, "plain", transport=transport))
        assert await wrong_with(row, site, error) == []
