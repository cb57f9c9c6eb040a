"""The journal in SQL: what a store must offer, the statements, the tables and their migrations.

Everything is written once, as a template: the attributes of `SqlDialect` stand in braces, and
parameters as ``:name``. `render` makes the text of one database out of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from string import Template
from typing import Any, Final, Protocol

from attrs import asdict, fields, frozen

from mediasflow_async.delivery.errors import JournalError
from mediasflow_async.delivery.records import Entry, State

__all__ = [
    "ADOPT",
    "BELONG",
    "CLAIM",
    "CONSTRAINTS",
    "COUNT",
    "DISCLAIM",
    "DISCLAIM_ALL",
    "GET",
    "JOURNAL_TABLE",
    "MIGRATIONS",
    "MOVE",
    "NOW",
    "PACE",
    "POSTPONE",
    "PURGE",
    "RENEW",
    "TAKE",
    "Change",
    "Constraint",
    "Database",
    "Row",
    "SqlDialect",
    "Values",
    "migrations_from",
    "render",
    "select_entries",
]

Row = Sequence[Any]
Values = Mapping[str, Any]


class Database(Protocol):
    """What a store offers: it runs each statement in a transaction of its own.

    What fails raises `JournalError`, or `CampaignTaken` for a campaign number that another
    entry has.
    """

    async def change(self, change: Change, values: Values) -> Sequence[Row]:
        """Make a change, durably, and return what it selects of the rows that it has changed."""
        ...

    async def execute(self, statement: str, values: Values) -> int:
        """Change or delete rows, durably, and return how many there were.

        It may be executed twice when its answer was lost, and then returns the second count.
        """
        ...

    async def query(self, statement: str, values: Values) -> Sequence[Row]:
        """Return the rows of a query."""
        ...

    async def integrity_problems(self) -> Sequence[str]:
        """Return what the database itself finds broken, one sentence each."""
        ...

    def check_place(self) -> None:
        """Check, without waiting, that the rows are still where others would look for them."""
        ...

    def datetime_of(self, value: Any) -> datetime:
        """Return a time, as the database returns it, in UTC."""
        ...

    def timedelta_of(self, value: Any) -> timedelta:
        """Return a duration, as the database returns it."""
        ...


@frozen(kw_only=True)
class SqlDialect:
    """How one database writes what the templates leave open.

    Attributes:
        timestamp: the type of a time.
        interval: the type of a duration.
        binary: the type of bytes.
        byte_order: makes a column of text sort by its bytes.
        epoch: a time before all that are stored.
        now: the present time.
        greatest: the function that returns the greater of two values.
        skip_locked: locks the rows that are read, and passes over those that are locked.
        parameter: how a parameter is written, as the replacement of ``:(name)``.
    """

    timestamp: str
    interval: str
    binary: str
    byte_order: str
    epoch: str
    now: str
    greatest: str
    skip_locked: str
    parameter: str


_PARAMETER: Final = re.compile(r":(\w+)")


@cache
def render(template: str, dialect: SqlDialect) -> str:
    """Return the statement that a template is in one database."""
    return _PARAMETER.sub(dialect.parameter, template.format_map(asdict(dialect)))


@frozen
class Change:
    """A statement that changes rows in one transaction, and how its result is read.

    Attributes:
        statement: the change; executed twice, it does no harm.
        returning: what to select of the rows that it has changed.
        readback: the query that selects the same afterwards.
        is_recognisable: whether `readback` finds what this very execution left and nothing
            else, so that the result can be read when the answer to the statement was lost.
    """

    statement: str
    returning: str
    readback: str
    is_recognisable: bool = True


def _statement(template: str, **parts: str) -> str:
    """Return a template with parts of ours, never values, in place of its ``$names``."""
    return Template(template).substitute(parts)


_COLUMNS: Final = ", ".join(field.name for field in fields(Entry) if field.name != "read_at")
_ENTRY: Final = f"{_COLUMNS}, {{now}}"

GET: Final = _statement("SELECT $entry FROM mediasflow_entries WHERE key = :key", entry=_ENTRY)

CLAIM: Final = Change(
    """
    INSERT INTO mediasflow_entries
        (key, digest, state, owner, lease_until, created_at, updated_at)
    SELECT :key, :digest, 'NEW', :owner, now + CAST(:lease AS {interval}), now, now
    FROM (SELECT {now} AS now) AS clock WHERE true
    ON CONFLICT (key) DO UPDATE SET
        owner = excluded.owner,
        lease_until = excluded.lease_until,
        updated_at = {greatest}(mediasflow_entries.updated_at, excluded.updated_at)
    WHERE mediasflow_entries.digest = excluded.digest
        AND mediasflow_entries.state IN ('NEW', 'PREPARED', 'LAUNCHING')
        AND (mediasflow_entries.owner IS NULL
            OR mediasflow_entries.owner = excluded.owner
            OR mediasflow_entries.lease_until <= excluded.updated_at)
    """,
    returning=_ENTRY,
    readback=f"{GET} AND owner = :owner",
)

TAKE: Final = Change(
    """
    WITH free AS (
        SELECT key FROM mediasflow_entries
        WHERE state IN ('PREPARED', 'LAUNCHING')
            AND (owner IS NULL OR lease_until <= {now})
            AND updated_at < CAST(:before AS {timestamp})
        ORDER BY updated_at LIMIT :limit {skip_locked}
    )
    UPDATE mediasflow_entries SET
        owner = :owner,
        (lease_until, updated_at) = (
            SELECT now + CAST(:lease AS {interval}), {greatest}(updated_at, now)
            FROM (SELECT {now} AS now) AS clock
        )
    WHERE key IN (SELECT key FROM free)
    """,
    returning=_ENTRY,
    readback=_statement(
        """
        SELECT $entry FROM mediasflow_entries
        WHERE state IN ('PREPARED', 'LAUNCHING') AND owner = :owner
        """,
        entry=_ENTRY,
    ),
)

# An entry's `change` is a random number of its last compare-and-set, by which a store recognises
# a change of its own when the answer to it was lost.
_COMPARED: Final = """
    WHERE key = :key AND state = :state AND change <> :change
        AND coalesce(owner, '') = coalesce(CAST(:owner AS text), '')
