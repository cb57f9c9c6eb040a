"""What the server has: drafts, and how often each was sent. It sends whatever it is told to."""

from __future__ import annotations

from collections import Counter
from typing import Any

from attrs import define, field

__all__ = ["Draft", "Ledger", "Statement"]

Statement = dict[str, Any]
"""The ledger, as it is handed out."""


@define
class Draft:
    """A campaign at the server.

    Attributes:
        number: the server's.
        key: whose it is.
        launches: how often it was sent.
    """

    number: int
    key: str
    launches: int = 0


@define
class Ledger:
    """The campaigns, and what came in.

    Attributes:
        drafts: the campaigns, by their numbers.
        requests: how many came, by what they ask for.
        faults: how often each was met.
        pending: requests that are still to be processed, too late.
        latest: seconds after which the latest of those was processed.
    """

    drafts: dict[int, Draft] = field(factory=dict)
    requests: Counter[str] = field(factory=Counter)
    faults: Counter[str] = field(factory=Counter)
    pending: int = 0
    latest: float = 0.0

    def add(self, key: str) -> Draft:
        """Make a draft."""
        draft = Draft(len(self.drafts) + 1, key)
        self.drafts[draft.number] = draft
        return draft

    def launch(self, draft: Draft) -> None:
        """Send a campaign, whether it was sent before or not."""
        draft.launches += 1

    def statement(self) -> Statement:
        """Return the whole as JSON data; campaigns that were never sent are not in it."""
        launched = [draft for draft in self.drafts.values() if draft.launches]
        return {
            "drafts": len(self.drafts),
            "launched": [[draft.key, draft.number, draft.launches] for draft in launched],
            "requests": dict(self.requests),
            "faults": dict(self.faults),
            "pending": self.pending,
            "latest": self.latest,
        }
