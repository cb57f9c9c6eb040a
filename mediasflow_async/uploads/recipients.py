"""Recipients in a CSV file, read strictly: what may be read in two ways is refused with its line.

A wrong guess about a quote or a delimiter puts one person's data into another person's SMS. So a
file is checked whole before its first row is given, and all that is wrong with it is told at once.
The charset is decided for the file as a whole, and a row never holds data of two lines: a line
break within quotes is kept only where the cell cannot be the rest of one line and the beginning of
the next one. Guide: 2.11.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import repeat
from typing import IO, Final

from attrs import evolve, field, frozen

from mediasflow_async.converter.names import NUMBER_COLUMNS, is_number_column
from mediasflow_async.errors import InvalidRequest, Problem
from mediasflow_async.secrecy import mask_text
from mediasflow_async.text.phones import clean_number
from mediasflow_async.uploads.recipient_records import (
    CHARSET_NAMES,
    NotTextError,
    Record,
    Records,
    column_name,
    has_number,
    records_of,
)

__all__ = ["RecipientTable", "check_recipients", "read_recipients"]

_MOST_PROBLEMS: Final = 20
_NEXT_STEP: Final = "Nothing was sent. Correct the file and try again."


@frozen(kw_only=True)
class RecipientTable:
    """What a file of recipients is, once all of it has been checked.

    Attributes:
        name: the name of the file, for errors.
        columns: the names of the columns, without blanks around them; empty for one without name.
        number_column: the column that holds the numbers, by its name in the file.
        charset: Python's name of the charset.
        is_charset_sure: whether the bytes leave no other choice; otherwise it is the likeliest.
        delimiter: the character between cells.
        is_delimiter_told: whether a line `sep=` stands before the header.
        row_count: how many rows there are.
    """

    name: str
    columns: tuple[str, ...] = field(repr=False)
    number_column: str
    charset: str
    is_charset_sure: bool = True
    delimiter: str
    is_delimiter_told: bool = False
    row_count: int = 0

    @property
    def upload_rule(self) -> str:
        """What the platform would not read as it is meant, were it uploaded; empty where nothing.

        Guide: 2.11, which knows CSV files and names no charset.
        """
        if self.charset not in _UPLOADED:
            form = CHARSET_NAMES.get(self.charset, self.charset)
            return f"is in the form {form}, which the platform may not read: save it as CSV UTF-8"
        if self.is_delimiter_told:
            return "begins with a line sep=, which would be the header: take it out"
        return ""

    def __str__(self) -> str:
        delimiter = {"\t": "tabs", " ": "spaces"}.get(self.delimiter, self.delimiter)
        between = f"{delimiter} between cells, " if delimiter else ""
        doubt = "" if self.is_charset_sure else ", which is likely and not sure: look at accents"
        return (
            f"{self.row_count:,} rows, {CHARSET_NAMES.get(self.charset, self.charset)}{doubt}, "
            f"{between}numbers in {mask_text(self.number_column)}"
        )

    @property
    def number_key(self) -> str:
        """The key of the number in a row: the name of its column, or `mobile` for another name."""
        return _number_key(self.number_column)


_UPLOADED: Final = frozenset({"utf-8", "utf-8-sig", "cp1252"})


def check_recipients(
    file: IO[bytes], name: str, *, mobile_column: str | None = None
) -> RecipientTable:
    """Read a file from its start to its end, and return what it is. Guide: 2.11.

    A line may have fewer cells than the header, as spreadsheets leave out empty ones at the end
    of a line; it never has more. Blank lines count for nothing.

    Args:
        file: a binary file that can seek.
        name: its name, for errors.
        mobile_column: the column that holds the numbers; by default the one that is called
            mobile, sms, portable or gsm.

    Raises:
        InvalidRequest: with all that is wrong, up to 20 problems, each with its line.
        OSError: the file cannot be read.
    """
    problems = _Problems(name)
    try:
        with records_of(file, mobile_column=mobile_column) as found:
            table = _table_of(found, problems, mobile_column)
            rows = sum(1 for _ in _rows_of(found.records, table, problems))
    except NotTextError as error:
        raise problems.alone(str(error)) from None
    if not rows and not problems:
        raise problems.alone("has a header and no rows: there is nobody to send to")
    problems.raise_any()
    return evolve(table, row_count=rows)


def read_recipients(
    file: IO[bytes], table: RecipientTable, *, progress: Callable[[int], object] = lambda _: None
) -> Iterator[dict[str, str]]:
    """Yield the rows of a file that was checked, as mappings from column to value.

    Numbers come without invisible marks, with plain digits, and without the `.0` of a
    spreadsheet; their key is `RecipientTable.number_key`. Columns without a name are left out,
    and so are other columns that the platform would take for the one with the numbers.

    Args:
        file: the file, which is read from its start again.
        table: what `check_recipients` returned.
        progress: called with the number of bytes read so far.

    Raises:
        InvalidRequest: the file has changed since, and is wrong now.
        OSError: it cannot be read.
    """
    problems = _Problems(table.name)
    named = table.number_column
    try:
        with records_of(file, charset=table.charset, mobile_column=named) as found:
            now = _table_of(found, problems, named)
            if (now.columns, now.delimiter) != (table.columns, table.delimiter):
                raise problems.alone("has changed while it was read")
            for count, row in enumerate(_rows_of(found.records, table, problems), 1):
                problems.raise_any()
                yield row
                if count % _ROWS_PER_PROGRESS == 0:
                    progress(file.tell())
    except NotTextError as error:
        raise problems.alone(str(error)) from None
    problems.raise_any()
    progress(file.tell())


_ROWS_PER_PROGRESS: Final = 5_000


class _Problems:
    """What is wrong with a file: the first problems are kept, and all are counted."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._kept: list[Problem] = []
        self._count = 0

    def __bool__(self) -> bool:
        return self._count > 0

    def add(self, line: int, rule: str) -> None:
        """Keep what is wrong with a line."""
        self._count += 1
        if self._count <= _MOST_PROBLEMS:
            self._kept.append(Problem(f"{self.name}, line {line}", rule))

    def alone(self, rule: str) -> InvalidRequest:
        """Return the error for a file that cannot be read at all."""
        return _error([Problem(self.name, rule)])

    def raise_any(self) -> None:
        """Raise an error if anything is wrong.

        Raises:
            InvalidRequest: with the problems.
        """
        if not self._count:
            return
        more = self._count - len(self._kept)
        tail = [Problem(self.name, f"{more:,} more lines are wrong")] if more else []
        raise _error(self._kept + tail)


