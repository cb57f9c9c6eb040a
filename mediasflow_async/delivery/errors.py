"""What can go wrong with a campaign under a key, beside the errors of a call.

MediasflowError
├── KeyConflict     the key was used before, for another payload
├── KeyBusy         another sender works on the key, and did not end in time
├── CampaignTaken   the campaign's number belongs to another key
├── KeyUnknown      there is no such key in the journal
├── NotParked       only a parked campaign can be resolved
├── SenderStopped   the sender was shut down; what was begun is resumed later
├── LeaseLost       the lease ended before the first byte could leave
└── JournalError    the journal itself failed
"""

from __future__ import annotations

from typing import Any

from mediasflow_async.errors import MediasflowError

__all__ = [
    "CampaignTaken",
    "JournalError",
    "KeyBusy",
    "KeyConflict",
    "KeyUnknown",
    "LeaseLost",
    "NotParked",
    "SenderStopped",
]


class KeyConflict(MediasflowError):
    """The key was used before, for another payload; nothing was sent this time."""

    next_step = "Give every campaign a key of its own, and the same one whenever it is repeated."


class KeyBusy(MediasflowError):
    """Another sender works on the key and did not end in time; nothing was done here."""

    next_step = "Call again with the same key: you get what became of it."


class CampaignTaken(MediasflowError):
    """The campaign's number belongs to another key; nothing was sent under this one."""

    next_step = "Ask for the status of the other key: one draft is launched once, under one key."


class KeyUnknown(MediasflowError):
    """There is no such key in the journal."""

    next_step = "Is this the journal that it was sent with? A purged key is forgotten."


class NotParked(MediasflowError):
    """Only a parked campaign can be resolved; nothing was changed."""

    next_step = "Ask for its status: it has ended, or is still being worked on."


class SenderStopped(MediasflowError):
    """The sender was shut down before the campaign had ended; nothing is lost.

    What is in the journal says how far it came.
    """

    next_step = "Call again with the same key, from a new Sender, or resume()."

    def __init__(self, message: str = "the sender was shut down", **details: Any) -> None:
        super().__init__(message, **details)


class LeaseLost(MediasflowError):
    """The lease ended before the first byte could leave; nothing left."""

    next_step = "Call again with the same key: whoever has it now goes on where it stood."


class JournalError(MediasflowError):
    """The journal failed; what it has recorded is kept."""

    next_step = "Check the disk or the database, then call again with the same keys."
