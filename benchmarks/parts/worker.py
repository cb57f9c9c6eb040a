"""A process of its own for one measurement: `measuring` starts it, people do not.

Imports, connections and TLS settings are made, and the work is tried once, before the clock
starts. The command line holds `module:function` and a JSON object with the settings and counts;
the last line of the output is the reading, in JSON.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from importlib import import_module
from typing import Any

import orjson
from attrs import asdict

from parts.counting import Meter, Reading

__all__ = ["AsyncWork", "Figures", "Settings", "Work"]

Settings = Mapping[str, Any]
"""What all contenders of a program are given: addresses, sizes, files."""

Figures = Mapping[str, float] | None
"""What work may report of itself, by name."""

Work = Callable[[int], Figures]
"""Does so many units of work."""

AsyncWork = Callable[[int], Awaitable[Figures]]
"""Does so many units of work on the event loop."""


def _read(opened: AbstractContextManager[Work], count: int, warm_up: int) -> Reading:
    with opened as work:
        work(warm_up)
        meter = Meter()
        figures = work(count)
        return meter.stop(count, figures)


async def _read_async(
    opened: AbstractAsyncContextManager[AsyncWork], count: int, warm_up: int
) -> Reading:
    async with opened as work:
        await work(warm_up)
        meter = Meter()
        figures = await work(count)
        return meter.stop(count, figures)


def _loop_factory(name: str) -> Callable[[], asyncio.AbstractEventLoop] | None:
    return import_module("uvloop").new_event_loop if name == "uvloop" else None


def main(place: str, told: str) -> None:
    """Measure one contender once."""
    job = orjson.loads(told)
    module, _, function = place.partition(":")
    opened = getattr(import_module(module), function)(job["settings"])
    counts = job["count"], job["warm_up"]
    if isinstance(opened, AbstractAsyncContextManager):
        with asyncio.Runner(loop_factory=_loop_factory(job["loop"])) as runner:
            reading = runner.run(_read_async(opened, *counts))
    else:
        reading = _read(opened, *counts)
    print(orjson.dumps(asdict(reading)).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
    sys.stdout.flush()
    # Threads of a library now and then crash an interpreter that ends: the reading is told.
    os._exit(0)
