"""What a journal asks of its database, as templates for `sql_dialect.render`."""

from __future__ import annotations

from functools import cache
from string import Template
from typing import Final

from attrs import fields, frozen

from mediasflow_async.delivery.entries import Entry
from mediasflow_async.delivery.states import State

__all__ = [
    "ADOPT",
    "BELONG",
    "CLAIM",
    "COUNT",
    "DISCLAIM",
    "DISCLAIM_ALL",
    "GET",
    "HOLD",
    "MOVE",
    "NOW",
    "PACE",
    "POSTPONE",
    "PURGE",
    "TAKE",
    "Change",
    "listing",
]


@frozen
class Change:
    """A statement that changes rows, all by itself, and how its result is read.

    Attributes:
        statement: the change; it does no harm when it is made again.
        returning: what to select of the rows that it has changed.
        trace: the query that selects the same afterwards.
        is_signed: whether the trace finds what this very change has left and nothing else, so
            that the result can be read when the answer to the statement was lost.
    """

    statement: str
    returning: str
    trace: str
    is_signed: bool = True


_COLUMNS: Final = ", ".join(field.name for field in fields(Entry) if field.name != "read_at")
_ENTRY: Final = f"{_COLUMNS}, {{now}}"


def _whole(template: str, **parts: str) -> str:
    """Return a statement with parts of ours, no values, in the places of their ``$names``."""
    return Template(template).substitute(parts)


GET: Final = _whole("SELECT $entry FROM mediasflow_entries WHERE key = :key", entry=_ENTRY)

CLAIM: Final = Change(
    """
    INSERT INTO mediasflow_entries
        (key, digest, state, owner, lease_until, created_at, updated_at)
    SELECT :key, :digest, 'NEW', :owner, now + CAST(:lease AS {span}), now, now
    FROM (SELECT {now} AS now) AS clock WHERE true
    ON CONFLICT (key) DO UPDATE SET
        owner = excluded.owner,
        lease_until = excluded.lease_until,
        updated_at = {later}(mediasflow_entries.updated_at, excluded.updated_at)
    WHERE mediasflow_entries.digest = excluded.digest
        AND mediasflow_entries.state IN ('NEW', 'PREPARED', 'LAUNCHING')
        AND (mediasflow_entries.owner IS NULL
            OR mediasflow_entries.owner = excluded.owner
            OR mediasflow_entries.lease_until <= excluded.updated_at)
    """,
    returning=_ENTRY,
    trace=f"{GET} AND owner = :owner",
)

TAKE: Final = Change(
    """
    WITH free AS (
        SELECT key FROM mediasflow_entries
        WHERE state IN ('PREPARED', 'LAUNCHING')
            AND (owner IS NULL OR lease_until <= {now})
            AND updated_at < CAST(:before AS {instant})
        ORDER BY updated_at LIMIT :limit {skip_locked}
    )
    UPDATE mediasflow_entries SET
        owner = :owner,
        (lease_until, updated_at) = (
            SELECT now + CAST(:lease AS {span}), {later}(updated_at, now)
            FROM (SELECT {now} AS now) AS clock
        )
    WHERE key IN (SELECT key FROM free)
    """,
    returning=_ENTRY,
    trace=_whole(
        """
        SELECT $entry FROM mediasflow_entries
        WHERE state IN ('PREPARED', 'LAUNCHING') AND owner = :owner
        """,
        entry=_ENTRY,
    ),
)

_COMPARED: Final = """
    WHERE key = :key AND state = :state AND change <> :change
        AND coalesce(owner, '') = coalesce(CAST(:owner AS text), '')
"""
_LEFT_BY_CHANGE: Final = (
    f"{GET} AND change = :change AND (owner IS NULL OR owner = CAST(:owner AS text))"
)
"""What a change left, unless another has claimed the entry since then."""

MOVE: Final = Change(
    _whole(
        """
        UPDATE mediasflow_entries SET
            state = :to, reason = :reason, status = :status, change = :change,
            campaign_id = coalesce(CAST(:campaign_id AS bigint), campaign_id),
            sender = coalesce(CAST(:sender AS text), sender),
            launches = launches + CASE CAST(:to AS text) WHEN 'LAUNCHING' THEN 1 ELSE 0 END,
            (owner, lease_until, updated_at, launching_since, quiet_since) = (
                SELECT
                    CASE WHEN span IS NULL THEN NULL ELSE owner END,
                    CASE WHEN owner IS NULL THEN NULL ELSE now + span END,
                    {later}(updated_at, now),
                    CASE CAST(:to AS text)
                        WHEN 'LAUNCHING' THEN coalesce(launching_since, now)
                        WHEN 'PREPARED' THEN NULL
                        ELSE launching_since
                    END,
                    CASE CAST(:to AS text)
                        WHEN 'LAUNCHING' THEN coalesce(now + span, now)
                        WHEN 'PREPARED' THEN NULL
                        ELSE quiet_since
                    END
                FROM (SELECT {now} AS now, CAST(:lease AS {span}) AS span) AS given
            )
        $compared
        """,
        compared=_COMPARED,
    ),
    returning=_ENTRY,
    trace=_LEFT_BY_CHANGE,
)

