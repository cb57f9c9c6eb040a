from __future__ import annotations

import csv
import io
import itertools
from collections import deque
from itertools import pairwise

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from mediasflow_async.converter.csv_records import (
    CsvDecoder,
    looks_like_csv,
)
from mediasflow_async.converter.names import folded
from mediasflow_async.converter.streams import charset_of


class NotAReport(Exception):
    """What the decoder is told to raise."""

    def __init__(self, reason: str, *, instead_of_header: str | None) -> None:
        super().__init__(reason)
        self.instead_of_header = instead_of_header


HEADER = ["Nom", "STATUS_CODE", "REPLY"]


def records(data: bytes, cuts: list[int] | None = None) -> list[list[str]]:
    """Decode a report that arrives in pieces."""
    bounds = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts or [])})
    decoder = CsvDecoder(NotAReport)
    found = [record for start, end in pairwise(bounds) for record in decoder.feed(data[start:end])]
    return [*found, *decoder.finish()]


def report(rows: list[list[str]], delimiter: str = ";", end: str = "\r\n") -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerows([HEADER, *rows])
    return text.getvalue()


delimiters = st.sampled_from(";,\t|")
ends = st.sampled_from(["\r\n", "\n"])
cuts = st.lists(st.integers(0, 10**6), max_size=12)
CONTROL = "".join(map(chr, range(0x20)))
unicode_cells = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters=CONTROL)
    | st.sampled_from('\n";,|'),
    max_size=12,
)
LATIN = bytes(byte for byte in range(0x20, 0x100) if byte not in b"\x81\x8d\x8f\x90\x9d")
latin_cells = st.text(st.sampled_from(LATIN.decode("cp1252") + "\n"), max_size=12)


def full(row: list[str]) -> bool:
    return any(row)


@given(
    st.lists(st.lists(unicode_cells, min_size=3, max_size=3).filter(full)), delimiters, ends, cuts
)
def test_utf8_reads_the_same_whatever_the_pieces(
    rows: list[list[str]], delimiter: str, end: str, at: list[int]
) -> None:
    text = report(rows, delimiter, end)
    for mark in ("", "\ufeff"):
        assert records((mark + text).encode(), at) == [HEADER, *rows]


@given(st.lists(st.lists(latin_cells, min_size=3, max_size=3).filter(full)), delimiters, ends, cuts)
@example([["Ã©", "é", ""]], ";", "\n", [29])
def test_windows_1252_reads_the_same_whatever_the_pieces(
    rows: list[list[str]], delimiter: str, end: str, at: list[int]
) -> None:
    data = report(rows, delimiter, end).encode("cp1252")
    whole = records(data)
    assert records(data, at) == records(data, list(range(len(data)))) == whole
    assert len(whole) == len(rows) + 1


@given(
    st.lists(st.sampled_from(["été", "17 €", "à Noël", "œuvre", "Zoé"]), min_size=3, max_size=3),
    cuts,
)
def test_french_in_windows_1252_is_recognised(row: list[str], at: list[int]) -> None:
    assert records(report([row]).encode("cp1252"), at) == [HEADER, row]


@given(st.binary(max_size=200), cuts)
def test_no_bytes_make_the_decoder_raise_anything_of_its_own(data: bytes, at: list[int]) -> None:
    try:
        found = records(b"STATUS_CODE;A\n" + data, at)
    except NotAReport:
        return
    assert found[0] == ["STATUS_CODE", "A"]


