"""Files of campaigns for tests, and what a server says became of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from mediasflow_async.sandbox import Fault, Sandbox

__all__ = [
    "QUICKLY",
    "exported",
    "launches",
    "lines_of_json",
    "number",
    "park_the_first",
    "summary",
    "text",
    "write_campaigns",
    "write_lines",
]

QUICKLY: Final = ("--settle", "0.05", "--confirm-every", "0.01")


def number(index: int) -> str:
    """Return a number that nobody has."""
    return f"+336399{index:05}"


def text(index: int) -> str:
    """Return the text of a campaign, by which the server's campaigns are told apart."""
    return f"Commande {index}"


def write_lines(path: Path, records: Sequence[Mapping[str, Any]]) -> Path:
    """Write campaigns, one object a line."""
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
    return path


def write_campaigns(path: Path, count: int, **fields: Any) -> Path:
    """Write campaigns for one recipient each, under keys of their own."""
    return write_lines(
        path,
        [
            {"key": f"order-{index}", "msg": text(index), "recipients": [number(index)], **fields}
            for index in range(count)
        ],
    )


def launches(server: Sandbox) -> Counter[str]:
    """Return how often each text was launched; drafts that were left over are none."""
    counts: Counter[str] = Counter()
    for campaign in server.campaigns:
        counts[campaign.text] += campaign.launches
    return +counts


def park_the_first(server: Sandbox) -> None:
    """Let a launch be lost, and let nothing show whether it was executed."""
    server.faults.add(Fault(operation="launch", drop=True))
    server.faults.add(Fault(operation="sender", status=404, times=None))


def lines_of_json(output: str) -> list[dict[str, Any]]:
    """Return what programs read."""
    return [json.loads(line) for line in output.splitlines()]


def summary(output: str) -> dict[str, Any]:
    """Return the last line of what programs read."""
    return lines_of_json(output)[-1]


def exported(output: str) -> dict[str, dict[str, Any]]:
    """Return the entries of an exported journal by their keys."""
    return {entry["key"]: entry for entry in lines_of_json(output)}
