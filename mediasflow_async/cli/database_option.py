"""The database that several machines share, as the command line names it."""

from __future__ import annotations

import os
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from mediasflow_async.errors import ConfigurationError

__all__ = ["database_url"]

_VARIABLE: Final = "MEDIASFLOW_DATABASE"
_SCHEMES: Final = ("postgresql://", "postgres://")
_SECRET: Final = frozenset({"password", "sslpassword"})


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
    if given is not None and _holds_password(url):
        raise ConfigurationError(
            "every user of this machine can read a password on the command line: leave it out of "
            f"--database and put it into PGPASSWORD or the file of PGPASSFILE, or put the whole "
            f"address into {_VARIABLE}"
        )
    return url


def _holds_password(url: str) -> bool:
    # A password with a slash in it ends the address too early for a parser.
    user, _, _ = url.partition("://")[2].rpartition("@")
    names = {name for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True)}
    return ":" in user or bool(names & _SECRET)
