"""Recipients of a request as the rows of a list (Guide: 2.1, 2.11)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from typing import Any, Final

from anyio.lowlevel import checkpoint

from mediasflow_async.models import Recipient

__all__ = ["recipient_rows"]

_COLUMNS: Final = {
    "mobile": "mobile",
    "title": "title",
    "lastName": "last_name",
    "firstName": "first_name",
    "email": "email",
    "phone": "phone",
}
_AT_ONCE: Final = 500


async def recipient_rows(recipients: Sequence[Recipient]) -> AsyncGenerator[dict[str, Any], None]:
    """Yield a row for each recipient, with all the own fields and the standard columns in use.

    An own field stays though it is empty for everyone: the message may name it.
    """
    columns: dict[str, None] = {}
    for block in _blocks(recipients):
        columns |= dict.fromkeys(_used_by(block))
        await checkpoint()
    for recipient in recipients:
        yield {column: _cell(recipient, column) for column in columns}


def _blocks(recipients: Sequence[Recipient]) -> Iterator[Sequence[Recipient]]:
    return (recipients[start : start + _AT_ONCE] for start in range(0, len(recipients), _AT_ONCE))


def _used_by(recipients: Iterable[Recipient]) -> Iterator[str]:
    for recipient in recipients:
        yield from (column for column, name in _COLUMNS.items() if getattr(recipient, name))
        yield from recipient.fields


def _cell(recipient: Recipient, column: str) -> Any:
    if column in recipient.fields:
        value = recipient.fields[column]
    else:
        value = getattr(recipient, _COLUMNS[column]) if column in _COLUMNS else None
    return "" if value is None else value
