"""Recipients in a CSV file, read strictly: what may be read in two ways is refused with its line.

A wrong guess about a quote or a delimiter puts one person's data into another person's SMS. So a
file is checked whole before its first row is given, and all that is wrong with it is told at once.
The charset is decided for the file as a whole, and a row never holds data of two lines: a line
break within quotes is kept only where the cell cannot be the rest of one line and the beginning of
the next one. Guide: 2.11.
"""

from __future__ import annotations

import io
import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import repeat
from typing import IO, Final, Self

from attrs import field, frozen

from mediasflow_async.converter.names import NUMBER_COLUMNS, is_number_column
from mediasflow_async.errors import InvalidRequest, Problem
from mediasflow_async.secrecy import mask_text
from mediasflow_async.text.phones import clean_number
from mediasflow_async.uploads.sources import CHARSET_NAMES, NotTextError, file_charset

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
        row_count: how many rows there are.
    """

    name: str
    columns: tuple[str, ...] = field(repr=False)
    number_column: str
    charset: str
    is_charset_sure: bool = True
    delimiter: str
    row_count: int = 0

    def __str__(self) -> str:
        names = {"\t": "tabs", " ": "spaces"}
        doubt = "" if self.is_charset_sure else ", which is likely and not sure: look at accents"
        return (
            f"{self.row_count:,} rows, {CHARSET_NAMES[self.charset]}{doubt}, "
            f"{names.get(self.delimiter, self.delimiter)} between cells, numbers in "
            f"{mask_text(self.number_column)}"
        )

    @property
    def number_key(self) -> str:
        """The key of the number in a row: the name of its column, or `mobile` for another name."""
        return _number_key(self.number_column)


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
        charset, is_sure = file_charset(file)
    except NotTextError as error:
        raise problems.alone(str(error)) from None
    with _TextLines(file, charset) as lines:
        try:
            table = _table_of(lines, problems, mobile_column)
            rows = sum(1 for _ in _rows_of(lines, table, problems))
        except UnicodeError:
            rule = f"holds bytes that are no text in {charset}, or breaks off: save it again"
            raise problems.alone(rule) from None
    if not rows and not problems:
        raise problems.alone("has a header and no rows: there is nobody to send to")
    problems.raise_any()
    return RecipientTable(
        name=name,
        columns=table.columns,
        number_column=table.number_column,
        charset=charset,
        is_charset_sure=is_sure,
        delimiter=table.delimiter,
        row_count=rows,
    )


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
    with _TextLines(file, table.charset) as lines:
        now = _table_of(lines, problems, table.number_column)
        if (now.columns, now.delimiter) != (table.columns, table.delimiter):
            raise problems.alone("has changed while it was read")
        for count, row in enumerate(_rows_of(lines, now, problems), 1):
            problems.raise_any()
            yield row
            if count % _ROWS_PER_PROGRESS == 0:
                progress(file.tell())
        problems.raise_any()
        progress(file.tell())


_ROWS_PER_PROGRESS: Final = 5_000


class _Problems:
    """What is wrong with a file: the first problems are kept, and all are counted."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._kept: list[Problem] = []
        self._count = 0

    def __bool__(self) -> bool:
        return self._count > 0

    def add(self, line: int, rule: str) -> None:
        """Keep what is wrong with a line."""
        self._count += 1
        if self._count <= _MOST_PROBLEMS:
            self._kept.append(Problem(f"{self._name}, line {line}", rule))

    def alone(self, rule: str) -> InvalidRequest:
        """Return the error for a file that cannot be read at all."""
        return _error([Problem(self._name, rule)])

    def raise_any(self) -> None:
        """Raise an error if anything is wrong.

        Raises:
            InvalidRequest: with the problems.
        """
        if not self._count:
            return
        more = self._count - len(self._kept)
        tail = [Problem(self._name, f"{more:,} more lines are wrong")] if more else []
        raise _error(self._kept + tail)


