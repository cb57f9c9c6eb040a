"""A name with several addresses: the first that answers counts.

On asyncio alone: what the name service says is laid down by replacing Python's door to it, and
uvloop has a door of its own. The race itself knows no loop.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

import anyio
import httpx
import pytest

from mediasflow_async.transport import AsyncioTransport
from tests.support.byte_servers import OK, answering, refusing, serving, unreachable
from tests.support.transport_requests import fetch

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("nothing_left")]

Address = tuple[str, int]
Named = Callable[..., None]


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> Named:
    """Give addresses to the name two.test."""

    def name(*addresses: Address) -> None:
        def look_up(host: str, *_: object, **__: object) -> list[tuple[object, ...]]:
            assert host == "two.test"
            return [
                (
                    socket.AF_INET6 if ":" in address[0] else socket.AF_INET,
                    socket.SOCK_STREAM,
                    socket.IPPROTO_TCP,
                    "",
                    address,
                )
                for address in addresses
            ]

        monkeypatch.setattr(socket, "getaddrinfo", look_up)

    return name


@pytest.mark.parametrize("dead", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("is_first", [True, False])
async def test_an_address_that_does_not_answer_holds_nobody_up(
    transport: AsyncioTransport, named: Named, dead: str, *, is_first: bool
) -> None:
    alive = "::1" if dead == "127.0.0.1" else "127.0.0.1"
    async with serving(answering(OK), host=alive) as server:
        with unreachable(dead) as dead_port:
            both = [(dead, dead_port), (alive, httpx.URL(server.url).port or 0)]
            named(*(both if is_first else reversed(both)))
            with anyio.fail_after(4):
                response = await fetch(transport, "http://two.test/")
            assert response.content == b"hello"


async def test_an_address_that_refuses_leaves_it_to_the_next(
    transport: AsyncioTransport, named: Named
) -> None:
    async with serving(answering(OK)) as server:
        named(("::1", refusing()), ("127.0.0.1", httpx.URL(server.url).port or 0))
        assert (await fetch(transport, "http://two.test/")).content == b"hello"
        assert len(server.peers) == 1


async def test_the_loser_of_the_race_is_closed(transport: AsyncioTransport, named: Named) -> None:
    async with (
        serving(answering(OK)) as one,
        serving(answering(OK), host="::1") as other,
    ):
        named(("127.0.0.1", httpx.URL(one.url).port or 0), ("::1", httpx.URL(other.url).port or 0))
        for _ in range(3):
            await fetch(transport, "http://two.test/")
        assert [len(peer.requests) for peer in (*one.peers, *other.peers)] == [3]


async def test_when_all_refuse_it_is_a_connect_error(
    transport: AsyncioTransport, named: Named
) -> None:
    named(("::1", refusing()), ("127.0.0.1", refusing()))
    with pytest.raises(httpx.ConnectError):
        await fetch(transport, "http://two.test/")


async def test_a_name_without_an_address_is_a_connect_error(
    transport: AsyncioTransport, named: Named
) -> None:
    named()
    with pytest.raises(httpx.ConnectError):
        await fetch(transport, "http://two.test/")


async def test_the_limit_holds_for_the_whole_race(
    transport: AsyncioTransport, named: Named
) -> None:
    with unreachable("127.0.0.1") as one, unreachable("::1") as other:
        named(("::1", other), ("127.0.0.1", one))
        with pytest.raises(httpx.ConnectTimeout):
            await fetch(transport, "http://two.test/", timeouts={"connect": 0.3})
