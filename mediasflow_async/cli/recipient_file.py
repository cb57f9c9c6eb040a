"""A CSV file of recipients, read on this machine as the platform would read it (Guide: 2.11)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import repeat
from pathlib import Path
from typing import Final

from mediasflow_async.converter.csv_rows import CsvDecoder
from mediasflow_async.errors import ConfigurationError

__all__ = ["read_rows"]

_PIECE_BYTES: Final = 2**18


def read_rows(
    path: Path, *, progress: Callable[[int], object] = lambda _: None
) -> Iterator[dict[str, str]]:
    """Yield the recipients of a file of any length, as mappings from column to value.

    A missing cell is empty, and a cell beyond the header is dropped.

    Args:
        path: the file: UTF-8 or Windows-1252, with any of the usual delimiters.
        progress: called with the bytes read so far.

    Raises:
        ConfigurationError: the file is empty or no CSV.
        OSError: it cannot be read.
    """
    records = _records(path, progress)
    header = next(records, None)
    if header is None:
        raise ConfigurationError(f"{path.name} is empty")
    columns = [name.strip() for name in header]
    for record in records:
        missing = len(columns) - len(record)
        record.extend(repeat("", missing))
        yield dict(zip(columns, record, strict=False))


def _records(path: Path, progress: Callable[[int], object]) -> Iterator[list[str]]:
    def no_csv(reason: str, _text: str) -> ConfigurationError:
        return ConfigurationError(f"{path.name} is no CSV file: {reason}")

    decoder = CsvDecoder(no_csv)
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            yield from decoder.feed(piece)
            progress(file.tell())
    yield from decoder.finish()
