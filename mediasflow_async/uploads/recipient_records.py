"""The records of a file: cells of one line each, out of CSV text or the sheet of a workbook.

Text is read strictly: a quote counts at the beginning and the end of a cell, and a record goes on
in the next line only where it cannot be the rest of one line and the beginning of another. What
cannot be read is given as the reason, in place of the cells, and reading goes on in the next line.
"""

from __future__ import annotations

import codecs
import io
import re
from collections import Counter, deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from functools import partial
from itertools import chain
from typing import IO, TYPE_CHECKING, Any, Final, Self

from attrs import frozen

from mediasflow_async.converter.names import is_number_column
from mediasflow_async.models.values import plain_cell

if TYPE_CHECKING:
    from python_calamine import CalamineSheet

__all__ = [
    "CHARSET_NAMES",
    "WORKBOOK",
    "NotTextError",
    "Record",
    "Records",
    "column_name",
    "has_number",
    "records_of",
]

WORKBOOK: Final = "workbook"
"""The charset of what is no text, but a workbook."""

Record = tuple[int, list[str] | str]
"""The number of the first line of a record, and its cells or what is wrong with it."""


@frozen(kw_only=True)
class Records:
    """The records of a file, the header first.

    Attributes:
        charset: Python's name of the charset, or `WORKBOOK`.
        is_charset_sure: whether the bytes leave no other choice.
        delimiter: the character between cells; empty for a workbook.
        is_delimiter_told: whether a line `sep=` stands before the header.
        records: the records; blank lines are none.
    """

    charset: str
    is_charset_sure: bool = True
    delimiter: str = ""
    is_delimiter_told: bool = False
    records: Iterator[Record]


@contextmanager
def records_of(
    file: IO[bytes], *, charset: str = "", mobile_column: str | None = None
) -> Generator[Records]:
    """Give the records of a file, from its start on.

    Args:
        file: a binary file that can seek; it stays open.
        charset: its charset; by default it is found out, for which all of the file is read.
        mobile_column: the column of numbers, by which the delimiter is known.

    Raises:
        NotTextError: it is neither text nor a workbook, or not as it says.
        OSError: it cannot be read.
    """
    file.seek(0)
    if charset == WORKBOOK or (not charset and file.read(len(_ZIP)) == _ZIP):
        yield Records(charset=WORKBOOK, records=_sheet_records(file))
        return
    found, is_sure = (charset, True) if charset else _file_charset(file)
    with _TextLines(file, found) as lines:
        delimiter, is_told = _begin(lines, mobile_column)
        yield Records(
            charset=found,
            is_charset_sure=is_sure,
            delimiter=delimiter,
            is_delimiter_told=is_told,
            records=_text_records(lines, delimiter),
        )


_DELIMITERS: Final = ";,\t|"
_SEPARATOR: Final = re.compile(r'\s*"?sep=(.)"?[\s;,]*', re.IGNORECASE)


def _begin(lines: _TextLines, mobile_column: str | None) -> tuple[str, bool]:
    """Read as far as the header, which is given again; return the delimiter, and if it is told."""
    first = next(filter(str.strip, lines), "")
    told = _SEPARATOR.fullmatch(first)
    if told:
        first = next(filter(str.strip, lines), "")
    if first:
        lines.put_back([first])
    return (told[1], True) if told else (_delimiter_of(first, mobile_column), False)


def _delimiter_of(header: str, mobile_column: str | None) -> str:
    """Return the delimiter beside the column of numbers, or else the most frequent one."""
    unquoted = _QUOTED_CELL.sub("", header)
    candidates = sorted(_DELIMITERS, key=unquoted.count, reverse=True)
    for delimiter in candidates:
        names = [column_name(name.strip(' "')) for name in header.split(delimiter)]
        if any(name == mobile_column or is_number_column(name) for name in names):
            return delimiter
    return candidates[0]


_QUOTED_CELL: Final = re.compile(r'"[^"]*"')
# Marks that nobody sees, which would make another name of a name.
_UNSEEN: Final = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")


