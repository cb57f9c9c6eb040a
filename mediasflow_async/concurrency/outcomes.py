"""What became of one item of a map, and which outcome ends the map.

A `MediasflowError` is an outcome like any other. An item that was pulled from the input and has no
result, since the map ended before, has an outcome as well: its error says whether a request of
its own may have left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from attrs import field, frozen

from mediasflow_async._core.progress import CallState
from mediasflow_async.errors import ConfigurationError, MediasflowError, Sent, may_have_sent

__all__ = ["Outcome", "StopOn", "cut_short", "never_begun", "stop_test"]


_Item = TypeVar("_Item")
_Value = TypeVar("_Value")


@frozen(kw_only=True)
class Outcome(Generic[_Item, _Value]):
    """What became of one item.

    Attributes:
        index: position of the item in the input, counted from 0.
        item: the item.
        value: what came back, or None after an error.
        error: the error, or None.
    """

    index: int
    item: _Item = field(repr=False)
    value: _Value | None = None
    error: MediasflowError | None = None

    @property
    def ok(self) -> bool:
        """Whether the call succeeded."""
        return self.error is None

    def unwrap(self) -> _Value:
        """Return the value, or raise the error.

        Raises:
            MediasflowError: the error of the outcome.
        """
        if self.error is not None:
            raise self.error.with_traceback(None)
        return self.value  # type: ignore[return-value] # None is the value where there is no error


StopOn = (
    type[MediasflowError]
    | tuple[type[MediasflowError], ...]
    | Callable[[Outcome[_Item, _Value]], object]
)
"""Classes of errors, or a function of an outcome that says whether the map stops at it."""


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


def cut_short(failure: BaseException, calls: Iterable[CallState]) -> MediasflowError:
    """Return the error of an action that was cancelled, or that raised what is no error of ours.

    It is that of the latest call that may have sent SMS, or else of the latest call. Without
    any call nothing is proven, for an action can do more than make calls.

    Args:
        failure: what the action ended with.
        calls: the calls of the action, as `collect_calls` has noted them.
    """
    errors = [error_of() for error_of in calls]
    in_doubt = [error for error in errors if may_have_sent(error)]
    if errors:
        return (in_doubt or errors)[-1]
    return MediasflowError(
        f"the action ended with {type(failure).__name__}, outside of any call",
        sent=Sent.UNKNOWN,
        next_step="Find out what it did before you repeat it.",
    )


def never_begun() -> MediasflowError:
    """Return the error of an item that was pulled from the input, and for which nothing ran."""
    return MediasflowError("the action never began for this item", next_step="Nothing was sent.")
