"""Where commands write: results to the standard output, errors to the standard error."""

from __future__ import annotations

import io
import sys
from typing import Final

from rich.console import Console

__all__ = ["console", "never_fail_on_characters"]

_WIDEST: Final = 100


def console(*, stderr: bool = False) -> Console:
    """Return a console, as wide as its terminal but no wider than is good to read."""
    made = Console(stderr=stderr, highlight=False)
    made.width = min(made.width, _WIDEST)
    return made


def never_fail_on_characters() -> None:
    """Write `?` for what the terminal's encoding does not have."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
