"""Answers that refuse, fail, come too early, or are no answers at all."""

from __future__ import annotations

from functools import partial
from typing import Final

from mediasflow_async import (
    ApiError,
    AuthenticationFailed,
    BadRequest,
    Conflict,
    NotFound,
    PermissionDenied,
    RateLimited,
    ResponseInvalid,
    Sent,
)
from tests.faults.misbehaving import Peer, Script
from tests.faults.rows import (
    BUSY,
    LAUNCHED,
    Row,
    answered_well,
    in_doubt,
    launch_well,
    refused,
)
from tests.support.byte_servers import http

__all__ = ["ROWS"]

_KIB: Final = 1024
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_CHUNKED: Final = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
_OTHER_TYPE: Final = http(b"{}", status=b"415 Unsupported Media Type")
_CLOSING: Final = b"Connection: close"

_REFUSALS: Final = {
    b"400 Bad Request": BadRequest,
    b"401 Unauthorized": AuthenticationFailed,
    b"403 Forbidden": PermissionDenied,
    b"404 Not Found": NotFound,
    b"405 Method Not Allowed": ApiError,
    b"413 Content Too Large": BadRequest,
    b"422 Unprocessable Content": BadRequest,
}
# Neither proves that nothing was executed: a page that is shown after a form was sent, a second
# try of a proxy's.
_REFUSALS_IN_DOUBT: Final = {
    b"302 Found": ApiError,
    b"406 Not Acceptable": ApiError,
    b"409 Conflict": Conflict,
}
_FAILURES: Final = (
    b"408 Request Timeout",
    b"500 Internal Server Error",
    b"502 Bad Gateway",
    b"503 Service Unavailable",
    b"504 Gateway Timeout",
)
_GARBAGE: Final = {
    "zeros": b"\0" * 64,
    "prose": b"This is no HTTP!\r\n\r\n",
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "TLS": b"\x15\x03\x03\x00\x02\x02\x28",
    "no status": b"HTTP/1.1 OK\r\n\r\n",
    "a chunk size that is none": _CHUNKED + b"z\r\n",
    "two lengths": http(b"{}", b"Content-Length: 3"),
    "an endless header": b"HTTP/1.1 200 OK\r\nA: " + b"x" * 150 * _KIB,
    "endless headers": b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 25 * _KIB,
    "an upgrade": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
}
_UNREADABLE: Final = {
    "a body that is not compressed as it says": http(b"not gzip", b"Content-Encoding: gzip"),
    "an empty success": http(status=b"204 No Content"),
    "a success in prose": http(b"<html>Welcome to the hotel's network</html>"),
    "a success of the wrong shape": http(b"[1,2]"),
    "a message instead of a campaign": http(b'{"message":"maybe"}'),
}


def answering(answer: bytes, *, processes: bool) -> Script:
    """Answer with these bytes and the end of the connection."""

    async def does(peer: Peer) -> None:
        await peer.launch()
        if processes:
            peer.process()
        await peer.send(answer)
        await peer.close()

    return does


def telling(status: bytes, *, processes: bool) -> Script:
    return answering(http(b"{}", _CLOSING, status=status), processes=processes)


async def early_answer(answer: bytes, peer: Peer) -> None:
    """Answer when the head is here, and only then read the body."""
    await answer_to_a_head(answer, peer)
    await peer.body()


async def answer_to_a_head(answer: bytes, peer: Peer) -> None:
    """Answer when the head is here, and take no part of the body for a launch."""
    await peer.head()
    await peer.send(answer)


async def early_end(answer: bytes, peer: Peer) -> None:
    """Answer when the head is here, and read nothing more."""
    await answer_to_a_head(answer, peer)
    await peer.close()


async def without_end(peer: Peer) -> None:
    """Send an answer byte by byte, while time passes, until the client leaves."""
    await peer.launch()
    peer.process()
    await peer.trickle(b"HTTP/1.1 200 ")
    while True:
        peer.site.stalled()
        await peer.trickle(b"O")


async def byte_by_byte(peer: Peer) -> None:
    await peer.launch()
    peer.process()
    await peer.trickle(LAUNCHED)