def column_name(cell: str) -> str:
    """Return the name of a column without what nobody sees and without blanks around it."""
    return _UNSEEN.sub("", cell).strip()


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
        try:
            line = self._ahead.popleft() if self._ahead else next(self._lines)
        except UnicodeError:
            charset = self._text.encoding
            rule = f"holds bytes that are no text in {charset}, or breaks off: save it again"
            raise NotTextError(rule) from None
        self.number += 1
        return line

    def put_back(self, lines: Sequence[str]) -> None:
        """Give these lines again, which were the last ones."""
        self._ahead.extendleft(reversed(lines))
        self.number -= len(lines)


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


def _text_records(lines: _TextLines, delimiter: str) -> Iterator[Record]:
    """Yield the records of lines of text, of which the first one is the header.

    After a record that is wrong, reading goes on in the line after its first one, so that one
    quote hides no other problem.
    """
    parser = _CellParser(delimiter)
    width: int | None = None
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
                width = width or len(cells)
                yield first, cells
        else:
            more = _lines_of_record(line, lines)
            cells = parser.cells("".join((line, *more)))
            if more and not isinstance(cells, str) and not _is_one(cells, delimiter, width):
                cells = _MAY_BE_TWO
            if isinstance(cells, str):
                lines.put_back(more)
            else:
                width = width or len(cells)
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
        cell.count(delimiter) >= width - 1 or has_number(cell)
        for cell in cells
        if "\n" in cell or "\r" in cell
    )


_PIECES: Final = re.compile(r"[\r\n;,\t|\"]+")
_NUMBER: Final = re.compile(r"\W*[\d\s.()/-]+\W*")
_FEWEST_DIGITS: Final = 9


def has_number(cell: str) -> bool:
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


_ZIP: Final = b"PK\x03\x04"
_NO_READER: Final = (
    "is a workbook, whatever its name: install mediasflow-async[excel], or save it as CSV UTF-8"
)


def _sheet_records(file: IO[bytes]) -> Iterator[Record]:
    """Yield the rows of the one sheet of a workbook that holds anything.

    Raises:
        NotTextError: it has several such sheets, cannot be opened, or needs the extra `excel`.
    """
    sheet = _sheet_of(file)
    if sheet is None:
        return
    first = sheet.start[0] + 1 if sheet.start else 1
    for number, row in enumerate(sheet.to_python(), first):
        cells = list(map(_cell_text, row))
        if any(map(str.strip, cells)):
            yield number, cells


def _sheet_of(file: IO[bytes]) -> CalamineSheet | None:
    # Imported here, since it needs the extra `excel`, which text does without.
    try:
        import python_calamine as calamine
    except ImportError:
        raise NotTextError(_NO_READER) from None
    try:
        file.seek(0)
        workbook = calamine.CalamineWorkbook.from_filelike(file)
        visible = [
            workbook.get_sheet_by_name(each.name)
            for each in workbook.sheets_metadata
            if each.visible == calamine.SheetVisibleEnum.Visible
            and each.typ == calamine.SheetTypeEnum.WorkSheet
        ]
    except calamine.PasswordError:
        raise NotTextError("is protected by a password: save it without one") from None
    except calamine.CalamineError:
        raise NotTextError("is a zip file, and no workbook that can be read") from None
    filled = [sheet for sheet in visible if sheet.height]
    if len(filled) > 1:
        names = " and ".join(sheet.name for sheet in filled)
        raise NotTextError(f"has several sheets that hold something, {names}: keep one")
    return filled[0] if filled else None


def _cell_text(cell: Any) -> str:
    """Return the value of a cell as text; dates as they are written in France."""
    if isinstance(cell, datetime):
        has_time = bool(cell.hour or cell.minute or cell.second)
        return f"{cell:%d/%m/%Y %H:%M}" if has_time else f"{cell:%d/%m/%Y}"
    if isinstance(cell, date):
        return f"{cell:%d/%m/%Y}"
    plain = plain_cell(cell)
    return "" if plain is None else str(plain)


class NotTextError(ValueError):
    """A file is no text, or in no charset that is known here; its text says what to do."""


_PIECE_BYTES: Final = 2**18
_START_BYTES: Final = 8
_FILE_MARKS: Final = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_NO_TEXT: Final = {
    b"\xd0\xcf\x11\xe0": "is an old workbook (.xls), whatever its name: save it as CSV UTF-8",
    b"%PDF": "is a PDF, and no CSV file",
}


