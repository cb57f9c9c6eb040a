"""After which outcome no new item is begun."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from mediasflow_async.concurrency.outcomes import Outcome
from mediasflow_async.errors import ConfigurationError, MediasflowError

__all__ = ["StopOn", "stop_test"]

_Item = TypeVar("_Item")
_Value = TypeVar("_Value")

StopOn = (
    type[MediasflowError]
    | tuple[type[MediasflowError], ...]
    | Callable[[Outcome[_Item, _Value]], object]
)
"""Classes of errors, or a function that says of each outcome whether it is one to stop at."""


def stop_test(
    stop_on: StopOn[_Item, _Value] | None,
) -> Callable[[Outcome[_Item, _Value]], object] | None:
    """Return the test that `stop_on` stands for.

    Raises:
        ConfigurationError: for what is neither errors of this package nor a function.
    """
    if stop_on is None:
        return None
    if isinstance(stop_on, type | tuple):
        return _error_test(stop_on if isinstance(stop_on, tuple) else (stop_on,))
    if not callable(stop_on):
        raise _refusal(stop_on)
    return stop_on


def _error_test(kinds: tuple[Any, ...]) -> Callable[[Outcome[Any, Any]], bool]:
    for kind in kinds:
        if not (isinstance(kind, type) and issubclass(kind, MediasflowError)):
            raise _refusal(kind)
    return lambda outcome: isinstance(outcome.error, kinds)


def _refusal(given: object) -> ConfigurationError:
    return ConfigurationError(
        f"stop_on is a MediasflowError class, a tuple of them or a function, not {given!r}"
    )