def _error(problems: list[Problem]) -> InvalidRequest:
    error = InvalidRequest(problems=problems)
    error.next_step = _NEXT_STEP
    return error


_LONGEST_LINE: Final = 1_000_000


class _TextLines:
    """The lines of a file as text, with their ends; the file stays open when they are closed.

    Attributes:
        number: the number of the line that was given last, from 1.
    """

    def __init__(self, file: IO[bytes], charset: str) -> None:
        file.seek(0)
        self._text = io.TextIOWrapper(file, charset, newline="")
        self._lines = iter(partial(self._text.readline, _LONGEST_LINE), "")
        self._ahead: deque[str] = deque()
        self.number = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._text.detach()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._ahead.popleft() if self._ahead else next(self._lines)
        self.number += 1
        return line

    def put_back(self, lines: Sequence[str]) -> None:
        """Give these lines again, which were the last ones."""
        self._ahead.extendleft(reversed(lines))
        self.number -= len(lines)


@frozen
class _Table:
    columns: tuple[str, ...]
    number_column: str
    delimiter: str


_DELIMITERS: Final = ";,\t|"
_SEPARATOR: Final = re.compile(r'\s*"?sep=(.)"?[\s;,]*', re.IGNORECASE)


def _table_of(lines: _TextLines, problems: _Problems, mobile_column: str | None) -> _Table:
    """Read the lines as far as the header, and return what it says.

    Raises:
        InvalidRequest: there is no header, or not one that names each column once.
    """
    first = next(filter(str.strip, lines), "")
    told = _SEPARATOR.fullmatch(first)
    if told:
        first = next(filter(str.strip, lines), "")
    if not first:
        raise problems.alone("is empty")
    delimiter = told[1] if told else _delimiter_of(first, mobile_column)
    lines.put_back([first])
    line, header = next(_records(lines, delimiter, width=None), (lines.number, ""))
    if isinstance(header, str):
        raise problems.alone(f"line {line}: {header or 'is no header'}")
    columns = tuple(map(_column_name, header))
    for wrong in _header_problems(columns, header):
        raise problems.alone(wrong)
    number_column = _number_column(columns, mobile_column, problems)
    return _Table(columns, number_column, delimiter)


def _delimiter_of(header: str, mobile_column: str | None) -> str:
    """Return the delimiter beside the column of numbers, or else the most frequent one."""
    unquoted = _QUOTED_CELL.sub("", header)
    candidates = sorted(_DELIMITERS, key=unquoted.count, reverse=True)
    for delimiter in candidates:
        names = [_column_name(name.strip(' "')) for name in header.split(delimiter)]
        if any(name == mobile_column or is_number_column(name) for name in names):
            return delimiter
    return candidates[0]


_QUOTED_CELL: Final = re.compile(r'"[^"]*"')
# Marks that nobody sees, which would make another name of a name.
_INVISIBLE: Final = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")


def _column_name(cell: str) -> str:
    return _INVISIBLE.sub("", cell).strip()


def _header_problems(columns: Sequence[str], header: Sequence[str]) -> Iterator[str]:
    if any("\n" in cell or "\r" in cell for cell in header):
        yield "line 1: the name of a column has a line break: take it out, or close its quote"
    if any(map(_has_number, header)):
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


def _rows_of(lines: _TextLines, table: _Table, problems: _Problems) -> Iterator[dict[str, str]]:
    """Yield the rows without a problem, and add the problems of the others."""
    width = len(table.columns)
    number_at = table.columns.index(table.number_column)
    unnamed = [at for at, name in enumerate(table.columns) if not name]
    keys = _keys(table)
    for line, cells in _records(lines, table.delimiter, width=width):
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


def _keys(table: _Table) -> list[tuple[int, str]]:
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


_STRAY: Final = "a quote stands within a cell: put the whole cell in quotes, and double that one"
_AFTER: Final = "there is text after a closing quote: double the quotes within a cell"
_NOT_CLOSED: Final = "a quote is opened and never closed"
_MAY_BE_TWO: Final = (
    "a cell in quotes goes on in the next line, and may hold two lines: close its quote, or take "
    "the line break out"
)
_ENDLESS: Final = "the line never ends"
_NUL: Final = "holds a NUL, which is no text"
_MOST_LINES: Final = 50


