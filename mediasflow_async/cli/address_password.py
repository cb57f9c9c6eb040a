"""No password of a database on the command line, where every user of the machine reads it."""

from __future__ import annotations

from urllib.parse import unquote

from mediasflow_async.errors import ConfigurationError

__all__ = ["refuse_password"]


def refuse_password(address: str, *, option: str, variable: str) -> None:
    """Refuse an address with a password in it, which is not shown.

    Args:
        address: what was given.
        option: the option that it was given with.
        variable: the environment variable that may hold the whole address.

    Raises:
        ConfigurationError: it has a password.
    """
    if _holds_password(address):
        raise ConfigurationError(
            f"a password on the command line is seen by others: leave it out of {option} and set "
            f"PGPASSWORD or PGPASSFILE, or put the whole address in {variable}"
        )


def _holds_password(address: str) -> bool:
    # A password with a slash in it ends the address too early for a parser.
    user, _, _ = address.partition("://")[2].rpartition("@")
    return ":" in user or "password=" in unquote(address).lower()
