"""How far a launch has come when a fault strikes, and the faults that strike anywhere."""

from __future__ import annotations

from functools import partial
from typing import Final

from attrs import frozen

from tests.faults.misbehaving import Peer, Script
from tests.faults.rows import LAUNCHED, Row, in_doubt

__all__ = ["ROWS", "STAGES", "Stage", "stalling_at"]

_CHUNKED: Final = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@frozen
class Stage:
    """A point on the way of a launch.

    Attributes:
        reach: brings a connection there.
        seen: launches that are whole by then.
        processed: launches that are acted upon by then.
    """

    reach: Script
    seen: int = 0
    processed: int = 0


async def first_byte(peer: Peer) -> None:
    await peer.read(1)


async def half_a_head(peer: Peer) -> None:
    await peer.read(30)


async def whole_head(peer: Peer) -> None:
    await peer.head()


async def half_a_body(peer: Peer) -> None:
    await peer.head()
    await peer.read(5)


async def whole_request(peer: Peer) -> None:
    await peer.launch()


async def processing(peer: Peer) -> None:
    await peer.launch()
    peer.process()


def saying(part: bytes) -> Script:
    """Act upon a launch and send a part of the answer."""

    async def reach(peer: Peer) -> None:
        await processing(peer)
        await peer.send(part)

    return reach


STAGES: Final = {
    "the first byte": Stage(first_byte),
    "half the head": Stage(half_a_head),
    "the head": Stage(whole_head),
    "half the body": Stage(half_a_body),
    "the request": Stage(whole_request, seen=1),
    "processing": Stage(processing, seen=1, processed=1),
    "an early hint": Stage(saying(b"HTTP/1.1 103 Early Hints\r\n\r\n"), 1, 1),
    "half a status line": Stage(saying(b"HTTP/1.1 2"), 1, 1),
    "half a header": Stage(saying(b"HTTP/1.1 200 OK\r\nContent-Le"), 1, 1),
    "half the headers": Stage(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 27\r\n"), 1, 1),
    "the answer's head": Stage(saying(LAUNCHED.partition(b"{")[0]), 1, 1),
    "half the answer's body": Stage(saying(LAUNCHED[:-9]), 1, 1),
    "half a chunk size": Stage(saying(_CHUNKED + b"1"), 1, 1),
    "half a chunk": Stage(saying(_CHUNKED + b'1c\r\n{"id":7,'), 1, 1),
    "no last chunk": Stage(saying(_CHUNKED + b'1c\r\n{"id":7,"status":"INJECTED"}\r\n'), 1, 1),
}

_ENDINGS: Final[dict[str, Script]] = {
    "a close": Peer.close,
    "a reset": Peer.reset,
    "silence": Peer.stall,
}


def stalling_at(stage: Stage) -> Script:
    """Return the script of a server that goes silent at a stage."""
    return partial(_end, stage, Peer.stall)


async def _end(stage: Stage, ending: Script, peer: Peer) -> None:
    await stage.reach(peer)
    await ending(peer)


ROWS: Final[dict[str, Row]] = {
    f"{what} after {name}": in_doubt(
        partial(_end, stage, ending), seen=stage.seen, processed=stage.processed
    )
    for name, stage in STAGES.items()
    for what, ending in _ENDINGS.items()
}
