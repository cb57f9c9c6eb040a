"""A row of the fault tables, and what is wrong when a launch does not end as its row says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from attrs import evolve, frozen

from mediasflow_async import (
    ConnectionFailed,
    DeliveryUnknown,
    MediasflowError,
    RequestTimeout,
    Sent,
)
from tests.faults.misbehaving import Peer, Script, Site
from tests.support.byte_servers import http

__all__ = [
    "BUSY",
    "LAUNCHED",
    "Row",
    "answered_well",
    "in_doubt",
    "launch_well",
    "not_sent",
    "refused",
    "wrong_with",
]

LAUNCHED: Final = http(b'{"id":7,"status":"INJECTED"}', b"Content-Type: application/json")
BUSY: Final = http(b"{}", b"Retry-After: 0", status=b"429 Too Many Requests")


@frozen(kw_only=True)
class Row:
    """A fault, and what has to be known of a launch that meets it.

    Attributes:
        does: what the server does with each connection.
        error: what the launch ends with, None for success.
        sent: the verdict of the error.
        seen: launches that the server has read to their end.
        processed: launches that it has acted upon; one at most, or an SMS was sent twice.
        or_not_sent: whether the fault may strike before the first byte as well; it is
            proven then that nothing left.
        is_big: whether the body is larger than what the system takes at once.
        is_warm: whether another request goes before, over a connection that is kept.
        options: further options of the session.
    """

    does: Script
    error: type[MediasflowError] | None = DeliveryUnknown
    sent: Sent | None = Sent.UNKNOWN
    seen: int = 0
    processed: int = 0
    or_not_sent: bool = False
    is_big: bool = False
    is_warm: bool = False
    options: Mapping[str, Any] = {}


def not_sent(does: Script, *, in_time: bool = True, **rest: Any) -> Row:
    """Return the row of a fault before the first byte."""
    error = ConnectionFailed if in_time else RequestTimeout
    return Row(does=does, error=error, sent=Sent.NOT_SENT, **rest)


def in_doubt(does: Script, *, seen: int = 1, processed: int = 0, **rest: Any) -> Row:
    """Return the row of a fault after the first byte."""
    return Row(does=does, seen=seen, processed=processed, **rest)


def refused(
    does: Script,
    error: type[MediasflowError],
    *,
    sent: Sent = Sent.ANSWERED,
    seen: int = 1,
    **rest: Any,
) -> Row:
    """Return the row of a launch that the server answers with an error."""
    return Row(does=does, error=error, sent=sent, seen=seen, **rest)


def answered_well(does: Script, *, seen: int = 1, **rest: Any) -> Row:
    """Return the row of a launch that succeeds in spite of a fault."""
    return Row(does=does, error=None, sent=None, seen=seen, processed=1, **rest)


async def wrong_with(row: Row, site: Site, error: MediasflowError | None) -> list[str]:
    """Return what does not agree with a row, once the client is gone and nothing more arrives."""
    await site.settled()
    expected = _as_it_went(row, error)
    found = (type(error) if error else None, error.sent if error else None)
    return [
        *_broken_promises(site, error),
        *_differences("ended with", found, (expected.error, expected.sent)),
        *_differences("the server saw", site.seen, expected.seen),
        *_differences("the server processed", site.processed, expected.processed),
    ]


def _as_it_went(row: Row, error: MediasflowError | None) -> Row:
    if row.or_not_sent and error is not None and error.sent is Sent.NOT_SENT:
        return evolve(row, error=ConnectionFailed, sent=Sent.NOT_SENT)
    return row


def _broken_promises(site: Site, error: MediasflowError | None) -> Iterator[str]:
    """Yield what may not be in any row at all."""
    if error is not None and error.sent is Sent.NOT_SENT and site.launch_bytes:
        yield f"NOT_SENT is wrong: {len(site.launch_bytes)} bytes had left"
    if site.processed > 1:
        yield f"launched {site.processed} times"


def _differences(what: str, found: object, expected: object) -> Iterator[str]:
    if found != expected:
        yield f"{what} {found}, not {expected}"


async def launch_well(peer: Peer) -> None:
    """Read a launch, act upon it and say so."""
    await peer.launch()
    peer.process()
    await peer.send(LAUNCHED)
