"""Files of recipients, read strictly: rows are read as they are meant, or the file is refused."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasflow_async.errors import InvalidRequest
from mediasflow_async.uploads import recipient_records
from mediasflow_async.uploads.recipients import RecipientTable, check_recipients, read_recipients
from tests.support.workbooks import Sheets, ods, xlsx

Rows = list[dict[str, str]]
NUMBER: Final = "0639981234"
TWO: Final = [{"sms": NUMBER, "nom": "Zoé"}, {"sms": "0639985678", "nom": "L'Été"}]


def data_of(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def check(text: str | bytes, mobile_column: str | None = None) -> RecipientTable:
    return check_recipients(io.BytesIO(data_of(text)), "people.csv", mobile_column=mobile_column)


def rows_of(text: str | bytes, mobile_column: str | None = None) -> Rows:
    file = io.BytesIO(data_of(text))
    table = check_recipients(file, "people.csv", mobile_column=mobile_column)
    rows = list(read_recipients(file, table))
    assert len(rows) == table.row_count
    return rows


def problems_of(text: str | bytes, mobile_column: str | None = None) -> list[str]:
    with pytest.raises(InvalidRequest) as caught:
        check(text, mobile_column)
    assert "Nothing was sent. Correct the file" in str(caught.value)
    return [str(problem) for problem in caught.value.problems]


def written(rows: Sequence[Mapping[str, str]], delimiter: str = ";") -> str:
    lines = [tuple(rows[0]), *(tuple(row.values()) for row in rows)]
    return "".join(f"{delimiter.join(line)}\r\n" for line in lines)


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
@pytest.mark.parametrize(
    ("encoding", "charset"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32", "utf-32"),
        ("cp1252", "cp1252"),
        ("mac-roman", "mac-roman"),
        ("cp850", "cp850"),
    ],
)
def test_a_file_is_read_in_the_charset_and_with_the_delimiter_that_it_has(
    encoding: str, charset: str, delimiter: str
) -> None:
    data = written(TWO, delimiter).encode(encoding)
    assert rows_of(data) == TWO
    table = check(data)
    assert (table.charset, table.delimiter) == (charset, delimiter)
    assert table.is_charset_sure is charset.startswith("utf")


def test_capitals_tell_the_charset_too() -> None:
    rows = [{"sms": NUMBER, "nom": "HÉLÈNE FRANÇOIS"}, {"sms": NUMBER, "nom": "ÉLOÏSE"}]
    for encoding in ("cp1252", "mac-roman", "cp850"):
        assert rows_of(written(rows).encode(encoding)) == rows


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (f"sep=,\nsms,nom\n{NUMBER},A\n", [{"sms": NUMBER, "nom": "A"}]),
        (f'"sep=|"\r\nsms|nom\r\n{NUMBER}|A', [{"sms": NUMBER, "nom": "A"}]),
        (f"\n \nsms;nom\n\n;\n{NUMBER};A\n  \n", [{"sms": NUMBER, "nom": "A"}]),
        (f"sms;nom;ville\n{NUMBER};A\n", [{"sms": NUMBER, "nom": "A", "ville": ""}]),
        (f"sms;nom\r{NUMBER};A\r", [{"sms": NUMBER, "nom": "A"}]),
        (f"sms;nom;;\n{NUMBER};A;;\n", [{"sms": NUMBER, "nom": "A"}]),
        (f' "sms" ;\u200bnom \n{NUMBER}; "A;B" \n', [{"sms": NUMBER, "nom": "A;B"}]),
        (f'sms;nom\n{NUMBER};"le ""Roi"""\n', [{"sms": NUMBER, "nom": 'le "Roi"'}]),
        (f'sms;nom\n="{NUMBER}";="01"\n', [{"sms": NUMBER, "nom": "01"}]),
        (f'sms;nom;rue\n{NUMBER};A;"1,\n2"\n', [{"sms": NUMBER, "nom": "A", "rue": "1,\n2"}]),
        ("sms\n3,36E+10\n", [{"sms": "3,36E+10"}]),
        ("sms\n33639981234.0\n", [{"sms": "33639981234"}]),
        ("sms\n06\u200b39\u00a098 12\u221234\n", [{"sms": "0639 98 12-34"}]),
        (f"nom, prénom;sms\nA, B;{NUMBER}\n", [{"nom, prénom": "A, B", "sms": NUMBER}]),
    ],
)
def test_what_has_one_meaning_is_read(text: str, rows: Rows) -> None:
    assert rows_of(text) == rows


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "people.csv: is empty"),
        ("\n \n", "people.csv: is empty"),
        ("sep=;\n", "people.csv: is empty"),
        ("sms;nom\n", "has a header and no rows"),
        ("sms;nom\n;\n\n", "has a header and no rows"),
        ("nom;tel\nA;1\n", "no column of numbers: none is called mobile, sms, portable or gsm"),
        ("nom;tel\nA;1\n", "The columns are nom, tel. Rename"),
        ("sms;GSM\n1;2\n", "several columns of numbers, sms and GSM: keep one"),
        ("sms;nom;Nom \n1;a;b\n", "several columns of one name, nom, Nom: rename"),
        (f"{NUMBER};A\n0639985678;B\n", "line 1 holds a phone number where the names"),
        ('sms;"no\nm"\n1;A\n', "the name of a column has a line break"),
        ('sms;"nom\n1;A\n', "line 1: a quote is opened and never closed"),
        (f"sms;nom\n{NUMBER};A;B\n", "line 2: has 3 cells, and the header 2 columns"),
        (f"sms;nom\n{NUMBER};A;\n", "line 2: has 3 cells, and the header 2 columns"),
        (f"sms;;\n{NUMBER};;x\n", "line 2: there is something in a column that has no name"),
        (f'sms;nom\n{NUMBER};"A\n', "line 2: a quote is opened and never closed"),
        (f'sms;nom\n{NUMBER};"A"B\n', "line 2: there is text after a closing quote"),
        (f'sms;nom\n{NUMBER};A "B" C\n', "line 2: a quote stands within a cell"),
        (f'sms;nom\n{NUMBER};"A\n0639985678;B"\n', "line 2: a cell in quotes goes on"),
        ('sms\n"06\n39"\n', "line 2: a cell in quotes goes on"),
        ("sms;nom\n1\x002;A\n", "line 2: holds a NUL"),
        (b"PK\x03\x04\x14", "is a zip file, and no workbook"),
        (b"\xd0\xcf\x11\xe0", "is an old workbook"),
        (b"%PDF-1.7", "is a PDF"),
        ("sms;é\n1;é\n".encode() + b"2;\xe9\n", "is UTF-8, but for line 3"),
        (b"sms;nom\n1;\x9d\xb1\xbf\n", "in no charset that is known"),
        ("sms;nom\n1;A\n".encode("utf-16")[:-1], "no text in utf-16, or breaks off"),
        ("sms;nom\n1;Zo\xe9\x81\n".encode("latin-1"), "in no charset that is known"),
    ],
)
def test_what_may_be_read_in_two_ways_is_refused(text: str | bytes, told: str) -> None:
    problem, *_ = problems_of(text)
    assert told in problem
    assert NUMBER not in problem