@given(cuts)
def test_a_byte_that_windows_1252_does_not_have_is_replaced(at: list[int]) -> None:
    assert records(b"STATUS_CODE;A\n1;\xe9\x81\n", at)[1] == ["1", "é\ufffd"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_last_line_needs_no_end(end: str) -> None:
    assert records(f"STATUS_CODE;A{end}16;x".encode()) == [["STATUS_CODE", "A"], ["16", "x"]]


def test_a_record_is_given_as_soon_as_it_is_complete() -> None:
    decoder = CsvDecoder(NotAReport)
    assert list(decoder.feed(b"STATUS_CODE;A\n16;")) == [["STATUS_CODE", "A"]]
    assert list(decoder.feed(b'"x\n')) == []
    assert list(decoder.feed(b'y"\n')) == [["16", "x\ny"]]
    assert list(decoder.finish()) == []


def test_empty_lines_and_an_empty_report_give_nothing() -> None:
    assert records(b"") == []
    assert records(b"\r\n\r\n") == []
    assert records(b"\xef\xbb\xbf") == []
    assert records(b"\nSTATUS_CODE;A\n\n16;x\n\n") == [["STATUS_CODE", "A"], ["16", "x"]]


@pytest.mark.parametrize(
    ("header", "delimiter"),
    [
        ("A;STATUS_CODE;B", ";"),
        ("A,STATUS_CODE,B", ","),
        ("A\tSTATUS_CODE\tB", "\t"),
        ("A|STATUS_CODE|B", "|"),
        ("A,x;B,y;status_code;C,z", ";"),
        ("A;x,B;y, Status_Code ,C", ","),
        ("A;x,B;y,status code,C", ","),
        ('"A";"STATUS_CODE"', ";"),
        ("STATUS_CODE", ";"),
        ("A,B,C", ","),
        ("A|B|C;D", "|"),
        ("A", ";"),
        ("", ";"),
    ],
)
def test_the_delimiter_is_the_one_that_sets_the_status_apart(header: str, delimiter: str) -> None:
    assert records(header.encode()) == list(
        csv.reader([header] if header else [], delimiter=delimiter)
    )


@pytest.mark.parametrize(
    "body", ["<!DOCTYPE html>", "\r\n <html>", '{"error": "no"}', '[{"item": 1}]']
)
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_page_or_json_is_told_from_a_report(body: str, mark: str) -> None:
    assert not looks_like_csv((mark + body).encode())


@pytest.mark.parametrize(
    "body", ["", "STATUS_CODE", '"STATUS_CODE"', "\ufeffREF_LIST;", "Prénom", "5<6"]
)
def test_a_report_may_begin_with_anything_else(body: str) -> None:
    assert looks_like_csv(body.encode())


def test_a_quote_that_never_closes_is_refused_before_memory_is_full() -> None:
    decoder = CsvDecoder(NotAReport)
    pieces = itertools.chain([b'STATUS_CODE;A\n"'], itertools.repeat(b"x" * 65_536, 1000))
    with pytest.raises(NotAReport, match="never ends"):
        deque(itertools.chain.from_iterable(map(decoder.feed, pieces)), maxlen=0)
    assert len(list(pieces)) > 900


def test_a_quote_that_never_closes_over_many_lines_is_refused_as_well() -> None:
    decoder = CsvDecoder(NotAReport)
    list(decoder.feed(b'STATUS_CODE\n"'))
    pieces = iter([b"\n" * 65_536] * 14)
    with pytest.raises(NotAReport, match="field limit"):
        deque(itertools.chain.from_iterable(map(decoder.feed, pieces)), maxlen=0)
    assert len(list(pieces)) > 9


def test_many_open_cells_that_never_end_are_refused_before_memory_is_full() -> None:
    decoder = CsvDecoder(NotAReport)
    list(decoder.feed(b'STATUS_CODE\n"'))
    pieces = iter([b'\n";"' * 20_000] * 100)
    with pytest.raises(NotAReport, match="never ends"):
        deque(itertools.chain.from_iterable(map(decoder.feed, pieces)), maxlen=0)
    assert len(list(pieces)) > 80


def test_a_record_over_many_lines_is_not_read_again_for_each_of_them() -> None:
    # To go back to its start for every line would keep this test busy for hours.
    cells = [f"{number}\n" * 50 for number in range(1000)]
    line = ";".join(f'"{cell}"' for cell in cells).encode()
    decoder = CsvDecoder(NotAReport)
    list(decoder.feed(b"STATUS_CODE;A\n"))
    for start in range(0, len(line), 2):
        assert list(decoder.feed(line[start : start + 2])) == []
    assert [*decoder.feed(b"\n16;x\n"), *decoder.finish()] == [cells, ["16", "x"]]


def test_a_line_in_tiny_pieces_is_not_copied_for_each_of_them() -> None:
    decoder = CsvDecoder(NotAReport)
    list(decoder.feed(b"STATUS_CODE;A\n"))
    for _ in range(250_000):
        assert list(decoder.feed(b"x;")) == []
    assert list(decoder.feed(b"\n")) == [["x"] * 250_000 + [""]]


@pytest.mark.parametrize("quote", [b"", b'"'])
def test_a_cell_that_is_too_long_is_refused_with_an_error_of_ours(quote: bytes) -> None:
    with pytest.raises(NotAReport, match="field limit"):
        records(b"STATUS_CODE;A\n16;" + quote + b"x" * 200_000 + quote + b"\n")


def test_a_line_of_many_cells_may_be_longer_than_a_cell() -> None:
    cells = ["x" * 1000] * 200
    assert records(b"STATUS_CODE\n" + ";".join(cells).encode() + b"\n")[1] == cells


def test_a_quote_within_a_plain_cell_is_a_quote() -> None:
    assert records(b'STATUS_CODE;A\n16;5" screen\n16;x\n') == [
        ["STATUS_CODE", "A"],
        ["16", '5" screen'],
        ["16", "x"],
    ]


def test_a_report_with_stray_quotes_may_be_longer_than_a_record() -> None:
    line = b'16;5" screen\n16;plain\n'
    data = b"STATUS_CODE;A\n" + line * 80_001
    decoder = CsvDecoder(NotAReport)
    count = sum(
        1
        for start in range(0, len(data), 65_536)
        for _ in decoder.feed(data[start : start + 65_536])
    )
    assert count + sum(1 for _ in decoder.finish()) == 1 + 2 * 80_001


@given(st.text(st.sampled_from('ab;"\r\n'), max_size=30), cuts)
def test_any_text_reads_as_the_csv_module_reads_it_whatever_the_pieces(
    text: str, at: list[int]
) -> None:
    data = "STATUS_CODE;A\n" + text
    rows = csv.reader(io.StringIO(data, newline=""), delimiter=";", strict=True)
    try:
        expected = [row for row in rows if any(row)]
    except csv.Error:
        with pytest.raises(NotAReport, match=r"line \d+: "):
            records(data.encode(), at)
    else:
        assert records(data.encode(), at) == expected


def test_a_report_may_be_of_any_length() -> None:
    line = b"16;+33612345678;Bonjour\r\n"
    decoder = CsvDecoder(NotAReport)
    count = len(list(decoder.feed(b"STATUS_CODE;INT_MOBILE;REPLY\r\n")))
    for _ in range(40):
        count += sum(1 for _ in decoder.feed(line * 2000))
    assert count == 80_001
    assert list(decoder.finish()) == []


def report_of(data: bytes, charset: str = "", at: list[int] | None = None) -> list[list[str]]:
    bounds = sorted({0, len(data), *(cut % (len(data) + 1) for cut in at or [])})
    decoder = CsvDecoder(NotAReport, charset=charset, header={"statuscode"})
    found = [record for start, end in pairwise(bounds) for record in decoder.feed(data[start:end])]
    return [*found, *decoder.finish()]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('A;B\n1;2\n"x;3\n' + "4;5\n" * 1000, "line 3: a quote is never closed"),
        ('A;B\n1;2\n"x;3\n4;"5"\n', "line 3: there is text after a closing quote"),
        ('A;B\n1;"x" y\n', "line 2: there is text after a closing quote"),
        ('\n\nA;B\n\n"1\n2";"3\n', "line 5: a quote is never closed"),
    ],
)
@given(cuts)
def test_quotes_are_strict(text: str, problem: str, at: list[int]) -> None:
    with pytest.raises(NotAReport, match=problem):
        records(text.encode(), at)


