"""The sending promise: at most one launch per key, and no campaign forgotten.

    async with Session.from_env() as session, Journal.open("sqlite:///sms.db") as journal:
        async with Sender(session, journal) as sender:
            receipt = await sender.send("order-4711", request)

That holds provided that the server tells a draft from a launched campaign, that nothing is
processed later than the settle window after we gave up, and that no process freezes in the
microseconds between the lease check and the socket write; in doubt a campaign is parked for a
person, not sent again.
"""

from __future__ import annotations

from mediasflow_async.delivery.accounts import Account
from mediasflow_async.delivery.entries import Entry
from mediasflow_async.delivery.errors import (
    CampaignTaken,
    JournalError,
    KeyBusy,
    KeyConflict,
    KeyUnknown,
    LeaseLost,
    NotParked,
    SenderStopped,
)
from mediasflow_async.delivery.journal import Journal
from mediasflow_async.delivery.parked import Parked
from mediasflow_async.delivery.receipts import Receipt
from mediasflow_async.delivery.resuming import Resumption
from mediasflow_async.delivery.sender import Sender
from mediasflow_async.delivery.states import Reason, State

__all__ = [
    "Account",
    "CampaignTaken",
    "Entry",
    "Journal",
    "JournalError",
    "KeyBusy",
    "KeyConflict",
    "KeyUnknown",
    "LeaseLost",
    "NotParked",
    "Parked",
    "Reason",
    "Receipt",
    "Resumption",
    "Sender",
    "SenderStopped",
    "State",
]
