"""What stands between a command and real SMS; signals."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import anyio
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from mediasflow_async._core.loops import Background
from mediasflow_async.cli.console import CommandStopped
from mediasflow_async.cli.options import is_on_this_machine
from mediasflow_async.delivery import Sender
from mediasflow_async.errors import ConfigurationError
from mediasflow_async.models import Campaign

__all__ = [
    "Stop",
    "confirm",
    "confirm_batch",
    "refuse_unattended",
    "refuse_unsafe",
    "stop_signals",
    "stoppable",
    "typed",
]


def refuse_unsafe(base_url: str, csv: Path | None, *, yes: bool) -> None:
    """Refuse what could send SMS by accident, before anything leaves.

    Raises:
        ConfigurationError: says what to do instead.
    """
    is_local = is_on_this_machine(base_url)
    if not is_local:
        if csv is None:
            raise ConfigurationError(
                "the recipients of the demo are fictitious: give your own list with --csv"
            )
        if yes:
            raise ConfigurationError(
                "--yes works for a server on this machine only: before real SMS are sent, "
                "their number has to be typed"
            )
    if not yes and not sys.stdin.isatty():
        raise ConfigurationError(
            "the launch has to be confirmed in a terminal, and the standard input is none"
            + (": add --yes" if is_local else "")
        )


def confirm(console: Console, draft: Campaign, base_url: str) -> None:
    """Return when the number of recipients was typed.

    Raises:
        CommandStopped: something else was typed, or the number is not known.
    """
    people = draft.count_valid
    stays = f"Nothing was sent; campaign {draft.id} stays a draft."
    if people is None:
        raise CommandStopped(f"The platform does not say how many SMS it would send. {stays}")
    console.print()
    console.print(_warning(people, draft.credit_count, base_url))
    if typed(console, "Number of recipients") != str(people):
        raise CommandStopped(f"Not confirmed. {stays}")


def typed(console: Console, name: str) -> str:
    """Return what is typed when it is asked for, without spaces and commas."""
    try:
        answer = console.input(Text(f"{name}: ", style="bold"))
    except EOFError:
        return ""
    return "".join(answer.split()).replace(",", "")


def _warning(people: int, credit_count: float | None, base_url: str) -> Panel:
    cost = "an unknown number of" if credit_count is None else f"{credit_count:,.0f}"
    text = Text.assemble(
        ("Real SMS will be sent ", "bold"),
        (f"to {people:,} people, for {cost} credits", "bold red"),
        (f", through {base_url}\n", "bold"),
        "Type the number of recipients to launch, or anything else to stop.",
    )
    return Panel(text, border_style="red", padding=(0, 1))


_UNCOUNTED = "send"


def refuse_unattended(*, yes: bool) -> None:
    """Refuse to send what nobody can be asked about.

    Raises:
        ConfigurationError: says what to do instead.
    """
    if not yes and not sys.stdin.isatty():
        raise ConfigurationError(
            "the sending has to be confirmed in a terminal, and the standard input is none: "
            "add --yes"
        )


def confirm_batch(
    console: Console, what: str, campaigns: int | None, base_url: str, *, known: int = 0
) -> None:
    """Return when the number of campaigns was typed, or `send` where they were not counted.

    Args:
        console: where it is asked.
        what: what would be sent, in words.
        campaigns: how many campaigns, None where they were not counted.
        base_url: the server.
        known: how many campaigns the journal knows already.

    Raises:
        CommandStopped: something else was typed.
    """
    expected = _UNCOUNTED if campaigns is None else str(campaigns)
    name = f"The word {_UNCOUNTED}" if campaigns is None else "Number of campaigns"
    console.print()
    console.print(_batch_warning(what, name.lower(), base_url, known))
    if typed(console, name) != expected:
        raise CommandStopped("Not confirmed. Nothing was sent.")


def _batch_warning(what: str, name: str, base_url: str, known: int) -> Panel:
    known_already = (
        f"The journal knows {known:,} campaigns already: what of these was launched is not "
        "launched again.\n"
    )
    text = Text.assemble(
        ("Real SMS will be sent: ", "bold"),
        (what, "bold red"),
        (f", through {base_url}\n", "bold"),
        known_already if known else "",
        f"Type the {name.removeprefix('the ')} to send, or anything else to stop.",
    )
    return Panel(text, border_style="red", padding=(0, 1))


_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_signals(*actions: Callable[[], object]) -> Generator[None]:
    """Call the first action at the first signal, the next at the next, while a block runs.

    After the last action the signals do again what they did before. For the main thread, in an
    event loop of asyncio, where the actions are called.
    """
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    left = list(actions)

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def stop(*_: Any) -> None:
        loop.call_soon_threadsafe(left.pop(0))
        if not left:
            restore()

    for number in _SIGNALS:
        signal.signal(number, stop)
    try:
        yield
    finally:
        restore()


_FIRST: Final = (
    "Stopping: what is under way comes to its end, nothing new begins. Once more stops at once."
)


class Stop:
    """The word to stop.

    Attributes:
        is_signalled: whether a signal gave it.
    """

    def __init__(self) -> None:
        self.is_signalled = False
        self._asked = anyio.Event()

    def ask(self) -> None:
        """Let the sender stop when what is under way has ended."""
        self._asked.set()

    def signal(self) -> None:
        """Let it stop since a signal came."""
        self.is_signalled = True
        self._asked.set()

    async def wait(self) -> None:
        """Wait for the word."""
        await self._asked.wait()


@asynccontextmanager
async def stoppable(sender: Sender, say: Callable[[str], object]) -> AsyncGenerator[Stop, None]:
    """Shut a sender down at Ctrl-C or SIGTERM, at once at the second, while a block runs.

    The block ends by itself when the sender is shut down; at the second signal it is cancelled,
    and what was under way is given back to the journal.

    Args:
        sender: the sender.
        say: shows a sentence.
    """
    stop = Stop()
    with anyio.CancelScope() as scope:
        shutting = Background(partial(_shut_down, stop, sender, say))
        try:
            with stop_signals(stop.signal, scope.cancel):
                yield stop
        finally:
            await shutting.aclose()


async def _shut_down(stop: Stop, sender: Sender, say: Callable[[str], object]) -> None:
    await stop.wait()
    if stop.is_signalled:
        say(_FIRST)
    await sender.shutdown()