HOLD: Final = Change(
    _whole(
        """
        UPDATE mediasflow_entries SET
            change = :change,
            (owner, lease_until, updated_at, quiet_since) = (
                SELECT
                    CASE WHEN span IS NULL THEN NULL ELSE owner END,
                    now + span,
                    {later}(updated_at, now),
                    CASE WHEN quiet_since > now THEN now ELSE quiet_since END
                FROM (SELECT {now} AS now, CAST(:lease AS {span}) AS span) AS given
            )
        $compared AND owner IS NOT NULL
        """,
        compared=_COMPARED,
    ),
    returning=_ENTRY,
    trace=_LEFT_BY_CHANGE,
)
"""Extends the lease of an entry, or gives it back where no lease is given."""

_DISCLAIM: Final = """
    UPDATE mediasflow_entries SET
        owner = NULL, lease_until = NULL,
        (updated_at, quiet_since) = (
            SELECT
                {later}(updated_at, now),
                CASE WHEN quiet_since > now THEN now ELSE quiet_since END
            FROM (SELECT {now} AS now) AS clock
        )
    WHERE owner = :owner AND $which
"""

DISCLAIM: Final = _whole(
    _DISCLAIM, which="key = :key AND state IN ('NEW', 'PREPARED', 'LAUNCHING')"
)
DISCLAIM_ALL: Final = _whole(_DISCLAIM, which="state IN ('PREPARED', 'LAUNCHING')")
"""Only what `TAKE` takes: an index holds that, and nothing holds all owners."""

_WAIT: Final = "next_slot - CAST(:interval AS {span}) - {now}"

PACE: Final = Change(
    """
    UPDATE mediasflow_pace
    SET next_slot = {later}(next_slot, {now}) + CAST(:interval AS {span})
    """,
    returning=_WAIT,
    trace=_whole("SELECT $wait FROM mediasflow_pace", wait=_WAIT),
    is_signed=False,
)

POSTPONE: Final = Change(
    """
    UPDATE mediasflow_pace SET next_slot = {later}(next_slot, {now} + CAST(:delay AS {span}))
    """,
    returning="next_slot",
    trace="SELECT next_slot FROM mediasflow_pace",
    is_signed=False,
)

_ACCOUNT: Final = "address, login"

BELONG: Final = Change(
    """
    UPDATE mediasflow_journal
    SET address = coalesce(address, CAST(:address AS text)),
        login = CASE WHEN coalesce(address, CAST(:address AS text)) = CAST(:address AS text)
            THEN coalesce(login, CAST(:login AS text)) ELSE login END
    """,
    returning=_ACCOUNT,
    trace=_whole("SELECT $account FROM mediasflow_journal", account=_ACCOUNT),
    is_signed=False,
)
"""Two sessions that come first at once are told the same account, that of one of them."""

ADOPT: Final = """
UPDATE mediasflow_journal SET address = CAST(:address AS text), login = CAST(:login AS text)
WHERE address = :adopted
"""

PURGE: Final = """
DELETE FROM mediasflow_entries WHERE key IN (
    SELECT key FROM mediasflow_entries
    WHERE state IN ('LAUNCHED', 'REJECTED', 'CANCELLED')
        AND updated_at <= {now} - CAST(:older_than AS {span})
    LIMIT :limit
)
"""
COUNT: Final = "SELECT state, count(*) FROM mediasflow_entries GROUP BY state"
NOW: Final = "SELECT {now}"


@cache
def listing(states: frozenset[State]) -> str:
    """Return the query for the next entries in some states, after a moment and a key."""
    wanted = ", ".join(f"'{state}'" for state in sorted(states))
    return _whole(
        """
        SELECT $entry FROM mediasflow_entries
        WHERE (created_at, key) > (CAST(:created_at AS {instant}), CAST(:key AS text))
            AND state IN ($wanted)
        ORDER BY created_at, key LIMIT :limit
        """,
        entry=_ENTRY,
        wanted=wanted,
    )