def test_a_line_or_a_cell_that_never_ends_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipient_records, "_LONGEST_LINE", 1_000)
    assert problems_of(f"sms;nom\n{NUMBER};{'x' * 1_000}") == [
        "people.csv, line 2: the line never ends"
    ]
    first, *others = problems_of('sms;nom\n1;"' + "\n".join(["x"] * 200) + '"')
    assert first == "people.csv, line 2: a quote is opened and never closed"
    (last,) = others
    assert last.startswith("people.csv, line 201: a quote stands within a cell")


def test_all_that_is_wrong_is_told_at_once_up_to_a_limit() -> None:
    wrong = ['1;"A', "2;B;C", '3;D "E"', "4;F", "5;G;"]
    assert [problem.split(":")[0] for problem in problems_of("sms;nom\n" + "\n".join(wrong))] == [
        f"people.csv, line {line}" for line in (2, 3, 4, 6)
    ]
    many = problems_of("sms;nom\n" + "1;2;3\n" * 1_050)
    assert len(many) == 21
    assert many[-1] == "people.csv: 1,030 more lines are wrong"


def test_the_column_of_numbers_is_named() -> None:
    text = f"Téléphone;mobile;nom\n{NUMBER};0639985678;A\n"
    assert rows_of(text, "Téléphone") == [{"mobile": NUMBER, "nom": "A"}]
    assert rows_of(text) == [{"Téléphone": NUMBER, "mobile": "0639985678", "nom": "A"}]
    (problem,) = problems_of(text, "Tel")
    assert "has no column Tel. The columns are Téléphone, mobile, nom." in problem
    (problem,) = problems_of("Nom;Téléphone\nA;1\n")
    assert "--mobile-column 'Téléphone'" in problem


def test_a_file_that_changes_while_it_is_read_gives_no_wrong_row() -> None:
    file = io.BytesIO(written(TWO).encode())
    table = check_recipients(file, "people.csv")
    file.seek(0)
    file.write(b'sms;nom\r\n"x')
    with pytest.raises(InvalidRequest, match="quote"):
        list(read_recipients(file, table))
    file.seek(0)
    file.write(b"nom;sms")
    with pytest.raises(InvalidRequest, match="has changed"):
        list(read_recipients(file, table))


