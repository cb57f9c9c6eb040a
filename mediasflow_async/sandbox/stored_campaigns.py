"""Campaigns in the store.

Used as a namespace: `stored_campaigns.find(db, 943)`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import attrs
from attrs import frozen

from mediasflow_async.sandbox.delivery import DeliveryPlan, campaign_state
from mediasflow_async.sandbox.orders import Order
from mediasflow_async.sandbox.recipients import Totals

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

__all__ = ["StoredCampaign", "due", "find", "find_all", "insert", "update"]

# Of SQLite's integers, without the sign.
_INTEGER_BITS = 63


@frozen(kw_only=True)
class StoredCampaign:
    """A campaign.

    Attributes:
        id: the `campaignId`; 0 before it is stored.
        user_id: whose it is.
        state: `DRAFT`, `SCHEDULED` or `LAUNCHED`; `status` says what the API makes of the last
            one as time passes.
        sender: empty for the short code.
        order: what was ordered.
        totals: counts of its recipients and messages.
        starts_at: scheduled start or moment of the launch, epoch seconds.
        created_at: epoch seconds.
        updated_at: epoch seconds.
        launches: how often it was launched.
    """

    id: int = 0
    user_id: str
    state: str = "DRAFT"
    sender: str
    order: Order
    totals: Totals
    starts_at: float | None
    created_at: float
    updated_at: float
    launches: int = 0

    @property
    def shown_sender(self) -> str:
        """What phones show as the sender."""
        return self.sender or self.order.short_code

    def status(self, plan: DeliveryPlan, now: float) -> str:
        """Return what the API calls the campaign's state. Guide: 2.1.3.1."""
        if self.state != "LAUNCHED" or self.starts_at is None:
            return self.state
        return campaign_state(plan, now - self.starts_at)


def insert(db: sqlite3.Connection, campaign: StoredCampaign) -> StoredCampaign:
    """Store a new campaign and return it with its id."""
    marks = ", ".join("?" * len(_values(campaign)))
    cursor = db.execute(
        f"INSERT INTO campaigns ({_COLUMNS}) VALUES ({marks})",  # noqa: S608  constants
        _values(campaign),
    )
    return attrs.evolve(campaign, id=cursor.lastrowid or 0)


def update(db: sqlite3.Connection, campaign: StoredCampaign) -> StoredCampaign:
    """Store a changed campaign and return it."""
    marks = ", ".join("?" * len(_values(campaign)))
    db.execute(
        f"UPDATE campaigns SET ({_COLUMNS}) = ({marks}) WHERE id = ?",  # noqa: S608  constants
        (*_values(campaign), campaign.id),
    )
    return campaign


_COLUMNS = "user_id, state, sender, settings, totals, starts_at, created_at, updated_at, launches"


def _values(campaign: StoredCampaign) -> tuple[object, ...]:
    return (
        campaign.user_id,
        campaign.state,
        campaign.sender,
        json.dumps(attrs.asdict(campaign.order)),
        json.dumps(attrs.asdict(campaign.totals)),
        campaign.starts_at,
        campaign.created_at,
        campaign.updated_at,
        campaign.launches,
    )


def find(db: sqlite3.Connection, campaign_id: int) -> StoredCampaign | None:
    """Return a campaign, None when there is none with this id."""
    if campaign_id.bit_length() > _INTEGER_BITS:
        return None
    return next(_select(db, "WHERE id = ?", (campaign_id,)), None)


def find_all(db: sqlite3.Connection) -> list[StoredCampaign]:
    """Return all campaigns, oldest first."""
    return list(_select(db, "ORDER BY id", ()))


def due(db: sqlite3.Connection, now: float) -> list[StoredCampaign]:
    """Return the scheduled campaigns that are due at `now`, in the order of their starts."""
    where = "WHERE state = 'SCHEDULED' AND starts_at <= ? ORDER BY starts_at, id"
    return list(_select(db, where, (now,)))


def _select(
    db: sqlite3.Connection, where: str, values: tuple[object, ...]
) -> Iterator[StoredCampaign]:
    for row in db.execute(f"SELECT * FROM campaigns {where}", values):  # noqa: S608  constants
        data = dict(row)
        order = Order(**json.loads(data.pop("settings")))
        totals = Totals(**json.loads(data.pop("totals")))
        yield StoredCampaign(order=order, totals=totals, **data)
