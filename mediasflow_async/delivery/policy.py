"""How patient a sender is, and how sure it wants to be."""

from __future__ import annotations

from datetime import timedelta

from attrs import frozen

__all__ = ["Policy"]


@frozen(kw_only=True)
class Policy:
    """How patient a sender is, and how sure it wants to be.

    Attributes:
        settle: how long after the last byte of a launch could leave the server is asked about
            it; longer than any late processing.
        confirmations: independent answers that must agree before a launch in doubt is decided.
        confirm_every: the wait between two of them.
        lease: how long a claim holds; every move renews it.
        relaunch_window: how long after the first launch the same campaign may be launched again.
        patience: how long `send` waits for another that works on the same key.
    """

    settle: timedelta = timedelta(seconds=120)
    confirmations: int = 2
    confirm_every: timedelta = timedelta(seconds=10)
    lease: timedelta = timedelta(minutes=2)
    relaunch_window: timedelta = timedelta(minutes=15)
    patience: timedelta = timedelta(minutes=5)

    @property
    def longest_call(self) -> timedelta:
        """How long a call takes at most, with all its attempts: half a lease.

        A launch leaves in the first half, or not at all. So it has its answer, or is given up,
        before anybody else may take its entry over.
        """
        return self.lease / 2
