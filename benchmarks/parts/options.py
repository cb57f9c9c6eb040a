"""The command line that the programs share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from parts.measuring import Contender

__all__ = ["Options"]


@frozen
class Options:
    """What the command line of a program says.

    Attributes:
        program: name of the program.
        rounds: how often each contender has its turn.
        quick: whether this is only a trial that the program runs.
        json: file for the results, or None.
        only: parts of names of contenders, none for all.
        others: further options of the program.
    """

    program: str
    rounds: int
    quick: bool
    json: Path | None
    only: tuple[str, ...]
    others: argparse.Namespace

    @classmethod
    def read(cls, description: str | None, *, rounds: int, **others: Any) -> Options:
        """Read the command line; `others` become options with these defaults.

        A default of False makes a switch; a tuple takes several values.
        """
        parser = argparse.ArgumentParser(
            description=description, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        parser.add_argument("--rounds", type=int, default=rounds, help=f"default {rounds}")
        parser.add_argument("--quick", action="store_true", help="tiny sizes: does it run at all?")
        parser.add_argument("--json", type=Path, help="write the results to this file")
        parser.add_argument("--only", nargs="+", default=[], help="contenders, by part of name")
        for name, default in others.items():
            _add(parser, name, default)
        given = parser.parse_args()
        return cls(
            program=Path(sys.argv[0]).stem,
            rounds=1 if given.quick else given.rounds,
            quick=given.quick,
            json=given.json,
            only=tuple(given.only),
            others=given,
        )

    def sized(self, normal: int, quick: int) -> int:
        """Return a size, or the one for a trial."""
        return quick if self.quick else normal

    def chosen(self, contenders: Sequence[Contender]) -> list[Contender]:
        """Return the contenders that were asked for, in their order."""
        wanted = self.only or ("",)
        return [one for one in contenders if any(part in one.name for part in wanted)]


def _add(parser: argparse.ArgumentParser, name: str, default: Any) -> None:
    flag = f"--{name.replace('_', '-')}"
    if default is False:
        parser.add_argument(flag, action="store_true")
    elif isinstance(default, tuple):
        parser.add_argument(flag, nargs="+", type=int, default=default, help=f"default {default}")
    else:
        parser.add_argument(flag, type=type(default), default=default, help=f"default {default}")