def _error(problems: list[Problem]) -> InvalidRequest:
    error = InvalidRequest(problems=problems)
    error.next_step = _NEXT_STEP
    return error


def _table_of(found: Records, problems: _Problems, mobile_column: str | None) -> RecipientTable:
    """Read the header, and return what it says.

    Raises:
        InvalidRequest: there is none, or not one that names each column once.
    """
    line, header = next(found.records, (1, ""))
    if isinstance(header, str):
        raise problems.alone(f"line {line}: {header}" if header else "is empty")
    columns = tuple(map(column_name, header))
    for wrong in _header_problems(columns, header):
        raise problems.alone(wrong)
    return RecipientTable(
        name=problems.name,
        columns=columns,
        number_column=_number_column(columns, mobile_column, problems),
        charset=found.charset,
        is_charset_sure=found.is_charset_sure,
        delimiter=found.delimiter,
        is_delimiter_told=found.is_delimiter_told,
    )


def _header_problems(columns: Sequence[str], header: Sequence[str]) -> Iterator[str]:
    if any("\n" in cell or "\r" in cell for cell in header):
        yield "line 1: the name of a column has a line break: take it out, or close its quote"
    if any(map(has_number, header)):
        yield (
            "line 1 holds a phone number where the names of the columns should be: write a "
            "first line with a name for each column, mobile for the one with the numbers"
        )
    counts = Counter(map(str.casefold, filter(None, columns)))
    twice = [name for name in dict.fromkeys(columns) if counts[name.casefold()] > 1]
    if twice:
        yield f"has several columns of one name, {_listed(twice)}: rename all but one"


def _number_column(columns: Sequence[str], named: str | None, problems: _Problems) -> str:
    found = [name for name in columns if (name == named if named else is_number_column(name))]
    if len(found) == 1:
        return found[0]
    there_are = f"The columns are {_listed(filter(None, columns))}."
    if named:
        raise problems.alone(f"has no column {mask_text(named)}. {there_are}")
    if found:
        raise problems.alone(
            f"has several columns of numbers, {' and '.join(found)}: keep one, or name the one "
            "that counts with --mobile-column"
        )
    names = f"{', '.join(NUMBER_COLUMNS[:-1])} or {NUMBER_COLUMNS[-1]}"
    likely = next(filter(_LIKELY.search, columns), "NAME")
    raise problems.alone(
        f"has no column of numbers: none is called {names}. {there_are} Rename the one with the "
        f"numbers, or name it: --mobile-column {likely!r}"
    )


_LIKELY: Final = re.compile(r"mob|portable|gsm|sms|t[eé]l|phone|num", re.IGNORECASE)
_MOST_NAMES: Final = 30
_LONGEST_NAME: Final = 40


def _listed(names: Iterable[str]) -> str:
    shown = [mask_text(name[:_LONGEST_NAME]) for name in names]
    more = f" and {len(shown) - _MOST_NAMES} more" if len(shown) > _MOST_NAMES else ""
    return ", ".join(shown[:_MOST_NAMES]) + more


def _rows_of(
    records: Iterable[Record], table: RecipientTable, problems: _Problems
) -> Iterator[dict[str, str]]:
    """Yield the rows without a problem, and add the problems of the others."""
    width = len(table.columns)
    number_at = table.columns.index(table.number_column)
    # A first column without a name is the index of a pandas table, and left out.
    unnamed = [at for at, name in enumerate(table.columns) if at and not name]
    keys = _keys(table)
    for line, cells in records:
        if isinstance(cells, str):
            problems.add(line, cells)
            continue
        wrong = _too_many(len(cells), width) if len(cells) > width else ""
        cells.extend(repeat("", width - len(cells)))
        if unnamed and any(cells[at].strip() for at in unnamed):
            wrong = wrong or _UNNAMED
        if wrong:
            problems.add(line, wrong)
        else:
            cells[number_at] = clean_number(cells[number_at])
            yield {key: cells[at] for at, key in keys}


_UNNAMED: Final = "there is something in a column that has no name"


def _keys(table: RecipientTable) -> list[tuple[int, str]]:
    """Return the place of each column that rows have, and its key in them."""
    return [
        (at, _number_key(name) if name == table.number_column else name)
        for at, name in enumerate(table.columns)
        if name == table.number_column or not (is_number_column(name) or not name)
    ]


def _number_key(column: str) -> str:
    return column if is_number_column(column) else NUMBER_COLUMNS[0]


def _too_many(cells: int, width: int) -> str:
    return (
        f"has {cells} cells, and the header {width} columns: put a cell that holds the delimiter "
        "in quotes"
    )
