"""The server of the soak does to a request what the fault says, on a real socket."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.soak.faults import Fault, Faults
from tests.soak.replies import odd
from tests.soak.server import Server
from tests.support.sessions import until

_BODY = json.dumps({"campaignName": "order-1-plain", "startNow": False}).encode()
_REQUEST = b"POST /v1/campaigns/inject HTTP/1.1\r\nHost: soak\r\nContent-Length: %d\r\n\r\n%b" % (
    len(_BODY),
    _BODY,
)
_PATIENCE_SECONDS = 0.2
_SEEN: dict[Fault, tuple[str, int]] = {
    Fault.RESET_BEFORE: ("reset", 0),
    Fault.CLOSED_BEFORE: ("closed after nothing", 0),
    Fault.SILENT_BEFORE: ("nothing", 0),
    Fault.FAILED_BEFORE: ("status 500", 0),
    Fault.LIMITED: ("status 429", 0),
    Fault.RESET_AFTER: ("reset", 1),
    Fault.SILENT_AFTER: ("nothing", 1),
    Fault.FAILED_AFTER: ("status 500", 1),
    Fault.HALF_STATUS: ("closed within the status line", 1),
    Fault.HALF_HEADERS: ("closed within the headers", 1),
    Fault.HALF_BODY: ("closed within the body", 1),
    Fault.GARBAGE: ("closed after no HTTP", 1),
    Fault.TRICKLED: ("status 200", 1),
    Fault.LATE: ("nothing", 0),
    Fault.ODD_BEFORE: ("status 500", 0),
    Fault.ODD_AFTER: ("status 500", 1),
}


@pytest.mark.anyio
@pytest.mark.parametrize("fault", Fault)
async def test_each_fault_is_what_it_says(fault: Fault) -> None:
    server = Server(faults=Faults(seed=1, share=1, kinds=(fault,)), latest=0.1)
    async with await server.listen() as listening:
        reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
        writer.write(_REQUEST)
        seen = await _seen(reader)
        assert (seen, len(server.ledger.drafts)) == _SEEN[fault]
        writer.close()
        if fault is Fault.LATE:
            await until(lambda: server.ledger.drafts)
            assert server.ledger.pending == 0
    assert server.ledger.faults == {fault: 1}


def test_there_are_sixteen_faults() -> None:
    assert len(_SEEN) == len(Fault) == 16


@pytest.mark.parametrize("part", [0.0, 0.4, 0.999])
@pytest.mark.parametrize("is_report", [False, True])
def test_an_odd_answer_is_a_success_to_look_at(part: float, *, is_report: bool) -> None:
    assert odd(part, 7, is_report=is_report).startswith(b"HTTP/1.1 20")


def test_the_same_seed_breaks_the_same_requests() -> None:
    def hits(seed: int) -> list[object]:
        faults = Faults(seed=seed, share=0.2)
        return [faults.hitting("launch/order-1", number) for number in range(200)]

    assert hits(1) == hits(1) != hits(2)
    assert 20 < sum(hit is not None for hit in hits(1)) < 60


async def _seen(reader: asyncio.StreamReader) -> str:
    """Return what a client sees that waits for a short time after each piece."""
    data = b""
    try:
        while piece := await asyncio.wait_for(reader.read(1000), _PATIENCE_SECONDS):
            data += piece
    except ConnectionResetError:
        return "reset"
    except TimeoutError:
        return f"status {data.split()[1].decode()}" if data else "nothing"
    return f"closed {_where(data)}"


def _where(data: bytes) -> str:
    if not data:
        return "after nothing"
    if not data.startswith(b"HTTP/"):
        return "after no HTTP"
    if b"\r\n" not in data:
        return "within the status line"
    return "within the body" if b"\r\n\r\n" in data else "within the headers"
