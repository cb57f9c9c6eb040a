"""What became of one item."""

from __future__ import annotations

from typing import Generic, TypeVar

from attrs import field, frozen

from mediasflow_async.errors import MediasflowError

__all__ = ["Outcome"]

_Item = TypeVar("_Item")
_Value = TypeVar("_Value")


@frozen(kw_only=True)
class Outcome(Generic[_Item, _Value]):
    """What became of one item.

    Attributes:
        index: position of the item in the input, from 0.
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
        """Return the value, or raise the error."""
        if self.error is not None:
            raise self.error.with_traceback(None)
        return self.value  # type: ignore[return-value] # None is the value where there is no error
