"""The database that several machines share, as the command line names it."""

from __future__ import annotations

import os
from typing import Final

from mediasflow_async.cli.address_password import refuse_password
from mediasflow_async.errors import ConfigurationError

__all__ = ["database_url"]

_VARIABLE: Final = "MEDIASFLOW_DATABASE"
_SCHEMES: Final = ("postgresql://", "postgres://")


def database_url(given: str | None) -> str:
    """Return the address of the database: the given one, or that of MEDIASFLOW_DATABASE.

    Raises:
        ConfigurationError: there is none, it is no PostgreSQL database, or it was given on the
            command line with its password.
    """
    url = os.environ.get(_VARIABLE, "").strip() if given is None else given
    if not url:
        raise ConfigurationError(f"--database or {_VARIABLE} says which database: postgresql://...")
    # What was given may hold a password in any place, so it is not shown.
    if not url.startswith(_SCHEMES):
        raise ConfigurationError("the database is a PostgreSQL one: postgresql://user@host/name")
    if given is not None:
        refuse_password(given, option="--database", variable=_VARIABLE)
    return url