# Each cell holds the number of its row, so that a row that mixes two lines shows it.
FORMS: Final = ("R{0}", '"R{0}"', '"R{0} ; R{0}"', '"R{0}\nR{0}"', '"R{0}, ""R{0}"""')
ROW_NUMBER: Final = re.compile(r"(?<=R)\d|(?<=06399800)\d\d")


@st.composite
def broken_files(draw: st.DrawFn) -> str:
    """A sound file in which up to four quotes or line ends are added or taken away."""
    width = draw(st.integers(1, 4))
    number_at = draw(st.integers(0, width - 1))
    lines = [";".join("sms" if at == number_at else f"c{at}" for at in range(width))]
    for row in range(1, draw(st.integers(2, 6)) + 1):
        forms = draw(st.lists(st.integers(0, 4), min_size=width, max_size=width))
        cells = [
            f"06399800{row:02}" if at == number_at else FORMS[form].format(row)
            for at, form in enumerate(forms)
        ]
        short = draw(st.integers(number_at + 1, width)) if draw(st.booleans()) else width
        lines.append(";".join(cells[:short]))
    text = list("\n".join(lines))
    start = len(lines[0]) + 1
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(start, len(text) - 1))
        if draw(st.booleans()):
            text.insert(at, draw(st.sampled_from('""""\n')))
        elif quotes := [place for place, letter in enumerate(text) if letter == '"']:
            del text[draw(st.sampled_from(quotes))]
    return "".join(text)


@given(broken_files())
def test_no_row_mixes_the_data_of_two_lines(text: str) -> None:
    try:
        rows = rows_of(text)
    except InvalidRequest:
        return
    for row in rows:
        assert len(set(map(int, ROW_NUMBER.findall("\n".join(row.values()))))) <= 1


@given(st.binary(max_size=200), st.sampled_from([b"", b"sms;nom\n", b"\xff\xfe", b"sep=;\nsms\n"]))
def test_any_bytes_are_read_or_refused(data: bytes, start: bytes) -> None:
    try:
        rows = rows_of(start + data)
    except InvalidRequest:
        return
    assert rows


TABLE: Final[list[tuple[str | float | date | None, ...]]] = [
    ("Mobile", "Nom", "Points", "Né le", None),
    (33639981234.0, "Zoé", 7, date(2001, 2, 3), None),
    (None, None, None, None, None),
    ("06 39 98 56 78", "L'Été; oui", 2.5, None, None),
]
MEANT: Final = [
    {"Mobile": "33639981234", "Nom": "Zoé", "Points": "7", "Né le": "03/02/2001"},
    {"Mobile": "06 39 98 56 78", "Nom": "L'Été; oui", "Points": "2.5", "Né le": ""},
]


@pytest.mark.parametrize("write", [xlsx, ods])
def test_a_workbook_is_read_by_the_one_sheet_that_holds_anything(
    write: Callable[[Sheets], bytes],
) -> None:
    data = write({"Empty": [], "People": TABLE})
    assert rows_of(data) == MEANT
    table = check(data)
    assert str(table) == "2 rows, workbook, numbers in Mobile"
    assert "save it as CSV UTF-8" in table.upload_rule
    (problem,) = problems_of(write({"A": TABLE, "B": TABLE}))
    assert "several sheets that hold something, A and B: keep one" in problem


def test_a_hidden_sheet_and_the_place_of_a_row_count() -> None:
    assert rows_of(xlsx({"A": TABLE, "B": TABLE}, hidden="B")) == MEANT
    (problem,) = problems_of(xlsx({"A": [(None,), ("sms", None), (None,), (NUMBER, "x")]}))
    assert problem == "people.csv, line 4: there is something in a column that has no name"
    assert "is empty" in problems_of(xlsx({"A": []}))[0]
    assert "a header and no rows" in problems_of(xlsx({"A": [("sms",)]}))[0]


def test_without_its_extra_a_workbook_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    (problem,) = problems_of(xlsx({"A": TABLE}))
    assert "is a workbook, whatever its name: install mediasflow-async[excel]" in problem


def test_what_the_platform_may_not_read_is_known() -> None:
    text = f"sms;nom\n{NUMBER};Zoé\n"
    assert [check(text.encode(name)).upload_rule for name in ("utf-8", "utf-8-sig", "cp1252")] == [
        "",
        "",
        "",
    ]
    assert "in the form UTF-16" in check(text.encode("utf-16")).upload_rule
    assert "begins with a line sep=" in check(f"sep=;\n{text}").upload_rule
