"""The journal that a command works with."""

from __future__ import annotations

import os
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from mediasflow_async.cli.address_password import refuse_password
from mediasflow_async.delivery import Journal
from mediasflow_async.errors import ConfigurationError

__all__ = ["JOURNAL_VARIABLE", "JournalOption", "open_existing", "open_or_make"]

JOURNAL_VARIABLE: Final = "MEDIASFLOW_JOURNAL"
_SQLITE: Final = "sqlite:///"

JournalOption = Annotated[str | None, Parameter(name="--journal")]
"""A file, or the address of a PostgreSQL database without its password."""


def open_or_make(given: str | None) -> AbstractAsyncContextManager[Journal]:
    """Open the journal of the option or of the environment, made where there is none.

    Raises:
        ConfigurationError: neither names one, or the option holds a password.
    """
    return Journal.open(_url(given))


def open_existing(given: str | None) -> AbstractAsyncContextManager[Journal]:
    """Open the journal of the option or of the environment; a file must be there.

    Raises:
        ConfigurationError: as in `open_or_make`, or there is no such file.
    """
    url = _url(given)
    path = Path(url.removeprefix(_SQLITE))
    if url.startswith(_SQLITE) and not path.is_file():
        raise ConfigurationError(f"there is no journal in {path}")
    return Journal.open(url)


def _url(given: str | None) -> str:
    if given is not None:
        refuse_password(given, option="--journal", variable=JOURNAL_VARIABLE)
    address = given or os.environ.get(JOURNAL_VARIABLE, "")
    if not address:
        raise ConfigurationError(f"name the journal with --journal or in {JOURNAL_VARIABLE}")
    return address if "://" in address else _SQLITE + address