@pytest.mark.parametrize(
    "preface",
    ["", "sep=;\r\n", '"sep=;"\n', "SEP=;\n\n", "Rapport du 25/06/2021\n", "a,b,c\n\nRapport;x\n"],
)
@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@settings(max_examples=15)
@given(cuts)
def test_what_stands_before_the_header_is_left_out(
    preface: str, charset: str, at: list[int]
) -> None:
    header = ["Prénom", "Status Code", "Texte"]
    text = preface + ";".join(header) + "\nZoé;16;à,b\n"
    assert report_of(text.encode(charset), at=at) == [header, ["Zoé", "16", "à,b"]]


@pytest.mark.parametrize("charset", ["iso-8859-1", "windows-1252", "utf-16", "iso-8859-15"])
@given(cuts)
def test_the_charset_that_is_announced_is_read(charset: str, at: list[int]) -> None:
    data = "STATUS_CODE;A\n16;Ã©té\n".encode(charset)
    announced = charset_of(f"text/csv; charset={charset}")
    assert report_of(data, announced, at)[1] == ["16", "Ã©té"]


def test_a_charset_that_nobody_knows_counts_for_nothing() -> None:
    for media_type in (
        "",
        "text/csv",
        "text/csv;charset=utf-8",
        "a/b; charset=no-such",
        "x=base64",
    ):
        assert charset_of(media_type) == ""
    assert charset_of("text/csv; charset=base64") == ""
    assert charset_of('text/csv; Charset="ISO-8859-1"') == "cp1252"


