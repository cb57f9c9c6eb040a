"""Titles of a command and of its steps."""

from __future__ import annotations

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.text import Text

__all__ = ["done", "hint", "indented", "step", "title"]

_INDENT = 3


def title(console: Console, text: str, subtitle: str) -> None:
    """Print what a command is about to do, and where."""
    lines = Text.assemble((text, "bold"), "\n", (subtitle, "dim"))
    console.print(Panel(lines, border_style="cyan", padding=(0, 2)))


def step(console: Console, number: int, text: str) -> None:
    """Print the heading of a step."""
    console.print()
    console.rule(f"[bold cyan]{number}[/] [bold]{text}[/]", align="left", style="bright_black")
    console.print()


def indented(console: Console, content: RenderableType) -> None:
    """Print what belongs to a step."""
    console.print(Padding(content, (0, _INDENT), expand=False))


def hint(console: Console, text: str) -> None:
    """Print what could be done next."""
    indented(console, Text(text, style="dim"))


def done(console: Console, text: str) -> None:
    """Print that something is done."""
    indented(console, Text.assemble(("✓ ", "bold green"), text))
