"""One life of a process that sends a campaign; it may be killed, or frozen, at any step."""

from __future__ import annotations

import signal
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import anyio
from attrs import asdict, frozen

from mediasflow_async import MediasflowError, Session
from mediasflow_async.delivery import Journal, Receipt, Sender
from tests.delivery.crashes.steps import SteppedJournal, SteppedTransport, Steps
from tests.support.senders import request_for
from tests.support.sessions import QUICKLY

__all__ = ["KEY", "LEASE", "Life"]

KEY: Final = "order-4711"
LEASE: Final = timedelta(minutes=1)


@frozen(kw_only=True)
class Life:
    """What a life is given.

    Attributes:
        journal: the address of the journal.
        base_url: where the sandbox is.
        username: who logs in there.
        password: of that user.
        log: the file for the names of its steps.
        at: the step at which it gets the signal, from 0; None for none.
        signal: SIGKILL or SIGSTOP.
        lease_seconds: how long its claims hold. No call fails for want of time under a long
            one, on however busy a machine, so that each life takes the same steps.
        settle_seconds: how long it gives a launch in doubt.
    """

    journal: str
    base_url: str
    username: str
    password: str
    log: str
    at: int | None = None
    signal: int = signal.SIGKILL
    lease_seconds: float = LEASE.total_seconds()
    settle_seconds: float = 0.1

    def run(self) -> None:
        """Live."""
        anyio.run(self._live)

    def as_data(self) -> dict[str, Any]:
        """Return what makes the same life elsewhere."""
        return asdict(self)

    async def _live(self) -> None:
        steps = Steps(Path(self.log), self.at, self.signal)
        steps.reach("before open")
        async with (
            Journal.open(self.journal) as journal,
            SteppedTransport(steps) as transport,
            self._session(transport) as session,
        ):
            steps.reach("after open")
            await _outwait_the_dead(journal)
            stepped: Any = SteppedJournal(journal, steps)
            async with self._sender(session, stepped) as sender:
                await sender.resume()
                await _sent(sender)
                steps.reach("at the end")

    def _session(self, transport: SteppedTransport) -> Session:
        return Session(self.username, self.password, base_url=self.base_url, transport=transport)

    def _sender(self, session: Session, journal: Journal) -> Sender:
        return Sender(
            session,
            journal,
            settle=self.settle_seconds,
            confirm_every=0.01,
            lease=self.lease_seconds,
            retry=QUICKLY,
        )


async def _outwait_the_dead(journal: Journal) -> None:
    """Wait for the lease of another life, so that the steps do not depend on the time."""
    entry = await journal.get(KEY)
    if entry is not None:
        await anyio.sleep(entry.lease_left.total_seconds())


async def _sent(sender: Sender) -> Receipt:
    """Send until there is a receipt, as whoever handles events does."""
    while True:
        try:
            return await sender.send(KEY, request_for(KEY))
        except MediasflowError:
            await anyio.sleep(0.05)
