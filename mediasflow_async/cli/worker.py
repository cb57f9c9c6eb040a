"""`mediasflow worker`: send the campaigns that are queued in a PostgreSQL database.

Any number of workers share the queue, on any number of machines. Each campaign is sent under its
key with the journal in the same database, so that it goes out once, whichever workers die.
"""

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
from mediasflow_async.cli.options import Positive, SenderOptions, database_url
from mediasflow_async.delivery import Journal, KeyConflict, Receipt, Sender, SenderStopped, State
from mediasflow_async.errors import InvalidRequest, MediasflowError
from mediasflow_async.secrecy import mask_text
from mediasflow_async.session import Session

__all__ = ["worker"]


def worker(
    *,
    database: str | None = None,
    concurrency: Annotated[int, Parameter(validator=Number(gte=1))] = 20,
    rate: Positive | None = None,
    settle: Positive = 120.0,
    confirm_every: Positive = 10.0,
    lease: Positive = 120.0,
    stalled_after: Positive = 30.0,
) -> None:
    """Send what `mediasflow batch enqueue` has queued, until Ctrl-C or SIGTERM.

    Start as many as you like, on as many machines as you like: each campaign goes out once. The
    account is taken from MEDIASFLOW_USERNAME and MEDIASFLOW_PASSWORD, or MEDIASFLOW_TOKEN; the
    workers of a database share one login. It ends with 0 when it was stopped, and with 1 when the
    login is refused, since every campaign would be: they stay in the queue.

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
    sending = SenderOptions(
        limit=concurrency, rate=rate, settle=settle, confirm_every=confirm_every, lease=lease
    )
    run = _Run(database_url(database), concurrency, sending, timedelta(seconds=stalled_after))
    _log_to_standard_error()
    asyncio.run(run.to_the_end())


def _log_to_standard_error() -> None:
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s"
    )
    # Its log repeats what the worker prints about each campaign, in terms of jobs.
    logging.getLogger("procrastinate").setLevel(logging.CRITICAL)


# Errors that would come again, however often the campaign is tried.
_FINAL: Final = (InvalidRequest, KeyConflict)


@frozen
class _Run:
    """One run of a worker."""

    url: str = field(repr=False)
    concurrency: int
    sending: SenderOptions
    stalled_after: timedelta
    screen: Console = field(factory=console, init=False)
    counts: Counter[str] = field(factory=Counter, init=False)

    async def to_the_end(self) -> None:
        """Work until a signal asks to stop."""
        # Imported here, since it needs the extra `workers`, which the other commands do without.
        from mediasflow_async.workers import Queue

        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with (
            Journal.open(self.url) as journal,
            Queue.open(self.url) as queue,
            Session.from_env(
                max_in_flight=self.concurrency, token_store=queue.token_store
            ) as session,
            Sender(session, journal, **self.sending.arguments()) as sender,
        ):
            self.screen.print("The worker has started. Ctrl-C or SIGTERM stops it.")
            try:
                await queue.work(
                    sender,
                    stop,
                    # As many again may wait for a launch in doubt to be decided.
                    concurrency=2 * self.concurrency,
                    stalled_after=self.stalled_after,
                    report=self._report,
                )
            finally:
                self._print_summary()

    def _print_summary(self) -> None:
        counts = (f"{count} {name}" for name, count in sorted(self.counts.items()))
        summary = ", ".join(counts) or "nothing was done"
        self.screen.print(Text(f"The worker has stopped: {summary}."), soft_wrap=True)

    def _report(self, key: str, end: Receipt | MediasflowError) -> None:
        if isinstance(end, Receipt):
            self.counts[end.state] += 1
            if end.state is not State.LAUNCHED:
                self._print(key, f"{end.state} ({end.reason})")
        elif isinstance(end, _FINAL):
            self.counts["REFUSED"] += 1
            self._print(key, f"can never be sent: {end.message}")
        elif not isinstance(end, SenderStopped):
            self._put_off(key, end)

    def _put_off(self, key: str, error: MediasflowError) -> None:
        name = f"put off by {type(error).__name__}"
        self.counts[name] += 1
        # An outage puts off many campaigns: the first, the tenth, the hundredth ... is printed.
        if str(self.counts[name]).rstrip("0") == "1":
            self._print(key, f"{name}, and tried again later: {error.message}")

    def _print(self, key: str, what: str) -> None:
        self.screen.print(Text(mask_text(f"{key}: {what}")), soft_wrap=True)
