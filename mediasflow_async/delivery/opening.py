"""Which store a journal's address means."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final

from mediasflow_async.delivery.journal import Journal
from mediasflow_async.errors import ConfigurationError

__all__ = ["open_journal"]

_SQLITE: Final = "sqlite:///"
_POSTGRES: Final = ("postgresql://", "postgres://")
_DRIVER: Final = frozenset({"psycopg", "psycopg_pool"})


def open_journal(url: str) -> AbstractAsyncContextManager[Journal]:
    """Open a journal, as an async context manager; see `Journal.open`.

    Args:
        url: ``sqlite:///relative.db``, ``sqlite:////absolute.db`` or ``postgresql://...``.

    Raises:
        ConfigurationError: for an address of another kind, or where the driver of PostgreSQL is
            not installed.
    """
    if url.startswith(_SQLITE):
        from mediasflow_async.delivery.sqlite_opening import open_sqlite

        return open_sqlite(_path(url))
    if url.startswith(_POSTGRES):
        return _open_postgres(url)
    # What was given may hold a password, so it is not shown.
    raise ConfigurationError(
        "a journal is opened with sqlite:///relative.db, sqlite:////absolute.db or postgresql://..."
    )


def _open_postgres(url: str) -> AbstractAsyncContextManager[Journal]:
    try:
        from mediasflow_async.delivery.postgres_opening import open_postgres
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _DRIVER:
            raise
        missing = error
    else:
        return open_postgres(url)
    raise ConfigurationError(
        "a journal on PostgreSQL needs the extra `postgres`: "
        "pip install 'mediasflow-async[postgres]'"
    ) from missing


def _path(url: str) -> Path:
    name = url.removeprefix(_SQLITE)
    if not name or name.startswith(":"):
        raise ConfigurationError(
            "a journal outlives the process: sqlite:/// and the name of a file"
        )
    return Path(name)
