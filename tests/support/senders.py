"""Senders for tests: with the default certainty, and short waits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from mediasflow_async import CampaignRequest, Session
from mediasflow_async.delivery import Entry, Journal, Sender, State
from mediasflow_async.delivery.records import Order, digest_of
from mediasflow_async.sandbox import Sandbox
from tests.delivery.simulation.journal import MemoryJournal
from tests.support.sessions import QUICKLY

__all__ = [
    "MOBILE",
    "TEXT",
    "kept",
    "launches",
    "left_behind",
    "memory_journal",
    "quick_sender",
    "request_for",
    "sending",
]

MOBILE: Final = "+33600001601"
TEXT: Final = "Your parcel is here"

_QUICK: Final[dict[str, Any]] = {
    "settle": 0.05,
    "confirm_every": 0.01,
    "lease": 5,
    "retry": QUICKLY,
}


def memory_journal() -> MemoryJournal:
    """Return an empty journal that lives as long as the test."""
    return MemoryJournal(lambda: datetime.now(UTC))


def quick_sender(session: Session, journal: Journal, **options: Any) -> Sender:
    """Return a sender that gives a launch in doubt little time to settle."""
    return Sender(session, journal, **(_QUICK | options))


@asynccontextmanager
async def sending(
    session: Session, journal: Journal | None = None, **options: Any
) -> AsyncIterator[Sender]:
    """Open a session and a quick sender on it, with an empty journal unless one is given."""
    async with session, quick_sender(session, journal or memory_journal(), **options) as sender:
        yield sender


def request_for(name: str = "", **fields: Any) -> CampaignRequest:
    """Return a request for one recipient."""
    given: dict[str, Any] = {"msg": TEXT, "recipients": [MOBILE], "sender": "ACME"} | fields
    return CampaignRequest(campaign_name=name or None, **given)


def launches(sandbox: Sandbox) -> list[int]:
    """Return how often each campaign was launched, drafts that were left over apart."""
    return [campaign.launches for campaign in sandbox.campaigns if campaign.launches]


async def kept(journal: Journal, key: str) -> Entry:
    """Return an entry that is there."""
    entry = await journal.get(key)
    assert entry is not None
    return entry


async def left_behind(
    session: Session,
    journal: Journal,
    *moves: State,
    lease: timedelta = timedelta(0),
    **request: Any,
) -> Entry:
    """Return what another sender left behind, in the state that it was in when it died."""
    asked = request_for(**request)
    digest = digest_of(Order(request=asked), journal.salt)
    entry: Entry | None = await journal.claim("order-1", digest, owner="dead", lease=lease)
    draft = await session.campaigns.prepare(asked)
    for state in moves:
        assert entry is not None
        number = draft.id if state is State.PREPARED else None
        entry = await journal.move(
            entry, state, lease=lease, campaign_id=number, sender=asked.sender
        )
    assert entry is not None
    return entry
