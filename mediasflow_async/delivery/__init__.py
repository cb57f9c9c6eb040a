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
from mediasflow_async.delivery.records import Account, Entry, Reason, Receipt, State
from mediasflow_async.delivery.recovery import Parked, Resumption
from mediasflow_async.delivery.sender import Sender

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
