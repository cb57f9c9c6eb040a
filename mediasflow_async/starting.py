"""From the arguments of a session to the engine that it runs on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mediasflow_async.auth import Credentials
from mediasflow_async.connections import Connections
from mediasflow_async.dialect import Dialect
from mediasflow_async.engine import Engine
from mediasflow_async.errors import ConfigurationError
from mediasflow_async.retry import RetryPolicy
from mediasflow_async.settings import Settings, normalised_base_url

__all__ = ["start"]


def start(
    credentials: Mapping[str, Any],
    settings: Mapping[str, Any],
    *,
    base_url: str | None,
    dialect: Dialect | None,
    retry: RetryPolicy | None,
    http: Mapping[str, Any],
) -> Engine:
    """Return an engine for the arguments of a session; it holds nothing open yet.

    Raises:
        ConfigurationError: when they do not go together.
    """
    if http["client"] is not None and (http["transport"] or http["ssl_context"]) is not None:
        raise ConfigurationError("a client brings its own transport and TLS settings")
    chosen = dialect or Dialect()
    limits = Settings().changed(**settings)
    url = normalised_base_url(base_url or chosen.base_url)
    return Engine.start(
        Credentials(**credentials),
        base_url=url,
        dialect=chosen,
        settings=limits,
        retry=retry or RetryPolicy(),
        connections=Connections(url, limits, **http),
    )
