"""A file of campaigns looked at as a whole, before anything of it goes out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from attrs import define, field
from rich.console import Console
from rich.text import Text

from mediasflow_async.cli.campaign_file import CampaignFile, lines_of
from mediasflow_async.cli.campaign_lines import Line
from mediasflow_async.cli.exits import ExitCode
from mediasflow_async.cli.failures import CommandStopped
from mediasflow_async.delivery import Journal
from mediasflow_async.delivery.digest import digest_of
from mediasflow_async.delivery.orders import Order, key_problems, order_problems
from mediasflow_async.dialect import Dialect
from mediasflow_async.errors import Problem
from mediasflow_async.masking import mask_text
from mediasflow_async.models import CampaignRequest

__all__ = ["Check", "checked", "stop_at_bad_lines"]

_MOST_SHOWN: Final = 20


@define
class Check:
    """What a file of campaigns holds.

    Attributes:
        campaigns: how many campaigns.
        recipients: how many recipients they have, those of uploaded lists apart.
        lists: how many lists that were uploaded before they go to, too.
        bad: how many lines cannot be sent.
        shown: the first of these, and what is wrong with each.
    """

    campaigns: int = 0
    recipients: int = 0
    lists: int = 0
    bad: int = 0
    shown: list[tuple[str, str]] = field(factory=list, repr=False)

    def __str__(self) -> str:
        names = ("campaign", "recipient", "uploaded list")
        counts = (self.campaigns, self.recipients, self.lists)
        campaigns, recipients, lists = (
            f"{count:,} {name}{'' if count == 1 else 's'}"
            for count, name in zip(counts, names, strict=True)
        )
        return f"{campaigns} to {recipients}" + (f" and {lists}" if self.lists else "")

    def as_json(self) -> dict[str, int]:
        """Return the counts as JSON data."""
        return {
            "campaigns": self.campaigns,
            "recipients": self.recipients,
            "lists": self.lists,
            "bad": self.bad,
        }

    def count(self, request: CampaignRequest) -> None:
        """Count a campaign that can be sent."""
        self.campaigns += 1
        self.recipients += len(request.recipients)
        self.lists += len(request.list_ids)

    def refuse(self, line: Line, problems: list[Problem]) -> None:
        """Count a line that cannot."""
        self.bad += 1
        if self.bad <= _MOST_SHOWN:
            self.shown.append((line.where, mask_text("; ".join(map(str, problems)))))


async def checked(file: CampaignFile, *, salt: bytes, journal: Journal | None = None) -> Check:
    """Read a whole file and return what it holds; nothing leaves, nothing is kept.

    Args:
        file: the file, of any length.
        salt: the journal's.
        journal: where campaigns that began before are known: what was sound once may be so no
            more, as its date has passed, and goes on all the same.

    Raises:
        ConfigurationError: the file as a whole cannot be read as what it says it is.
        OSError: it cannot be read.
    """
    check = Check()
    for line in lines_of(file, salt=salt):
        problems = [*_problems(line)]
        if line.request is None or (problems and not await _began_before(line, journal)):
            check.refuse(line, problems)
        else:
            check.count(line.request)
    return check


def _problems(line: Line) -> Iterator[Problem]:
    yield from line.problems
    if line.request is not None:
        yield from key_problems(line.key)
        order = Order(request=line.request, auto_list=True)
        yield from order_problems(order, Dialect(), datetime.now(UTC))


async def _began_before(line: Line, journal: Journal | None) -> bool:
    """Tell whether the journal has this very campaign."""
    if journal is None or line.request is None or line.problems or [*key_problems(line.key)]:
        return False
    entry = await journal.get(line.key)
    order = Order(request=line.request, auto_list=True)
    return entry is not None and entry.digest == digest_of(order, journal.salt)


def stop_at_bad_lines(screen: Console, check: Check, name: str) -> None:
    """Print the lines that cannot be sent, the first of them with what is wrong, and stop.

    Raises:
        CommandStopped: there are any.
    """
    if not check.bad:
        return
    for where, wrong in check.shown:
        place = f"{name}, {where}"
        screen.print(Text.assemble(("✗ ", "red"), (place, "bold"), f": {wrong}"), soft_wrap=True)
    if more := check.bad - len(check.shown):
        screen.print(f"… and {more:,} more")
    lines = "line" if check.bad == 1 else "lines"
    raise CommandStopped(
        f"{check.bad:,} {lines} of {name} cannot be sent, and nothing was. Correct what is "
        "wrong, or leave it out with --no-check.",
        ExitCode.USAGE,
    )
