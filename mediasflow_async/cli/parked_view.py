"""The campaigns that wait for a person."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from mediasflow_async.delivery import Parked

__all__ = ["print_json", "show_parked"]


async def show_parked(
    screen: Console, parked: AsyncGenerator[Parked, None], *, as_json: bool
) -> int:
    """Print what waits for a person, as lines of JSON too where asked for, and count it."""
    count = 0
    async with aclosing(parked) as campaigns:
        async for campaign in campaigns:
            count += 1
            if as_json:
                print_json(_data(campaign))
            else:
                _show(screen, campaign)
    return count


def print_json(data: Mapping[str, Any]) -> None:
    """Print an object as a line of JSON."""
    sys.stdout.write(json.dumps(data, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _data(campaign: Parked) -> dict[str, Any]:
    launched_at = campaign.launched_at
    return {
        "kind": "parked",
        "key": campaign.key,
        "campaign_id": campaign.campaign_id,
        "reason": campaign.reason,
        "since": campaign.since.isoformat(),
        "launched_at": None if launched_at is None else launched_at.isoformat(),
        "advice": campaign.advice,
    }


def _show(screen: Console, campaign: Parked) -> None:
    since = f"{campaign.since:%Y-%m-%d %H:%M} UTC"
    screen.print(
        Text.assemble(
            ("? ", "bold yellow"),
            (campaign.key, "bold"),
            f"  campaign {campaign.campaign_id}, {campaign.reason}, since {since}",
        ),
        soft_wrap=True,
    )
    screen.print(Padding(Text(_on_the_command_line(campaign.advice), style="dim"), (0, 2)))


def _on_the_command_line(advice: str) -> str:
    """Return the advice with the options of `batch resolve` for the arguments of `resolve`."""
    yes, no = "resolve it with --launched", "resolve it with --not-launched"
    told = advice.replace("resolve the key with launched=True", yes)
    return told.replace("resolve the key with launched=False", no)
