"""What keeps a command from sending by accident, and from losing what it has begun.

Before real SMS are sent, a person types how many; where nobody can be asked, `--yes` stands for
that. While campaigns are sent, Ctrl-C and SIGTERM shut the sender down in an orderly way: the first
lets what is under way come to its end, the second gives it back to the journal at once.
"""

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
    "confirm_batch",
    "confirm_launch",
    "refuse_unattended",
    "refuse_unsafe",
    "stoppable",
]


def refuse_unsafe(base_url: str, csv: Path | None, *, yes: bool) -> None:
    """Refuse a run of the demo that could send SMS by accident, before any request.

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


def confirm_launch(screen: Console, draft: Campaign, base_url: str) -> None:
    """Ask for the number of recipients of a draft, and return when it was typed.

    Raises:
        CommandStopped: something else was typed, or the number is not known.
    """
    people = draft.count_valid
    stays = f"Nothing was sent; campaign {draft.id} stays a draft."
    if people is None:
        raise CommandStopped(f"The platform does not say how many SMS it would send. {stays}")
    credit_count = draft.credit_count
    cost = "an unknown number of" if credit_count is None else f"{credit_count:,.0f}"
    warning = Text.assemble(
        ("Real SMS will be sent ", "bold"),
        (f"to {people:,} people, for {cost} credits", "bold red"),
        (f", through {base_url}\n", "bold"),
        "Type the number of recipients to launch, or anything else to stop.",
    )
    if _answer(screen, warning, "Number of recipients") != str(people):
        raise CommandStopped(f"Not confirmed. {stays}")


def refuse_unattended(*, yes: bool) -> None:
    """Refuse to send without `--yes` where nobody can be asked.

    Raises:
        ConfigurationError: says what to do instead.
    """
    if not yes and not sys.stdin.isatty():
        raise ConfigurationError(
            "the sending has to be confirmed in a terminal, and the standard input is none: "
            "add --yes"
        )


_UNCOUNTED: Final = "send"


def confirm_batch(
    screen: Console, what: str, campaigns: int | None, base_url: str, *, known: int = 0
) -> None:
    """Ask for the number of campaigns, or for `send` where they were not counted.

    Args:
        screen: where it is asked.
        what: what would be sent, in words.
        campaigns: how many campaigns, None where they were not counted.
        base_url: the server.
        known: how many campaigns the journal knows already.

    Raises:
        CommandStopped: something else was typed.
    """
    expected = _UNCOUNTED if campaigns is None else str(campaigns)
    name = f"word {_UNCOUNTED}" if campaigns is None else "number of campaigns"
    known_already = (
        f"The journal knows {known:,} campaigns already: what of these was launched is not "
        "launched again.\n"
    )
    warning = Text.assemble(
        ("Real SMS will be sent: ", "bold"),
        (what, "bold red"),
        (f", through {base_url}\n", "bold"),
        known_already if known else "",
        f"Type the {name} to send, or anything else to stop.",
    )
    prompt = f"The {name}" if campaigns is None else name.capitalize()
    if _answer(screen, warning, prompt) != expected:
        raise CommandStopped("Not confirmed. Nothing was sent.")


def _answer(screen: Console, warning: Text, prompt: str) -> str:
    """Show a warning and return what is typed, without spaces and commas."""
    screen.print()
    screen.print(Panel(warning, border_style="red", padding=(0, 1)))
    try:
        answer = screen.input(Text(f"{prompt}: ", style="bold"))
    except EOFError:
        return ""
    return "".join(answer.split()).replace(",", "")


_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_STOPPING: Final = (
    "Stopping: what is under way comes to its end, nothing new begins. Once more stops at once."
)


class Stop:
    """Asks a sender to stop.

    Attributes:
        is_signalled: whether a signal asked.
    """

    def __init__(self) -> None:
        self.is_signalled = False
        self._asked = anyio.Event()

    def ask(self) -> None:
        """Ask the sender to stop when what is under way has ended."""
        self._asked.set()

    def signal(self) -> None:
        """Ask because of a signal."""
        self.is_signalled = True
        self._asked.set()

    async def wait(self) -> None:
        """Return when somebody has asked."""
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
            with _handled_signals(stop.signal, scope.cancel):
                yield stop
        finally:
            await shutting.aclose()


async def _shut_down(stop: Stop, sender: Sender, say: Callable[[str], object]) -> None:
    await stop.wait()
    if stop.is_signalled:
        say(_STOPPING)
    await sender.shutdown()


@contextmanager
def _handled_signals(*actions: Callable[[], object]) -> Generator[None]:
    """Call the first action at the first signal, the next at the next, while a block runs.

    The actions are called in the running event loop of asyncio, in the main thread. After the
    last one the signals have their former effect.
    """
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    left = list(actions)

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def handle(*_: Any) -> None:
        loop.call_soon_threadsafe(left.pop(0))
        if not left:
            restore()

    for number in _SIGNALS:
        signal.signal(number, handle)
    try:
        yield
    finally:
        restore()
