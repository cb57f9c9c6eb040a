"""A CSV report decoded as it arrives: encoding, delimiter and quoted line breaks (Guide: 4)."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Final

__all__ = ["CsvDecoder", "begins", "detect_delimiter", "looks_like_csv"]

_DELIMITERS: Final = ";,\t|"
_LANDMARK: Final = "STATUS_CODE"
_LONGEST_RECORD: Final = 1_000_000
_BLANK: Final = codecs.BOM_UTF8 + b" \t\r\n\v\f"


class CsvDecoder:
    """Turns the bytes of a report into records, whatever the pieces that they come in.

    UTF-8 with or without a byte order mark; from the first byte that cannot be UTF-8 on,
    Windows-1252, which is what files from France are otherwise written in.

    Args:
        invalid: makes the error for what is no CSV report, from the reason and the text.
    """

    def __init__(self, invalid: Callable[[str, str], Exception]) -> None:
        self._invalid = invalid
        self._decode = _Decoder().decode
        self._text = ""
        self._delimiter = ";"
        self._whole_records: re.Pattern[str] | None = None

    def feed(self, data: bytes) -> Iterator[list[str]]:
        """Yield the records that are complete with these bytes."""
        text = self._decode(data, final=False)
        self._text += text
        cut = self._last_record_end() if "\n" in text else 0
        if cut:
            head, self._text = self._text[:cut], self._text[cut:]
            yield from self._records(head)
        elif len(self._text) > _LONGEST_RECORD:
            raise self._invalid("a quoted cell never ends", self._text)

    def finish(self) -> Iterator[list[str]]:
        """Yield what is left when the report has ended."""
        text, self._text = self._text + self._decode(b"", final=True), ""
        self._look_for_header(text + "\n")
        yield from self._records(text)

    def _last_record_end(self) -> int:
        """Return where the last complete record ends: a line break outside of quotes, or 0."""
        self._look_for_header(self._text)
        found = self._whole_records.match(self._text) if self._whole_records else None
        return found.end() if found else 0

    def _look_for_header(self, text: str) -> None:
        if self._whole_records is not None:
            return
        header, line_end, _ = text.lstrip(" \r\n").partition("\n")
        if line_end:
            self._delimiter = detect_delimiter(header)
            self._whole_records = _whole_records(self._delimiter)

    def _records(self, text: str) -> Iterator[list[str]]:
        lines = io.StringIO(text, newline="")
        reader = csv.reader(lines, delimiter=self._delimiter)
        while (record := _next_record(reader)) is not None:
            if isinstance(record, str):
                raise self._invalid(record, text)
            if any(record):
                yield record


def _next_record(reader: Iterator[list[str]]) -> list[str] | str | None:
    """Return the next record, what is wrong with it, or None at the end."""
    try:
        return next(reader, None)
    except csv.Error as error:
        return str(error)


@cache
def _whole_records(delimiter: str) -> re.Pattern[str]:
    """Return what finds as many records as are complete at the start of a text.

    A quote opens a cell at its start only; elsewhere in a cell it stands for itself.
    """
    # Groups are atomic where a possessive repeat would do: Python 3.11.2 misreads `(...)*+`.
    plain = rf"[^{delimiter}\r\n]*+"
    quoted = rf'"[^"]*+(?>(?:""[^"]*+)*)"{plain}'
    cell = rf'(?:{quoted}|(?!"){plain})'
    return re.compile(rf"(?>(?:{cell}(?>(?:[{delimiter}\r]{cell})*)\n)*)")


class _Decoder:
    """UTF-8 until a byte cannot be, Windows-1252 from there on."""

    def __init__(self) -> None:
        self._utf8: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("utf-8-sig")()

    def decode(self, data: bytes, *, final: bool) -> str:
        """Return the text of some bytes; the last ones of them may be kept for the next."""
        if self._utf8 is None:
            return data.decode("cp1252", errors="replace")
        try:
            return self._utf8.decode(data, final)
        except UnicodeDecodeError as error:
            self._utf8 = None
            good, rest = error.object[: error.start], error.object[error.start :]
        return good.decode() + rest.decode("cp1252", errors="replace")


def looks_like_csv(beginning: bytes) -> bool:
    """Whether the first bytes of an answer can be those of a CSV report: no HTML, no JSON."""
    return beginning.lstrip(_BLANK)[:1] not in {b"<", b"{", b"["}


def begins(piece: bytes) -> bool:
    """Whether a piece holds more than blanks and a byte order mark."""
    return bool(piece.lstrip(_BLANK))


def detect_delimiter(header: str) -> str:
    """Return the delimiter that sets the status column apart, or else the most frequent one."""
    for delimiter in _DELIMITERS:
        cells = header.upper().replace('"', "").split(delimiter)
        if _LANDMARK in (cell.strip() for cell in cells):
            return delimiter
    return max(_DELIMITERS, key=header.count)
