"""A corpus of files of recipients as people have them, and what must become of each.

    python -m tests.support.recipient_files FOLDER     writes all of them into a folder

A file is sent, to the two people of `PEOPLE`, or refused with an error that says what to change.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl
from attrs import frozen

from tests.support.workbooks import ods, xlsx

__all__ = ["FILES", "PEOPLE", "File"]

PEOPLE: Final = {"+33639981234": "Zoé", "+33639985678": "L'Été"}
_ROWS: Final = [("mobile", "nom"), ("0639981234", "Zoé"), ("0639985678", "L'Été")]


@frozen
class File:
    """A file of the corpus.

    Attributes:
        name: its name.
        data: its bytes.
        told: a part of the error; empty where it is sent.
        options: options of the command line that it needs.
    """

    name: str
    data: bytes
    told: str = ""
    options: tuple[str, ...] = ()


def _text(delimiter: str = ";", end: str = "\r\n", *, quoting: int = csv.QUOTE_MINIMAL) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(_ROWS)  # type: ignore[arg-type]
    return text.getvalue()


def _csv(name: str, text: str, *, encoding: str = "utf-8", told: str = "", **more: str) -> File:
    column = more.get("mobile_column")
    options = ("--mobile-column", column) if column else ()
    return File(f"{name}.csv", text.encode(encoding), told, options)


def _encodings() -> Iterator[File]:
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        yield _csv(f"charset {encoding}", _text(), encoding=encoding)
    yield _csv("Excel CSV", _text(), encoding="cp1252")
    yield _csv("Excel CSV Macintosh", _text(end="\r"), encoding="mac-roman")
    yield _csv("Excel CSV MS-DOS", _text(), encoding="cp850")
    yield _csv("Excel Unicode text", _text("\t"), encoding="utf-16")
    yield _csv("Excel CSV UTF-8", _text(), encoding="utf-8-sig")
    two = _text().encode() + "0639987777;Léo\r\n".encode("cp1252")
    yield File("two charsets.csv", two, "is UTF-8, but for line 4")
    yield File("cut.csv", _text().encode("utf-16")[:-1], "no text in utf-16, or breaks off")
    yield File("unknown charset.csv", b"mobile;nom\n0639981234;\x81\x9d\xb1\n", "in no charset")


def _delimiters() -> Iterator[File]:
    for name, delimiter in {"semicolon": ";", "comma": ",", "tab": "\t", "bar": "|"}.items():
        yield _csv(f"delimiter {name}", _text(delimiter))
        yield _csv(f"sep and {name}", f"sep={delimiter}\r\n{_text(delimiter)}")
        yield _csv(f"all quoted {name}", _text(delimiter, quoting=csv.QUOTE_ALL))
    yield _csv("unusual delimiter told", "sep=^\r\n" + _text("^"))
    yield _csv("unusual delimiter", _text("^"), told="The columns are mobile^nom.")
    yield _csv("line ends of Unix", _text(end="\n"))
    yield _csv("blank lines", "\n \n" + _text().replace("\r\n", "\r\n\r\n") + ";;\r\n"[1:])
    yield _csv("no last line end", _text().rstrip())


_HEAD: Final = "mobile;nom\n0639981234;"


def _quotes() -> Iterator[File]:
    yield _csv("quote open", f"{_HEAD}\"Zoé\n0639985678;L'Été\n", told="line 2: a quote is opened")
    two = f'{_HEAD}"Zoé\n0639985678;L\'Été"\n'
    yield _csv("quote over two people", two, told="line 2: a cell in quotes goes on")
    yield _csv("quote open in the header", '"mobile;nom\n1;A\n', told="line 1: a quote is opened")
    yield _csv("text after quote", f'{_HEAD}"Zoé"x\n', told="line 2: there is text after a closing")
    yield _csv("stray quote", f'{_HEAD}Zo"é\n', told="line 2: a quote stands within a cell")
    yield _csv(
        "line break in a cell", 'mobile;nom;note\n0639981234;Zoé;"a\nb"\n0639985678;L\'Été;\n'
    )
    yield _csv("doubled quotes", f"{_text()}".replace("mobile", '"mobile"'))
    yield _csv("formulas", 'mobile;nom\n="0639981234";Zoé\n="0639985678";L\'Été\n')
    yield _csv("blanks around quotes", 'mobile;nom\n0639981234; "Zoé" \n0639985678; "L\'Été"\n')


def _columns() -> Iterator[File]:
    wide = "mobile;nom;ville\n0639981234;Zoé\n0639985678;L'Été\n"
    yield _csv("fewer cells", wide)
    yield _csv("more cells", f"{_HEAD}Zoé;x\n", told="line 2: has 3 cells, and the header 2")
    yield _csv("one more delimiter", f"{_HEAD}Zoé;\n", told="line 2: has 3 cells")
    yield _csv("one name twice", "mobile;nom;NOM\n1;a;b\n", told="several columns of one name")
    yield _csv("two numbers", "mobile;sms;nom\n1;2;a\n", told="several columns of numbers")
    yield _csv("other name", _text().replace("mobile", "Tél"), told="The columns are Tél, nom.")
    yield _csv("named", _text().replace("mobile", "Tél"), mobile_column="Tél")
    yield _csv("badly named", _text(), told="has no column Tel.", mobile_column="Tel")
    yield _csv("no header", "0639981234;Zoé\n0639985678;A\n", told="line 1 holds a phone number")
    yield _csv("header alone", "mobile;nom\n", told="a header and no rows")
    yield _csv("empty", "", told="is empty")
    yield _csv("blank", "\n\n", told="is empty")
    yield _csv("a title", f"Export du mardi\n\n{_text()}", told="no column of numbers")
    yield _csv("unnamed columns", "mobile;nom;;\n0639981234;Zoé;;\n0639985678;L'Été;;\n")
    yield _csv("column without name", "mobile;\n0639981234;x\n", told="a column that has no name")
    yield _csv("header with blanks", " Mobile ;\u200bnom\u00a0\n0639981234;Zoé\n0639985678;L'Été\n")
    yield _csv("no such field", "mobile;prenom\n0639981234;Zoé\n", told="there is no field nom")


def _numbers() -> Iterator[File]:
    forms = {
        "zero lost": ("639981234", "639985678"),
        "whole floats": ("33639981234.0", "639985678,0"),
        "all digits": ("3.3639981234E+10", "6,39985678E+08"),
        "spaces": ("06 39 98 12 34", "06.39.98.56.78"),
        "foreign spaces": ("06\u00a039\u00a098\u00a012\u00a034", "06\u202f39985678"),
        "unseen marks": ("\ufeff0639981234\u200b", "06\u00ad39\u206098\u200e5678"),
        "Word's minus": ("06\u221239\u221298\u221212\u221234", "06\u201039985678"),
        "full width": (
            "\uff10\uff16\uff13\uff19\uff19\uff18\uff11\uff12\uff13\uff14",
            "0639985678",
        ),
        "apostrophe": ("'0639981234", "'0639985678"),
        "international": ("+33639981234", "0033639985678"),
        "tel:": ("tel:0639981234", "tel:+33639985678"),
    }
    for name, (first, second) in forms.items():
        yield _csv(f"numbers {name}".replace(":", ""), f"mobile;nom\n{first};Zoé\n{second};L'Été\n")
    bad = {
        "spoiled": ("3,36E+10", "a spreadsheet has cut this number short"),
        "short": ("12345678", "too few digits"),
        "of letters": ("n/a", "a phone number holds digits"),
        "missing": ("", "mobile"),
        "too long": ("06399812345", "not a phone number"),
    }
    for name, (number, told) in bad.items():
        yield _csv(f"numbers {name}", f"mobile;nom\n{number};Zoé\n0639985678;A\n", told=told)


def _programs() -> Iterator[File]:
    table: dict[str, list[tuple[str | float, ...]]] = {"Feuil1": [*_ROWS]}
    yield File("Excel.xlsx", xlsx(table))
    yield File("Excel named.csv", xlsx(table))
    yield File("LibreOffice.ods", ods(table))
    floats: list[tuple[str | float, ...]] = [
        ("mobile", "nom"),
        (33639981234.0, "Zoé"),
        (639985678.0, "L'Été"),
    ]
    yield File("numbers.xlsx", xlsx({"Feuil1": floats, "Feuil2": []}))
    yield File("sheets.xlsx", xlsx({"A": table["Feuil1"], "B": table["Feuil1"]}), "several sheets")
    yield File("no rows.xlsx", xlsx({"A": [("mobile", "nom")]}), "a header and no rows")
    yield File("old.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an old workbook")
    yield File("document.csv", b"%PDF-1.7\n", "is a PDF")
    yield File("zip.csv", b"PK\x03\x04abc", "no workbook that can be read")
    frame = pl.DataFrame({"mobile": [33639981234.0, 639985678.0], "nom": ["Zoé", "L'Été"]})
    yield File("polars.csv", frame.write_csv().encode())
    # As pandas writes its index, and a column of integers that has an empty cell.
    yield _csv("pandas", ",mobile,nom\n0,33639981234.0,Zoé\n1,639985678.0,L'Été\n")
    yield _csv(
        "CRM", '"Mobile","nom","Notes"\n"0639981234","Zoé","a, b"\n"0639985678","L\'Été",""\n'
    )
    yield _csv("phpMyAdmin", '"mobile";"nom"\n"0639981234";"Zoé"\n"0639985678";"L\'Été"\n')


FILES: Final = (
    *_encodings(),
    *_delimiters(),
    *_quotes(),
    *_columns(),
    *_numbers(),
    *_programs(),
)


if __name__ == "__main__":
    for file in FILES:
        (Path(sys.argv[1]) / file.name).write_bytes(file.data)
