"""The address of a PostgreSQL database, and the password that nobody may see in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import psycopg
from attrs import field, frozen
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from mediasflow_async.errors import ConfigurationError
from mediasflow_async.masking import hidden

__all__ = ["Address"]

_DEFAULTS: Final = {
    "application_name": "mediasflow-async",
    "connect_timeout": "10",
    # What is left of a connection whose server or cable is gone is noticed in half a minute.
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
_SECRET: Final = ("password", "sslpassword")


@frozen
class Address:
    """Where the database is and who asks, in libpq's words; no repr shows it.

    Attributes:
        conninfo: the whole address, its secrets included.
        secrets: those secrets.
    """

    conninfo: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)

    @classmethod
    def of(cls, url: str) -> Address:
        """Read a URL; what it leaves open is taken from libpq's environment variables.

        Raises:
            ConfigurationError: it cannot be read, or a password in it may be taken for a part
                of the address, and shown as such.
        """
        given = _parts(url)
        secrets = tuple(str(given[name]) for name in _SECRET if given.get(name))
        return cls(make_conninfo("", **{**_DEFAULTS, **given}), secrets)

    def cleaned(self, error: psycopg.Error) -> str:
        """Return what an error says, without the rows and the secrets that it may quote."""
        return hidden(error.diag.message_primary or str(error), self.secrets)


def _parts(url: str) -> Mapping[str, str | int | None]:
    split = urlsplit(url)
    if url.count("@") <= 1 and ("@" in split.netloc) == ("@" in url):
        try:
            return conninfo_to_dict(url)
        except psycopg.ProgrammingError:
            # Its message quotes the part that cannot be read, which may be the password.
            pass
    raise ConfigurationError(
        "the address of the database cannot be read; it is postgresql://user:password@host/name, "
        "with each special character of the user and the password percent-encoded"
    )