def _file_charset(file: IO[bytes]) -> tuple[str, bool]:
    """Return the charset of a whole file that people made, and whether it is sure.

    A byte order mark decides, or zero bytes beside letters, or that all of it is valid UTF-8. What
    is left is one of the charsets of French spreadsheets: the one in which its bytes are most
    like French.

    Raises:
        NotTextError: it is no text, or in no charset that is known here.
    """
    file.seek(0)
    start = file.read(_START_BYTES)
    for mark, reason in _NO_TEXT.items():
        if start.startswith(mark):
            raise NotTextError(reason)
    for mark, charset in _FILE_MARKS.items():
        if start.startswith(mark):
            return charset, True
    zeros = tuple(byte == 0 for byte in start[:2])
    if any(zeros):
        return ("utf-16-be" if zeros[0] else "utf-16-le"), True
    if _is_utf8(file):
        return "utf-8", True
    odd_bytes = Counter(chain.from_iterable(map(_BEYOND_ASCII.findall, _pieces(file))))
    scores = {charset: _likeness(odd_bytes, charset) for charset in _FRENCH_CHARSETS}
    best = max(scores, key=scores.__getitem__)
    if scores[best] <= 0 or not _has_all(odd_bytes, best):
        raise NotTextError("is in no charset that is known here: save it as CSV UTF-8")
    return best, False


def _is_utf8(file: IO[bytes]) -> bool:
    """Whether all of a file is valid UTF-8.

    Raises:
        NotTextError: it is UTF-8, with letters beyond ASCII, as far as a line and not beyond.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    has_letters, line = False, 1
    for piece in _pieces(file):
        try:
            has_letters |= not decoder.decode(piece, final=not piece).isascii()
        except UnicodeDecodeError as error:
            before = error.object[: error.start]
            if before.isascii() and not has_letters:
                return False
            line += before.count(b"\n")
            break
        line += piece.count(b"\n")
    else:
        return True
    raise NotTextError(f"is UTF-8, but for line {line}, which is not: save it as CSV UTF-8")


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the pieces of a file from its start on, and an empty one at its end."""
    file.seek(0)
    return chain(iter(partial(file.read, _PIECE_BYTES), b""), [b""])


CHARSET_NAMES: Final = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8",
    **dict.fromkeys(("utf-16", "utf-16-le", "utf-16-be"), "UTF-16"),
    "utf-32": "UTF-32",
    "cp1252": "Windows-1252",
    "mac-roman": "Mac Roman",
    "cp850": "MS-DOS (850)",
}
"""The charsets of files, as spreadsheets name them."""
_BEYOND_ASCII: Final = re.compile(rb"[A-Za-z]?[\x80-\xff]")
_FRENCH_CHARSETS: Final = ("cp1252", "mac-roman", "cp850")
_USUAL_LETTERS: Final = frozenset("éèêàçâîôûÉÈÊÀÇÂÎÔÛ")
_RARE_LETTERS: Final = frozenset("ëïùüœæäöÿñËÏÙÜŒÆÄÖŸÑ")
_SIGNS: Final = frozenset(
    "\u00ab\u00bb\u2018\u2019\u201c\u201d\u2013\u2014\u2026\u20ac\u00b0\u00a0"
)


def _likeness(counts: Counter[bytes], charset: str) -> float:
    """Return how much bytes are like French in a charset; negative where they are not."""
    return sum(
        count * _weight(pair[:-1], pair[-1:].decode(charset, "replace"))
        for pair, count in counts.items()
    )


def _weight(before: bytes, letter: str) -> float:
    """Return how likely a letter is after another one: words do not mix small and capital ones."""
    if letter in _USUAL_LETTERS or letter in _RARE_LETTERS:
        fits = not before or before.isupper() == letter.isupper()
        return (1.0 if letter in _USUAL_LETTERS else 0.5) if fits else -0.5
    return 0.1 if letter in _SIGNS else -1.0


def _has_all(counts: Counter[bytes], charset: str) -> bool:
    """Whether a charset has a character for each of the bytes."""
    try:
        b"".join(counts).decode(charset)
    except UnicodeDecodeError:
        return False
    return True
