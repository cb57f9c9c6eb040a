"""The fictitious recipients that come with the package.

Their numbers are from 06 39 98 00 00 to 06 39 98 99 99, which the French regulator (ARCEP) keeps
for fiction: nobody has them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

__all__ = ["BLACKLISTED", "RECIPIENTS"]

RECIPIENTS: Final = Path(__file__).with_name("recipients.csv")
"""A list of 2,000 people in the state that real files are in."""

BLACKLISTED: Final = tuple(f"+336399800{line:02}" for line in range(1, 13))
"""Those of them who asked not to be written to."""
