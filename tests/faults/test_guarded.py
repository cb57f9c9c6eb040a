"""A veto at the moment before the first byte: nothing leaves, whatever stood ready for it."""

from __future__ import annotations

import httpx
import pytest

from mediasflow_async import Sent, Session
from mediasflow_async._core.progress import collect_calls
from mediasflow_async.delivery.errors import LeaseLost
from tests.faults.answers import after
from tests.faults.handshakes import encrypted
from tests.faults.kept import between
from tests.faults.launches import launch, session_at, session_through
from tests.faults.misbehaving import Peer, Site, serving
from tests.faults.rows import BUSY, launch_well
from tests.support.byte_servers import client_context, server_context

pytestmark = pytest.mark.anyio


class Vetoed(Exception):
    """What the guards of these tests raise."""


class Gate:
    """A guard that lets some requests pass, and no more.

    Args:
        passing: how many it lets pass.
        veto: what it raises afterwards.
    """

    def __init__(self, passing: int = 0, veto: Exception | None = None) -> None:
        self.asked = 0
        self._passing = passing
        self._veto = veto or Vetoed()

    def __call__(self) -> None:
        self.asked += 1
        if self.asked > self._passing:
            raise self._veto


async def wrong_with_veto(
    site: Site, session: Session, gate: Gate, *, is_big: bool = False
) -> list[str]:
    """Launch against a guard, and return what is wrong with what has left and what is known."""
    calls = collect_calls()
    try:
        await launch(session, guard=gate, is_big=is_big)
    except (Vetoed, LeaseLost):
        wrong = []
    else:
        wrong = ["the veto had no effect"]
    wrong += [f"known as {fate().sent}" for fate in calls if fate().sent is not Sent.NOT_SENT]
    await session.aclose()
    await site.settled()
    if site.launch_bytes:
        wrong.append(f"{len(site.launch_bytes)} bytes left")
    return wrong


@pytest.mark.every_transport
@pytest.mark.parametrize("way", ["plain", "tls"])
@pytest.mark.parametrize("is_big", [False, True], ids=["small", "large"])
async def test_a_veto_on_a_new_connection(way: str, *, is_big: bool) -> None:
    gate = Gate()
    async with serving(launch_well, tls=server_context() if way == "tls" else None) as site:
        assert await wrong_with_veto(site, session_at(site, way), gate, is_big=is_big) == []
    assert gate.asked == 1


@pytest.mark.every_transport
@pytest.mark.parametrize("way", ["plain", "tls"])
async def test_a_veto_on_a_kept_connection(way: str) -> None:
    gate, does = Gate(), between(nothing)
    async with serving(does, tls=server_context() if way == "tls" else None) as site:
        session = session_at(site, way)
        await session.request("GET", "blacklist")
        assert await wrong_with_veto(site, session, gate) == []
    assert gate.asked == 1


async def nothing(_: Peer) -> None:
    """Leave a connection as it is."""


@pytest.mark.every_transport
@pytest.mark.parametrize("way", ["plain", "tls"])
async def test_a_veto_on_the_second_attempt(way: str) -> None:
    gate, does = Gate(passing=1), after(BUSY, launch_well)
    async with serving(does, tls=server_context() if way == "tls" else None) as site:
        assert await wrong_with_veto(site, session_at(site, way), gate) == []
        assert (site.seen, site.processed) == (1, 0)
    assert gate.asked == 2


async def test_a_veto_in_a_tunnel() -> None:
    gate = Gate()
    async with serving(encrypted(launch_well)) as site:
        proxy = f"http://127.0.0.1:{site.port}"
        async with httpx.AsyncHTTPTransport(proxy=proxy, verify=client_context()) as transport:
            wrong = await wrong_with_veto(site, session_through(site, transport), gate)
    assert wrong == []
    assert gate.asked == 1


@pytest.mark.every_transport
async def test_a_lost_lease_says_itself_that_nothing_left() -> None:
    veto = LeaseLost("another has it")
    async with serving(launch_well) as site:
        assert await wrong_with_veto(site, session_at(site, "plain"), Gate(veto=veto)) == []
    assert (veto.sent, veto.attempts) == (Sent.NOT_SENT, 0)


@pytest.mark.every_transport
async def test_after_a_veto_the_session_goes_on() -> None:
    async with serving(launch_well) as site, session_at(site, "plain") as session:
        with pytest.raises(Vetoed):
            await launch(session, guard=Gate())
        await launch(session, guard=Gate(passing=1))
        assert (site.seen, site.processed) == (1, 1)