def test_a_separator_may_be_any_character() -> None:
    assert report_of(b"sep=^\nA^STATUS_CODE\nx;y^16\n") == [["A", "STATUS_CODE"], ["x;y", "16"]]
    assert records(b"sep=,\nA;B,C\n") == [["A;B", "C"]]


def test_a_name_with_a_line_break_belongs_to_the_header() -> None:
    data = b'Rapport\n"RE\nF";STATUS_CODE;"x\ny"\n1;16;2\n'
    assert report_of(data) == [["RE\nF", "STATUS_CODE", "x\ny"], ["1", "16", "2"]]


@pytest.mark.parametrize(
    "text",
    [
        "two lines\nof any text\n",
        "1;+33612345678;16;Delivered\n",
        "java.lang.NullPointerException\n\tat com.example.Report.rows(Report.java:12)\n",
        "x\n" * 1000,
        "\n\nstatus code\n",
        "sep=,\nA;STATUS_CODE\n",
    ],
)
@settings(max_examples=15)
@given(cuts)
def test_what_has_no_header_of_a_report_is_refused(text: str, at: list[int]) -> None:
    if folded(text) == "statuscode":
        assert report_of(text.encode(), at=at) == [["status code"]]
        return
    with pytest.raises(NotAReport, match=r"line \d: there is no header"):
        report_of(text.encode(), at=at)


@given(st.text(st.sampled_from("abcé STATUS_CODE;,\t|"), max_size=30))
def test_the_delimiter_is_always_one_of_four(header: str) -> None:
    assume(header.strip(" ;,\t|"))
    (cells,) = records(header.encode())
    assert header in {delimiter.join(cells) for delimiter in ";,\t|"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [("Session over\n", "Session over\n"), ("33612345678;16;Merci\n", ""), ("16,Merci\n", "")],
)
def test_what_came_instead_of_a_header_is_told_unless_it_may_be_rows(text: str, shown: str) -> None:
    with pytest.raises(NotAReport) as caught:
        report_of(text.encode())
    assert caught.value.instead_of_header == shown
