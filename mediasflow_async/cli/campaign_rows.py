"""A list of recipients as campaigns: one for each row, or one for them all (Guide: 2.1, 2.11)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import blake2b
from itertools import chain, count
from pathlib import Path
from typing import Final

from attrs import evolve

from mediasflow_async.cli.campaign_lines import Line, derived_key, own_key_problems
from mediasflow_async.cli.recipient_file import read_rows
from mediasflow_async.converter.names import NUMBER_COLUMNS
from mediasflow_async.errors import ConfigurationError
from mediasflow_async.models import CampaignRequest, Recipient

__all__ = ["read_as_list", "read_each_row"]

_PIECE_BYTES: Final = 2**20
Row = Mapping[str, str]


def read_each_row(
    path: Path, template: CampaignRequest, *, key_column: str | None, batch: str, salt: bytes
) -> Iterator[Line]:
    """Yield a campaign for each row; its columns are the fields of its recipient.

    Raises:
        ConfigurationError: the file is no list, or lacks a column.
        OSError: it cannot be read.
    """
    rows = read_rows(path)
    first = next(rows, None)
    if first is None:
        return
    number = _number_column(path, first)
    if key_column is not None:
        _check_key_column(path, first, key_column)
    for position, row in zip(count(1), chain([first], rows), strict=False):
        request = evolve(template, recipients=(_recipient(row, number),))
        where = f"row {position}"
        if key_column is None:
            key = derived_key("row", row, batch=batch, salt=salt)
            yield Line(where=where, key=key, request=request)
        else:
            problems = tuple(own_key_problems(row[key_column], request))
            yield Line(where=where, key=row[key_column], request=request, problems=problems)


def read_as_list(path: Path, template: CampaignRequest, *, batch: str, salt: bytes) -> Line:
    """Return the one campaign of all rows, which are held in memory.

    Raises:
        ConfigurationError: the file is no list, or lacks a column.
        OSError: it cannot be read.
    """
    key = derived_key("list", _digest_of(path), batch=batch, salt=salt)
    rows = read_rows(path)
    first = next(rows, None)
    if first is None:
        raise ConfigurationError(f"{path.name} has no rows")
    number = _number_column(path, first)
    recipients = tuple(_recipient(row, number) for row in chain([first], rows))
    return Line(where="the list", key=key, request=evolve(template, recipients=recipients))


def _recipient(row: Row, number: str) -> Recipient:
    return Recipient(row[number], fields={name: row[name] for name in row if name != number})


def _number_column(path: Path, row: Row) -> str:
    found = [name for name in row if name.strip().lower() in NUMBER_COLUMNS]
    if not found:
        names = ", ".join(NUMBER_COLUMNS[:-1])
        raise ConfigurationError(
            f"{path.name} has no column of numbers: none is called {names} or {NUMBER_COLUMNS[-1]}"
        )
    if len(found) > 1:
        raise ConfigurationError(
            f"{path.name} has several columns of numbers, {' and '.join(found)}: keep one"
        )
    return found[0]


def _check_key_column(path: Path, row: Row, name: str) -> None:
    if name not in row:
        raise ConfigurationError(f"{path.name} has no column {name}; there are {', '.join(row)}")
    if name.strip().lower() in NUMBER_COLUMNS:
        raise ConfigurationError(
            "keys are kept in the journal, which holds no phone number: --key-column names another"
        )


def _digest_of(path: Path) -> str:
    digest = blake2b()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()
