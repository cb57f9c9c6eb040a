"""What a call does to the world, which decides when it may be repeated."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

from attrs import frozen

from mediasflow_async.masking import mask_text

__all__ = ["Operation", "OperationKind", "operation_of"]


class OperationKind(StrEnum):
    """How a call may be repeated when its fate is unknown."""

    READ = "READ"
    """Changes nothing: repeated freely."""
    SET = "SET"
    """Sets a state, the same however often: repeated freely."""
    PREPARE = "PREPARE"
    """Makes a draft; a second one is waste, not harm: repeated freely."""
    LAUNCH = "LAUNCH"
    """Sends a prepared campaign: never repeated blindly."""
    ONE_SHOT = "ONE_SHOT"
    """Sends SMS at once: never repeated blindly."""

    @property
    def is_repeatable(self) -> bool:
        """Whether a request of unknown fate may be sent again."""
        return self not in _SENDING


_SENDING: Final = (OperationKind.LAUNCH, OperationKind.ONE_SHOT)


@frozen
class Operation:
    """A function of the API.

    Attributes:
        kind: what it does to the world.
        method: its HTTP method.
        path: its path below the base URL, with ``{campaign_id}`` for the number.
    """

    kind: OperationKind
    method: str
    path: str

    @property
    def shown_path(self) -> str:
        """The path as errors and logs may show it: a path of the caller's own can hold a number."""
        return mask_text(self.path)

    @property
    def may_send(self) -> bool:
        """Whether it can make SMS go out."""
        return not self.kind.is_repeatable


def operation_of(kind: OperationKind | str | None, method: str, path: str) -> Operation:
    """Return the operation that a caller's own request is, unchecked.

    Without a kind, reading methods are READ, and all others ONE_SHOT: never repeated in doubt.
    """
    verb = method.upper() if isinstance(method, str) else method
    default = OperationKind.READ if verb in _READING_METHODS else OperationKind.ONE_SHOT
    return Operation(default if kind is None else _KINDS.get(kind, kind), verb, path)


_READING_METHODS: Final = ("GET", "HEAD", "OPTIONS")
_KINDS: Final[dict[Any, Any]] = {member.value: member for member in OperationKind}
