"""What the journal keeps of a campaign: no phone number and no text, ever."""

from __future__ import annotations

from datetime import datetime, timedelta

from attrs import frozen

from mediasflow_async.delivery.states import Reason, State

__all__ = ["Entry"]


@frozen(kw_only=True)
class Entry:
    """One campaign in the journal, as it was when it was read.

    Every time is an aware datetime in UTC by the journal's own clock, which is the same for
    all that share the journal.

    Attributes:
        key: the caller's key, unique.
        digest: keyed digest of the payload, in hexadecimal.
        state: where it stands.
        campaign_id: the server's number, unique among the entries; None before PREPARED.
        sender: the sender that phones show, a name by the API's rules and never a number; a
            launch and a question about a draft need it. None for the account's short code.
        owner: who works on it: a token of one claim, never used twice. None when it is free.
        lease_until: until when the owner may work on it; None when it is free.
        created_at: when the key was first seen.
        updated_at: when anything of the entry last changed.
        launching_since: when it was first LAUNCHING; the relaunch window counts from here. None
            before that, and again once a launch is proven not to have been executed.
        quiet_since: when the last moment is, or was, at which a byte of a launch could leave:
            in LAUNCHING the end of the lease it was launched under, or when its owner said
            that nothing is under way any more. The settle window counts from here.
        launches: how often it became LAUNCHING.
        reason: why it is in its state, or None.
        status: HTTP status of the refusal that ended it, or None.
        read_at: the journal's clock when this was read.
    """

    key: str
    digest: str
    state: State
    campaign_id: int | None = None
    sender: str | None = None
    owner: str | None = None
    lease_until: datetime | None = None
    created_at: datetime
    updated_at: datetime
    launching_since: datetime | None = None
    quiet_since: datetime | None = None
    launches: int = 0
    reason: Reason | None = None
    status: int | None = None
    read_at: datetime

    @property
    def lease_left(self) -> timedelta:
        """How long its owner may still work on it, from `read_at`; zero when it is free."""
        end = self.lease_until or self.read_at
        return max(end - self.read_at, timedelta(0))
