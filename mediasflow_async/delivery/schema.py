"""The tables of a journal and the rules that hold in them, for both stores.

Names in braces stand for the words of `sql_dialect.SqlDialect`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from string import Template
from typing import Final

from attrs import frozen

from mediasflow_async.delivery.errors import JournalError
from mediasflow_async.delivery.states import State

__all__ = ["HOME", "MIGRATIONS", "RULES", "Rule", "migrations_from"]


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
