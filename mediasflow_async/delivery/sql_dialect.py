"""How SQLite and PostgreSQL say differently what is otherwise the same SQL."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from attrs import asdict, frozen

__all__ = ["SqlDialect", "render"]

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
