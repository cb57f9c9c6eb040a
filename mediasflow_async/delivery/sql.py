"""Tables, statements and dialects; what a store must offer."""

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
    "COUNT",
    "DISCLAIM",
    "DISCLAIM_ALL",
    "GET",
    "HOLD",
    "HOME",
    "MIGRATIONS",
    "MOVE",
    "NOW",
    "PACE",
    "POSTPONE",
    "PURGE",
    "RULES",
    "TAKE",
    "Change",
    "Database",
    "Row",
    "Rule",
    "SqlDialect",
    "Values",
    "listing",
    "migrations_from",
    "render",
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


Row = Sequence[Any]
Values = Mapping[str, Any]


class Database(Protocol):
    """Runs the statements of `statements`, each in a transaction of its own.

    What fails raises `JournalError`, or `CampaignTaken` for a campaign number that another
    entry has.
    """

    async def change(self, change: Change, values: Values) -> Sequence[Row]:
        """Make a change, durably, and return what it selects of the rows that it has changed."""
        ...

    async def write(self, statement: str, values: Values) -> int:
        """Change or delete rows, durably, and return how many there were.

        It may be made twice when its answer was lost, and then tells of the second time.
        """
        ...

    async def ask(self, question: str, values: Values) -> Sequence[Row]:
        """Return the rows of a query."""
        ...

    async def damages(self) -> Sequence[str]:
        """Return what the database itself finds broken, one sentence each."""
        ...

    def moment(self, value: Any) -> datetime:
        """Return a moment, as the database returns it, in UTC."""
        ...

    def span(self, value: Any) -> timedelta:
        """Return a duration, as the database returns it."""
        ...


def _listed(*states: State) -> str:
    return ", ".join(f"'{state}'" for state in states)


_NUMBERED: Final = _listed(State.PREPARED, State.LAUNCHING, State.LAUNCHED, State.PARKED)
_OPEN: Final = _listed(*(state for state in State if state.is_open))
_BREAKING: Final = Template("SELECT key FROM mediasflow_entries WHERE NOT ($condition)")


@frozen
class Rule:
    """What holds for every entry: a constraint of the table, and a part of `Journal.check`.

    Attributes:
        broken: what is wrong with an entry that breaks it.
        condition: what holds, in SQL.
    """

    broken: str
    condition: str

    @property
    def question(self) -> str:
        """Return the query for the keys of the entries that break it."""
        return _BREAKING.substitute(condition=self.condition)


RULES: Final = (
    Rule("its state is none of the known ones", f"state IN ({_listed(*State)})"),
    Rule(
        "it has no campaign number",
        f"campaign_id IS NOT NULL OR state NOT IN ({_NUMBERED})",
    ),
    Rule(
        "it has an owner and no lease, or a lease and no owner",
        "(owner IS NULL) = (lease_until IS NULL)",
    ),
    Rule("it has an owner, and there is no work left", f"owner IS NULL OR state IN ({_OPEN})"),
    Rule(
        "it does not say since when it is being launched",
        "state <> 'LAUNCHING' OR (launching_since IS NOT NULL AND quiet_since IS NOT NULL)",
    ),
)

HOME: Final = (
    "CREATE TABLE IF NOT EXISTS mediasflow_journal ("
    " id integer PRIMARY KEY CHECK (id = 1), version integer NOT NULL, salt {binary} NOT NULL)"
)
"""The table that every version has: which version it is, and the key of the digests."""

_ENTRIES: Final = f"""
CREATE TABLE mediasflow_entries (
    key text {{by_bytes}} PRIMARY KEY NOT NULL,
    digest text NOT NULL,
    state text NOT NULL,
    campaign_id bigint UNIQUE,
    sender text,
    owner text,
    lease_until {{instant}},
    created_at {{instant}} NOT NULL,
    updated_at {{instant}} NOT NULL,
    launching_since {{instant}},
    quiet_since {{instant}},
    launches integer NOT NULL DEFAULT 0,
    reason text,
    status integer,
    change bigint NOT NULL DEFAULT 0,
    {", ".join(f"CHECK ({rule.condition})" for rule in RULES)}
)"""

_LEFT_INDEX: Final = (
    "CREATE INDEX mediasflow_entries_left ON mediasflow_entries (updated_at)"
    " WHERE state IN ('PREPARED', 'LAUNCHING')"
)
_PACE: Final = (
    "CREATE TABLE mediasflow_pace ("
    "id integer PRIMARY KEY CHECK (id = 1), next_slot {instant} NOT NULL)"
)

MIGRATIONS: Final[Sequence[Sequence[str]]] = (
    (
        _ENTRIES,
        "CREATE INDEX mediasflow_entries_by_age ON mediasflow_entries (created_at, key)",
        _LEFT_INDEX,
        _PACE,
        "INSERT INTO mediasflow_pace (id, next_slot) VALUES (1, {epoch})",
    ),
    (
        "ALTER TABLE mediasflow_journal ADD COLUMN address text",
        "ALTER TABLE mediasflow_journal ADD COLUMN login text",
    ),
)
"""What each version adds to the one before it; the first one starts from `HOME` alone.

An entry's ``change`` is a random number of its last move, by which a store knows a move of its
own again when the answer to it was lost.
"""


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


_PARAMETER: Final = re.compile(r":(\w+)")


@frozen(kw_only=True)
class SqlDialect:
    """The words of one database, for the names in braces of a template.

    Attributes:
        instant: the type of a moment.
        span: the type of a duration.
        binary: the type of bytes.
        by_bytes: makes a column of text sort by its bytes.
        epoch: a moment before all that are stored.
        now: the present moment.
        later: the function that gives the later of two moments.
        skip_locked: locks the rows that are read, and passes over those that are locked.
        parameter: how a parameter is written, as the replacement of ``:(name)``.
    """

    instant: str
    span: str
    binary: str
    by_bytes: str
    epoch: str
    now: str
    later: str
    skip_locked: str
    parameter: str


@cache
def render(template: str, dialect: SqlDialect) -> str:
    """Return a statement in the words of a database.

    Args:
        template: SQL with the attributes of `SqlDialect` in braces, and parameters as ``:name``.
        dialect: the words.
    """
    return _PARAMETER.sub(dialect.parameter, template.format_map(asdict(dialect)))
