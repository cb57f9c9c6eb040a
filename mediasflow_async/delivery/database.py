"""What a journal needs of a database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from mediasflow_async.delivery.statements import Change

__all__ = ["Database", "Row", "Values"]

Row = Sequence[Any]
Values = Mapping[str, Any]


class Database(Protocol):
    """Runs the statements of `statements`, each in a transaction of its own.

    What fails raises `JournalError`, or `CampaignTaken` for a campaign number that another
    entry has.
    """

    async def change(self, change: Change, values: Values) -> Sequence[Row]:
        """Make a change, durably, and return what it selects of the rows that it has changed."""
        ...

    async def write(self, statement: str, values: Values) -> int:
        """Change or delete rows, durably, and return how many there were.

        It may be made twice when its answer was lost, and then tells of the second time.
        """
        ...

    async def ask(self, question: str, values: Values) -> Sequence[Row]:
        """Return the rows of a query."""
        ...

    async def damages(self) -> Sequence[str]:
        """Return what the database itself finds broken, one sentence each."""
        ...

    def moment(self, value: Any) -> datetime:
        """Return a moment, as the database returns it, in UTC."""
        ...

    def span(self, value: Any) -> timedelta:
        """Return a duration, as the database returns it."""
        ...
