"""The states of a campaign on its way out, and the moves between them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

__all__ = ["MOVES", "Reason", "State"]


class State(StrEnum):
    """Where a campaign stands."""

    NEW = "NEW"
    """The key is known. A draft may exist at the server, and nothing has been sent."""
    PREPARED = "PREPARED"
    """The server holds the draft under the campaign's number; nothing has been sent."""
    LAUNCHING = "LAUNCHING"
    """A launch may have left. What it did is found out, never assumed."""
    LAUNCHED = "LAUNCHED"
    """Final: the server has the launch, by its answer, by other evidence or by a person's word."""
    REJECTED = "REJECTED"
    """Final: the server or the rules of the API refused it; nothing was sent."""
    PARKED = "PARKED"
    """Nobody can tell whether it was sent: waits for a person, and for `Sender.resolve`."""
    CANCELLED = "CANCELLED"
    """Final: not to be sent, by the caller's wish before a launch or by a person's word."""

    @property
    def is_open(self) -> bool:
        """Whether there is still work to do that needs no person."""
        return self in _OPEN


_OPEN: Final = frozenset({State.NEW, State.PREPARED, State.LAUNCHING})

MOVES: Final[Mapping[State, frozenset[State]]] = MappingProxyType(
    {
        State.NEW: frozenset({State.PREPARED, State.REJECTED, State.CANCELLED}),
        State.PREPARED: frozenset({State.LAUNCHING, State.REJECTED, State.CANCELLED}),
        State.LAUNCHING: frozenset(
            {State.LAUNCHING, State.PREPARED, State.LAUNCHED, State.REJECTED, State.PARKED}
        ),
        State.PARKED: frozenset({State.LAUNCHED, State.CANCELLED}),
        State.LAUNCHED: frozenset(),
        State.REJECTED: frozenset(),
        State.CANCELLED: frozenset(),
    }
)
"""The states that each state may be left for. LAUNCHING to itself is a relaunch on positive
evidence; LAUNCHING back to PREPARED is a launch that is proven not to have been executed."""


class Reason(StrEnum):
    """Why an entry is in its state."""

    ANSWERED = "ANSWERED"
    """LAUNCHED: the server answered the launch."""
    SHOWN_BY_STATE = "SHOWN_BY_STATE"
    """LAUNCHED: the server showed the campaign in a state after DRAFT."""
    SHOWN_BY_REPORT = "SHOWN_BY_REPORT"
    """LAUNCHED: the report of the campaign has rows."""
    REFUSED = "REFUSED"
    """REJECTED: the server refused for good."""
    INVALID = "INVALID"
    """REJECTED: the rules of the API refuse the request."""
    CAMPAIGN_TAKEN = "CAMPAIGN_TAKEN"
    """REJECTED: the campaign's number belongs to another key."""
    NO_EVIDENCE = "NO_EVIDENCE"
    """PARKED: nothing shows whether the launch was executed."""
    TOO_LATE = "TOO_LATE"
    """PARKED: it seems to be a draft still, and the relaunch window has passed."""
    BY_CALLER = "BY_CALLER"
    """CANCELLED: the caller cancelled it before a launch."""
    BY_PERSON = "BY_PERSON"
    """LAUNCHED or CANCELLED: what a person found out about a parked campaign."""