def _records(
    lines: _TextLines, delimiter: str, *, width: int | None
) -> Iterator[tuple[int, list[str] | str]]:
    """Yield the number of the first line of each record, and its cells or what is wrong with it.

    After a record that is wrong, reading goes on in the line after its first one, so that one
    quote hides no other problem.
    """
    parser = _CellParser(delimiter)
    for line in lines:
        first = lines.number
        cells: list[str] | str
        if len(line) >= _LONGEST_LINE:
            yield first, _ENDLESS
            return
        if "\0" in line:
            yield first, _NUL
        elif '"' not in line:
            # Without quotes, `split` finds the cells in less time.
            cells = line.rstrip("\r\n").split(delimiter)
            if any(cells) and (len(cells) > 1 or cells[0].strip()):
                yield first, cells
        else:
            more = _lines_of_record(line, lines)
            cells = parser.cells("".join((line, *more)))
            if more and not isinstance(cells, str) and not _is_one(cells, delimiter, width):
                cells = _MAY_BE_TWO
            if isinstance(cells, str):
                lines.put_back(more)
            yield first, cells


def _lines_of_record(line: str, lines: _TextLines) -> list[str]:
    """Return the lines that follow until each quote has its second, or there are too many."""
    more: list[str] = []
    is_open = line.count('"') % 2 == 1
    while is_open and len(more) < _MOST_LINES:
        following = next(lines, None)
        if following is None:
            break
        more.append(following)
        is_open ^= following.count('"') % 2 == 1
    return more


def _is_one(cells: Sequence[str], delimiter: str, width: int | None) -> bool:
    """Whether a record of several lines cannot be parts of two lines.

    Two lines with all their cells, joined by a cell with a line break, have as many cells as one
    line only if that cell holds as many delimiters as a line. A line with fewer cells is told by
    the number that it holds.
    """
    if width is None:
        return True  # the header, which has no line breaks
    return len(cells) == width and not any(
        cell.count(delimiter) >= width - 1 or _has_number(cell)
        for cell in cells
        if "\n" in cell or "\r" in cell
    )


_PIECES: Final = re.compile(r"[\r\n;,\t|\"]+")
_NUMBER: Final = re.compile(r"\W*[\d\s.()/-]+\W*")
_FEWEST_DIGITS: Final = 9


def _has_number(cell: str) -> bool:
    """Whether a part of a cell is like a phone number."""
    return any(
        _NUMBER.fullmatch(piece) and sum(map(str.isdigit, piece)) >= _FEWEST_DIGITS
        for piece in _PIECES.split(cell)
    )


class _CellParser:
    """Cuts the text of one record that has quotes into its cells."""

    def __init__(self, delimiter: str) -> None:
        self._delimiter = delimiter
        # Blanks around the quotes are no part of a cell. What some programs write so that a
        # spreadsheet keeps a zero, ="0612345678", is a cell as well.
        self._cell = re.compile(
            ' *"(?P<quoted>[^"]*(?:""[^"]*)*)" *'
            r'|="(?P<formula>[^"\r\n]*)"'
            f'|(?P<plain>[^"\r\n{re.escape(delimiter)}]*)'
        )

    def cells(self, text: str) -> list[str] | str:
        """Return the cells, or what is wrong."""
        text = text.rstrip("\r\n")
        cells: list[str] = []
        at = 0
        while found := self._cell.match(text, at):
            kind = found.lastgroup or "plain"
            cell: str = found[kind]
            cells.append(cell.replace('""', '"') if kind == "quoted" else cell)
            at = found.end()
            if at == len(text):
                return cells
            if text[at] != self._delimiter:
                return _AFTER if kind != "plain" else _STRAY if cell.strip() else _NOT_CLOSED
            at += 1
        return _STRAY
