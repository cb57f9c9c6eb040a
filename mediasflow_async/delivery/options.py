"""The options of a sender, checked when it is made."""

from __future__ import annotations

from datetime import timedelta

from mediasflow_async.errors import ConfigurationError
from mediasflow_async.settings import seconds_of

__all__ = ["Time", "span_of"]

Time = float | timedelta
"""Seconds, or a timedelta."""


def span_of(value: Time, name: str) -> timedelta:
    """Return a time option.

    Raises:
        ConfigurationError: it is no positive time.
    """
    seconds = seconds_of(value, name)
    if seconds is None:
        raise ConfigurationError(f"{name} is a positive number of seconds or a timedelta")
    return timedelta(seconds=seconds)