"""
# What a change left, unless another owner has claimed the entry since then.
_LEFT_BY_CHANGE: Final = (
    f"{GET} AND change = :change AND (owner IS NULL OR owner = CAST(:owner AS text))"
)

MOVE: Final = Change(
    _statement(
        """
        UPDATE mediasflow_entries SET
            state = :to, reason = :reason, status = :status, change = :change,
            campaign_id = coalesce(CAST(:campaign_id AS bigint), campaign_id),
            sender = coalesce(CAST(:sender AS text), sender),
            launches = launches + CASE CAST(:to AS text) WHEN 'LAUNCHING' THEN 1 ELSE 0 END,
            (owner, lease_until, updated_at, launching_since, quiet_since) = (
                SELECT
                    CASE WHEN lease IS NULL THEN NULL ELSE owner END,
                    CASE WHEN owner IS NULL THEN NULL ELSE now + lease END,
                    {greatest}(updated_at, now),
                    CASE CAST(:to AS text)
                        WHEN 'LAUNCHING' THEN coalesce(launching_since, now)
                        WHEN 'PREPARED' THEN NULL
                        ELSE launching_since
                    END,
                    CASE CAST(:to AS text)
                        WHEN 'LAUNCHING' THEN coalesce(now + lease, now)
                        WHEN 'PREPARED' THEN NULL
                        ELSE quiet_since
                    END
                FROM (SELECT {now} AS now, CAST(:lease AS {interval}) AS lease) AS given
            )
        $compared
        """,
        compared=_COMPARED,
    ),
    returning=_ENTRY,
    readback=_LEFT_BY_CHANGE,
)

RENEW: Final = Change(
    _statement(
        """
        UPDATE mediasflow_entries SET
            change = :change,
            (owner, lease_until, updated_at, quiet_since) = (
                SELECT
                    CASE WHEN lease IS NULL THEN NULL ELSE owner END,
                    now + lease,
                    {greatest}(updated_at, now),
                    CASE WHEN quiet_since > now THEN now ELSE quiet_since END
                FROM (SELECT {now} AS now, CAST(:lease AS {interval}) AS lease) AS given
            )
        $compared AND owner IS NOT NULL
        """,
        compared=_COMPARED,
    ),
    returning=_ENTRY,
    readback=_LEFT_BY_CHANGE,
)
"""Extends the lease of an entry, or releases the entry where the lease is NULL."""

_RELEASE: Final = """
    UPDATE mediasflow_entries SET
        owner = NULL, lease_until = NULL,
        (updated_at, quiet_since) = (
            SELECT
                {greatest}(updated_at, now),
                CASE WHEN quiet_since > now THEN now ELSE quiet_since END
            FROM (SELECT {now} AS now) AS clock
        )
    WHERE owner = :owner AND $which
