"""`mediasflow worker`: send what is queued in a database, with as many others as there are."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections import Counter
from datetime import timedelta
from typing import Annotated, Final

from attrs import field, frozen
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.text import Text

from mediasflow_async.cli.console import console
from mediasflow_async.cli.options import database_url
from mediasflow_async.delivery import Journal, KeyConflict, Receipt, Sender, SenderStopped, State
from mediasflow_async.errors import InvalidRequest, MediasflowError
from mediasflow_async.secrecy import mask_text
from mediasflow_async.session import Session

__all__ = ["worker"]

_FINAL: Final = (InvalidRequest, KeyConflict)
_Positive = Parameter(validator=Number(gt=0))


def worker(
    *,
    database: str | None = None,
    concurrency: Annotated[int, Parameter(validator=Number(gte=1))] = 20,
    rate: Annotated[float | None, _Positive] = None,
    settle: Annotated[float, _Positive] = 120.0,
    confirm_every: Annotated[float, _Positive] = 10.0,
    lease: Annotated[float, _Positive] = 120.0,
    stalled_after: Annotated[float, _Positive] = 30.0,
) -> None:
    """Send what `mediasflow batch enqueue` has queued, until Ctrl-C or SIGTERM.

    Start as many as you like, on as many machines as you like: each campaign goes out once. The
    account is taken from MEDIASFLOW_USERNAME and MEDIASFLOW_PASSWORD, or MEDIASFLOW_TOKEN.

    Parameters
    ----------
    database
        A PostgreSQL database, without its password: postgresql://user@host/name. That of
        MEDIASFLOW_DATABASE by default; the password is that of PGPASSWORD or PGPASSFILE.
    concurrency
        Campaigns under way at once, here.
    rate
        Calls per second of all workers together; give the same to each.
    settle
        Seconds after a launch without an answer until the server is asked about it; longer than
        the server could still take to process it.
    confirm_every
        Seconds between two questions about a launch in doubt.
    lease
        Seconds for which a campaign is one worker's own; more than twice as long as any call.
    stalled_after
        Seconds of silence after which the others take the work of a worker over.
    """
    run = _Run(
        url=database_url(database),
        concurrency=concurrency,
        rate=rate,
        settle=settle,
        confirm_every=confirm_every,
        lease=lease,
        stalled_after=stalled_after,
        screen=console(),
    )
    _log_to_standard_error()
    asyncio.run(run.to_the_end())


def _log_to_standard_error() -> None:
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s"
    )
    # What becomes of a job is told here, in the words of campaigns.
    logging.getLogger("procrastinate").setLevel(logging.CRITICAL)


@frozen(kw_only=True)
class _Run:
    """One run of a worker."""

    url: str = field(repr=False)
    concurrency: int
    rate: float | None
    settle: float
    confirm_every: float
    lease: float
    stalled_after: float
    screen: Console
    ends: Counter[str] = field(factory=Counter, init=False)

    async def to_the_end(self) -> None:
        """Work until a signal says stop."""
        from mediasflow_async.workers import Queue

        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with (
            Session.from_env(max_in_flight=self.concurrency) as session,
            Journal.open(self.url) as journal,
            Queue.open(self.url) as queue,
            self._sender(session, journal) as sender,
        ):
            self.screen.print("The worker has started. Ctrl-C or SIGTERM stops it.")
            await queue.work(
                sender,
                stop,
                # As many again may wait for a launch in doubt to be decided.
                concurrency=2 * self.concurrency,
                stalled_after=timedelta(seconds=self.stalled_after),
                report=self._report,
            )
        self.screen.print(Text(f"The worker has stopped: {self._summary()}."), soft_wrap=True)

    def _sender(self, session: Session, journal: Journal) -> Sender:
        return Sender(
            session,
            journal,
            limit=self.concurrency,
            rate=self.rate,
            settle=self.settle,
            confirm_every=self.confirm_every,
            lease=self.lease,
        )

    def _report(self, key: str, end: Receipt | MediasflowError) -> None:
        if isinstance(end, Receipt):
            self.ends[end.state] += 1
            if end.state is not State.LAUNCHED:
                self._tell(key, f"{end.state} ({end.reason})")
        elif isinstance(end, _FINAL):
            self.ends["REFUSED"] += 1
            self._tell(key, f"can never be sent: {end.message}")
        elif not isinstance(end, SenderStopped):
            self._put_off(key, end)

    def _put_off(self, key: str, error: MediasflowError) -> None:
        name = f"put off by {type(error).__name__}"
        self.ends[name] += 1
        # The first, the tenth, the hundredth: an outage is told of, not its every campaign.
        if str(self.ends[name]).rstrip("0") == "1":
            self._tell(key, f"{name}, and tried again later: {error.message}")

    def _tell(self, key: str, what: str) -> None:
        self.screen.print(Text(mask_text(f"{key}: {what}")), soft_wrap=True)

    def _summary(self) -> str:
        told = (f"{count} {name}" for name, count in sorted(self.ends.items()))
        return ", ".join(told) or "nothing was done"