def after(refusal: bytes, then: Script) -> Script:
    """Refuse the first launch, and do something else with the second, over whatever it comes."""

    async def does(peer: Peer) -> None:
        if not peer.site.seen:
            await peer.launch()
            await peer.send(refusal)
            peer.forget()
        await then(peer)

    return does


async def head_and_reset(peer: Peer) -> None:
    await peer.head()
    await peer.reset()


async def busy_for_long(peer: Peer) -> None:
    await peer.launch()
    await peer.send(http(b"{}", b"Retry-After: 3600", status=b"429 Too Many Requests"))


async def busy_for_ever(peer: Peer) -> None:
    while True:
        await peer.launch()
        await peer.send(BUSY)


ROWS: Final[dict[str, Row]] = {
    **{
        f"{status.decode()}, not processed": refused(telling(status, processes=False), error)
        for status, error in _REFUSALS.items()
    },
    **{
        f"{status.decode()}, processed": refused(
            telling(status, processes=True), error, processed=1
        )
        for status, error in _REFUSALS.items()
    },
    **{
        f"{status.decode()}, {'' if processes else 'not '}processed": refused(
            telling(status, processes=processes),
            error,
            sent=Sent.UNKNOWN,
            processed=int(processes),
        )
        for status, error in _REFUSALS_IN_DOUBT.items()
        for processes in (False, True)
    },
    **{
        f"{status.decode()}, {'' if processes else 'not '}processed": in_doubt(
            telling(status, processes=processes), processed=int(processes)
        )
        for status in _FAILURES
        for processes in (False, True)
    },
    **{
        f"{name} for an answer": in_doubt(answering(garbage, processes=True), processed=1)
        for name, garbage in _GARBAGE.items()
    },
    **{
        name: in_doubt(answering(answer, processes=True), processed=1)
        for name, answer in {
            "100 and a close": _CONTINUE,
            "103 and a close": b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n",
            "a body shorter than told": LAUNCHED[:-2],
        }.items()
    },
    **{
        name: Row(
            does=answering(answer, processes=True),
            error=ApiError if "message" in name else ResponseInvalid,
            sent=Sent.UNKNOWN,
            seen=1,
            processed=1,
        )
        for name, answer in _UNREADABLE.items()
    },
    "an answer beyond the limit": Row(
        does=answering(http(b" " * 64 * _KIB), processes=True),
        error=ResponseInvalid,
        seen=1,
        processed=1,
        options={"max_response_bytes": 32 * _KIB},
    ),
    "100 and an answer": answered_well(answering(_CONTINUE + LAUNCHED, processes=True)),
    "an answer up to the end of the connection": answered_well(
        answering(b'HTTP/1.0 200 OK\r\n\r\n{"id":7,"status":"INJECTED"}', processes=True)
    ),
    "an answer byte by byte": answered_well(byte_by_byte),
    "an answer byte by byte without end": in_doubt(
        without_end, processed=1, options={"timeout": None, "deadline": 50}
    ),
    "a second answer": answered_well(answering(LAUNCHED + LAUNCHED, processes=True)),
    "a byte too many": answered_well(answering(LAUNCHED + b"x", processes=True)),
    "an early refusal": refused(
        partial(early_answer, http(b"{}", status=b"413 Content Too Large")), BadRequest
    ),
    "an early refusal of a large body": refused(
        partial(answer_to_a_head, http(b"{}", status=b"413 Content Too Large")),
        BadRequest,
        seen=0,
        is_big=True,
    ),
    "an early failure": in_doubt(
        partial(early_answer, http(b"{}", status=b"500 Internal Server Error"))
    ),
    "an early refusal and a close": refused(
        partial(early_end, http(b"{}", _CLOSING, status=b"403 Forbidden")),
        PermissionDenied,
        seen=0,
    ),
    "429 once": answered_well(after(BUSY, launch_well), seen=2),
    "429 for an hour": refused(busy_for_long, RateLimited),
    "429 for ever": refused(busy_for_ever, RateLimited, seen=4),
    "429 and a reset of the next": in_doubt(after(BUSY, head_and_reset)),
    "415 once": answered_well(after(_OTHER_TYPE, launch_well), seen=2),
}
