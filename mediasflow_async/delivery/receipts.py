"""What a caller gets for a key: how it ended, or how far it came."""

from __future__ import annotations

from datetime import datetime

from attrs import field, frozen

from mediasflow_async.delivery.entries import Entry
from mediasflow_async.delivery.states import Reason, State
from mediasflow_async.errors import MediasflowError
from mediasflow_async.models import Campaign

__all__ = ["Receipt", "receipt_of"]


@frozen(kw_only=True)
class Receipt:
    """What became of a key.

    Attributes:
        key: the caller's key.
        state: where the campaign stands. `Sender.send` gives a receipt when it has ended, well
            or not: LAUNCHED, REJECTED, CANCELLED, or PARKED for a person to look at.
        campaign_id: the server's number, or None where no draft was made.
        reason: why it is in this state, or None.
        status: HTTP status of the refusal, or None.
        launched_at: when the launch was recorded, by the journal's clock; None unless LAUNCHED.
        launches: how often a launch was about to leave.
        is_recorded: whether it had ended before this call, which then did nothing.
        campaign: the launched campaign where this call had it from the server, else None.
        error: the refusal where this call had it from the server, else None.
    """

    key: str
    state: State
    campaign_id: int | None = None
    reason: Reason | None = None
    status: int | None = None
    launched_at: datetime | None = None
    launches: int = 0
    is_recorded: bool = False
    campaign: Campaign | None = field(default=None, repr=False)
    error: MediasflowError | None = None

    @property
    def is_launched(self) -> bool:
        """Whether the server has the launch."""
        return self.state is State.LAUNCHED


def receipt_of(
    entry: Entry,
    told: Campaign | MediasflowError | None = None,
    *,
    is_recorded: bool = False,
) -> Receipt:
    """Return the receipt of an entry, with what the server told about it just now."""
    return Receipt(
        key=entry.key,
        state=entry.state,
        campaign_id=entry.campaign_id,
        reason=entry.reason,
        status=entry.status,
        launched_at=entry.updated_at if entry.state is State.LAUNCHED else None,
        launches=entry.launches,
        is_recorded=is_recorded,
        campaign=told if isinstance(told, Campaign) else None,
        error=told if isinstance(told, MediasflowError) else None,
    )
