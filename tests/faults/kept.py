"""Connections that have carried a request already when the launch finds them."""

from __future__ import annotations

from functools import partial
from typing import Final

from tests.faults.misbehaving import Peer, Script
from tests.faults.rows import LAUNCHED, Row, answered_well, in_doubt, launch_well
from tests.support.byte_servers import http

__all__ = ["AT_THE_LAUNCH", "BETWEEN"]

_OK: Final = http(b"[]", b"Content-Type: application/json")


def between(happening: Script) -> Script:
    """Let something happen to the first connection between its two requests."""

    async def does(peer: Peer) -> None:
        if peer.number:
            await launch_well(peer)
            return
        await peer.other_request()
        await peer.send(_OK)
        await happening(peer)
        peer.site.is_ready.set()

    return does


def at_the_launch(happening: Script) -> Script:
    """Let something happen to the first connection when the launch comes over it."""

    async def does(peer: Peer) -> None:
        await peer.other_request()
        await peer.send(_OK)
        peer.site.is_ready.set()
        await peer.read(1)
        await happening(peer)

    return does


async def says(surplus: bytes, peer: Peer) -> None:
    await peer.send(surplus)


async def says_and_closes(surplus: bytes, peer: Peer) -> None:
    await peer.send(surplus)
    await peer.close()


_TOO_SLOW: Final = http(b"", b"Connection: close", status=b"408 Request Timeout")

_HAPPENINGS: Final[dict[str, Script]] = {
    "a close": Peer.close,
    "a reset": Peer.reset,
    "an end that the loop has not seen": Peer.shut,
    "408 and a close": partial(says_and_closes, _TOO_SLOW),
    "an answer to nothing": partial(says, LAUNCHED),
    "a refusal of nothing": partial(says, http(b"{}", status=b"409 Conflict")),
    "a byte too many": partial(says, b"x"),
}

BETWEEN: Final[dict[str, Row]] = {
    name: answered_well(between(happening), is_warm=True) for name, happening in _HAPPENINGS.items()
}

AT_THE_LAUNCH: Final[dict[str, Row]] = {
    name: in_doubt(at_the_launch(happening), seen=0, is_warm=True)
    for name, happening in {
        "a close": Peer.close,
        "a reset": Peer.reset,
        "silence": Peer.stall,
    }.items()
}
