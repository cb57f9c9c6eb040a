"""The options of a sender, checked when it is made."""

from __future__ import annotations

import math
from datetime import timedelta

from mediasflow_async.errors import ConfigurationError
from mediasflow_async.settings import seconds_of

__all__ = ["Time", "count_of", "rate_of", "span_of"]

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


def count_of(value: int, name: str) -> int:
    """Return an option that counts.

    Raises:
        ConfigurationError: it is no whole number from 1 up.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigurationError(f"{name} is a whole number from 1 up, not {value!r}")
    return value


def rate_of(value: float | None) -> float | None:
    """Return the rate.

    Raises:
        ConfigurationError: it is no positive number.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if value is not None and not (is_number and 0 < value < math.inf):
        raise ConfigurationError(f"rate is a positive number or None, not {value!r}")
    return value