"""

DISCLAIM: Final = _statement(
    _RELEASE, which="key = :key AND state IN ('NEW', 'PREPARED', 'LAUNCHING')"
)
DISCLAIM_ALL: Final = _statement(_RELEASE, which="state IN ('PREPARED', 'LAUNCHING')")
"""What `TAKE` takes and nothing else: those states have an index, and owners have none."""

_WAIT: Final = "next_slot - CAST(:interval AS {interval}) - {now}"

# A departure beyond the horizon is none that was reserved: a clock was wrong when it was written.
PACE: Final = Change(
    """
    UPDATE mediasflow_pace
    SET next_slot = CAST(:interval AS {interval}) + (
        SELECT CASE WHEN next_slot > now + CAST(:horizon AS {interval}) THEN now
            ELSE {greatest}(next_slot, now) END
        FROM (SELECT {now} AS now) AS clock
    )
    """,
    returning=_WAIT,
    readback=_statement("SELECT $wait FROM mediasflow_pace", wait=_WAIT),
    is_recognisable=False,
)

POSTPONE: Final = Change(
    """
    UPDATE mediasflow_pace
    SET next_slot = {greatest}(next_slot, {now} + CAST(:delay AS {interval}))
    """,
    returning="next_slot",
    readback="SELECT next_slot FROM mediasflow_pace",
    is_recognisable=False,
)

BELONG: Final = Change(
    """
    UPDATE mediasflow_journal
    SET address = coalesce(address, CAST(:address AS text)),
        login = CASE WHEN coalesce(address, CAST(:address AS text)) = CAST(:address AS text)
            THEN coalesce(login, CAST(:login AS text)) ELSE login END
    """,
    returning="address, login",
    readback="SELECT address, login FROM mediasflow_journal",
    is_recognisable=False,
)
"""Of two sessions that come first at once, both are told the account of one of them."""

ADOPT: Final = """
UPDATE mediasflow_journal SET address = CAST(:address AS text), login = CAST(:login AS text)
WHERE address = :adopted
"""

PURGE: Final = """
DELETE FROM mediasflow_entries WHERE key IN (
    SELECT key FROM mediasflow_entries
    WHERE state IN ('LAUNCHED', 'REJECTED', 'CANCELLED')
        AND updated_at <= {now} - CAST(:older_than AS {interval})
    LIMIT :limit
)
"""
COUNT: Final = "SELECT state, count(*) FROM mediasflow_entries GROUP BY state"
NOW: Final = "SELECT {now}"


@cache
def select_entries(states: frozenset[State]) -> str:
    """Return the query for the next entries in some states, after a time and a key."""
    return _statement(
        """
        SELECT $entry FROM mediasflow_entries
        WHERE (created_at, key) > (CAST(:created_at AS {timestamp}), CAST(:key AS text))
            AND state IN ($states)
        ORDER BY created_at, key LIMIT :limit
        """,
        entry=_ENTRY,
        states=_listed(*sorted(states)),
    )


def _listed(*states: State) -> str:
    return ", ".join(f"'{state}'" for state in states)


@frozen
class Constraint:
    """What holds for every entry: a CHECK of the table, and a part of `Journal.check`.

    Attributes:
        problem: what is wrong with an entry that violates it.
        condition: what holds, in SQL.
    """

    problem: str
    condition: str

    @property
    def violations(self) -> str:
        """The query for the keys of the entries that violate it."""
        return _statement(
            "SELECT key FROM mediasflow_entries WHERE NOT ($condition)", condition=self.condition
        )


_NUMBERED: Final = _listed(State.PREPARED, State.LAUNCHING, State.LAUNCHED, State.PARKED)
_OPEN: Final = _listed(*(state for state in State if state.is_open))

CONSTRAINTS: Final = (
    Constraint("its state is none of the known ones", f"state IN ({_listed(*State)})"),
    Constraint(
        "it has no campaign number",
        f"campaign_id IS NOT NULL OR state NOT IN ({_NUMBERED})",
    ),
    Constraint(
        "it has an owner and no lease, or a lease and no owner",
        "(owner IS NULL) = (lease_until IS NULL)",
    ),
    Constraint(
        "it has an owner, and there is no work left", f"owner IS NULL OR state IN ({_OPEN})"
    ),
    Constraint(
        "it does not say since when it is being launched",
        "state <> 'LAUNCHING' OR (launching_since IS NOT NULL AND quiet_since IS NOT NULL)",
    ),
)

JOURNAL_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS mediasflow_journal ("
    " id integer PRIMARY KEY CHECK (id = 1), version integer NOT NULL, salt {binary} NOT NULL)"
)
"""The table that every version has: the version of the schema, and the key of the digests."""

_ENTRIES_TABLE: Final = f"""
CREATE TABLE mediasflow_entries (
    key text {{byte_order}} PRIMARY KEY NOT NULL,
    digest text NOT NULL,
    state text NOT NULL,
    campaign_id bigint UNIQUE,
    sender text,
    owner text,
    lease_until {{timestamp}},
    created_at {{timestamp}} NOT NULL,
    updated_at {{timestamp}} NOT NULL,
    launching_since {{timestamp}},
    quiet_since {{timestamp}},
    launches integer NOT NULL DEFAULT 0,
    reason text,
    status integer,
    change bigint NOT NULL DEFAULT 0,
    {", ".join(f"CHECK ({constraint.condition})" for constraint in CONSTRAINTS)}
)"""

_LEFT_INDEX: Final = (
    "CREATE INDEX mediasflow_entries_left ON mediasflow_entries (updated_at)"
    " WHERE state IN ('PREPARED', 'LAUNCHING')"
)
_PACE_TABLE: Final = (
    "CREATE TABLE mediasflow_pace ("
    "id integer PRIMARY KEY CHECK (id = 1), next_slot {timestamp} NOT NULL)"
)

MIGRATIONS: Final[Sequence[Sequence[str]]] = (
    (
        _ENTRIES_TABLE,
        "CREATE INDEX mediasflow_entries_by_age ON mediasflow_entries (created_at, key)",
        _LEFT_INDEX,
        _PACE_TABLE,
        "INSERT INTO mediasflow_pace (id, next_slot) VALUES (1, {epoch})",
    ),
    (
        "ALTER TABLE mediasflow_journal ADD COLUMN address text",
        "ALTER TABLE mediasflow_journal ADD COLUMN login text",
    ),
    # Earlier versions took over whatever pause a server asked for, a thousand years included.
    ("UPDATE mediasflow_pace SET next_slot = {epoch}",),
)
"""What each version adds to the one before it; the first one starts from `JOURNAL_TABLE` alone."""


def migrations_from(version: int) -> Iterator[str]:
    """Yield the statements that bring a journal of this version up to date.

    Raises:
        JournalError: the journal is of a later version than this package.
    """
    if version > len(MIGRATIONS):
        raise JournalError(
            f"The journal is of version {version}, and this package knows {len(MIGRATIONS)}",
            next_step="Update mediasflow-async on this machine; nothing was changed.",
        )
    for statements in MIGRATIONS[version:]:
        yield from statements
