"""Reports as any server may write them: read exactly, or refused as what cannot be understood.

Right reports are written in another spelling, charset, envelope or form of CSV, and damaged. A row
that is lost, doubled or about another person is the one thing that may not happen.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import anyio
import httpx
from hypothesis import given
from hypothesis import strategies as st

from mediasflow_async import BlacklistEntry, ReportRow, ResponseInvalid, Session
from tests.support.sessions import ONCE, session_with

URL = "http://localhost/MediasflowApi/v1/"


class Message(NamedTuple):
    """What a report says of one person."""

    mobile: str
    status: int | None
    line: int
    text: str = ""


Told = tuple[str | None, int | None, int | None]


def told(message: Message) -> Told:
    return (f"+{message.mobile}", message.status, message.line)


def shown(row: ReportRow) -> Told:
    return (row.mobile, row.status_code, row.line)


class Canned(httpx.AsyncBaseTransport):
    """A server with one answer to everything."""

    def __init__(self, body: bytes, media_type: str, status: int = 200) -> None:
        self._answer = (status, body, media_type)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        status, body, media_type = self._answer
        headers = {"Content-Type": media_type} if media_type else {}
        return httpx.Response(status, content=body, headers=headers, request=request)


def read(body: bytes, media_type: str, question: Callable[[Session], Any], **options: Any) -> Any:
    """Return what a question makes of an answer, or the error for one that is not understood."""

    async def asked() -> Any:
        transport = Canned(body, media_type)
        session = session_with(URL, ssl_context=None, transport=transport, retry=ONCE, **options)
        async with session:
            try:
                return await question(session)
            except ResponseInvalid as error:
                return error

    return anyio.run(asked)


async def json_rows(session: Session) -> list[ReportRow]:
    return await session.reports.campaign(943)


async def csv_rows(session: Session) -> list[ReportRow]:
    return [row async for row in session.reports.campaign_csv(943)]


async def entries(session: Session) -> list[BlacklistEntry]:
    return await session.blacklist.entries()


numbers = st.integers(600_000_000, 799_999_999).map(lambda number: f"33{number}")
codes = st.sampled_from([0, 2, 16, 17, 20, 24, 31, 32, 110, 999])
texts = st.sampled_from(
    ["", "Délivré", "a;b,c|d\te", 'dit "non"', "total", "sep=;", "STATUS_CODE", "16", "=1+1"]
)


@st.composite
def reports(draw: st.DrawFn) -> list[Message]:
    return [
        Message(number, draw(codes), line, draw(texts))
        for line, number in enumerate(draw(st.lists(numbers, min_size=1, max_size=5)), 1)
    ]


# --- Names ----------------------------------------------------------------------------------------

COLUMNS = ("REF_LIST", "ID_LINE", "INT_MOBILE", "STATUS_CODE", "STATUS_TEXT", "DELIVERYDATE")


def _camel(name: str) -> str:
    first, *others = name.lower().split("_")
    return first + "".join(map(str.capitalize, others))


SPELLED: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "lower": str.lower,
    "camel": _camel,
    "pascal": lambda name: _camel(name)[:1].upper() + _camel(name)[1:],
    "spaces": lambda name: name.replace("_", " "),
    "title": lambda name: name.replace("_", " ").title(),
    "dashes": lambda name: name.lower().replace("_", "-"),
    "dots": lambda name: name.lower().replace("_", "."),
    "blanks": lambda name: f" {name} ",
}
spelled = st.sampled_from(list(SPELLED.values()))

DATES = (
    "16/06/2021 18:29:07",
    "Jun 16, 2021 6:29:07 PM",
    "Jun 16, 2021, 6:29:07\u202fPM",
    "16 juin 2021 18:29:07",
    "Wed Jun 16 18:29:07 CEST 2021",
    "2021-06-16T16:29:07.000Z[UTC]",
    "2021-06-16T18:29:07+02:00",
    "2021-06-16 18:29:07",
)
MOMENT = 1623860947


# --- JSON -----------------------------------------------------------------------------------------


def _status_forms(code: int | None) -> list[Any]:
    if code is None:
        return [None]
    return [code, str(code), float(code), {"code": code, "text": "?"}, {"CODE": str(code)}]


def _number_forms(number: str) -> list[Any]:
    return [number, f"+{number}", int(number), float(number)]


JUNK: tuple[Any, ...] = (None, float("nan"), float("inf"), [], {}, [[]], "?", -1, 1e300, True, "")
SECONDARY = (
    *("reply", "previewCounter", "tracks", "fields", "sendDate", "refList", "type", "msg"),
    *("code", "error", "errors", "success", "result"),
)


@st.composite
def json_objects(draw: st.DrawFn, report: Sequence[Message]) -> list[dict[str, Any]]:
    spell = draw(spelled)
    names = draw(
        st.sampled_from([("INT_MOBILE", "STATUS_CODE", "ID_LINE"), ("item", "status", "idLine")])
    )
    mobile, status, line = map(spell, names)
    junk = draw(st.dictionaries(st.sampled_from(SECONDARY), st.sampled_from(JUNK), max_size=4))
    order = draw(st.permutations([mobile, status, line, *junk]))
    rows = []
    for message in report:
        row = {
            **junk,
            mobile: draw(st.sampled_from(_number_forms(message.mobile))),
            status: draw(st.sampled_from(_status_forms(message.status))),
            line: draw(st.sampled_from([message.line, str(message.line), float(message.line)])),
        }
        rows.append({name: row[name] for name in order})
    return rows


ENVELOPES: dict[str, Callable[[list[Any]], Any]] = {
    "bare": lambda rows: rows,
    "data": lambda rows: {"data": rows},
    "status": lambda rows: {"status": "OK", "data": rows},
    "total": lambda rows: {"rows": rows, "total": len(rows), "errors": []},
    "nested": lambda rows: {"data": {"items": rows}, "message": None},
    "one": lambda rows: {"anything": rows},
    "campaigns": lambda rows: [{"campaignId": 943, "rows": rows}],
    "in a campaign": lambda rows: {"campaigns": [{"id": 943, "name": "x", "rows": rows}]},
}
CHARSETS = (
    ("utf-8", "application/json"),
    ("utf-8", ""),
    ("utf-8-sig", "application/json"),
    ("utf-16", "application/json"),
    ("utf-16-le", "application/json;charset=UTF-16LE"),
    ("cp1252", "application/json; charset=ISO-8859-1"),
    ("cp1252", "application/json"),
    ("utf-8", "application/json; charset=UTF8"),
    ("utf-8", "application/json; charset=none-such"),
    ("utf-8", "text/plain"),
)


@given(data=st.data(), report=reports(), charset=st.sampled_from(CHARSETS))
def test_a_json_report_in_another_form_is_read(
    data: st.DataObject, report: list[Message], charset: tuple[str, str]
) -> None:
    rows = data.draw(json_objects(report))
    wrapped = data.draw(st.sampled_from(list(ENVELOPES.values())))(rows)
    text = json.dumps(wrapped, ensure_ascii=data.draw(st.booleans()))
    found = read(text.encode(charset[0], "replace"), charset[1], json_rows)
    assert not isinstance(found, ResponseInvalid), found
    assert list(map(shown, found)) == list(map(told, report))


@given(data=st.data(), report=reports(), one=st.sampled_from(["rows", "lists", "campaigns"]))
def test_a_json_report_by_phone_number_is_read(
    data: st.DataObject, report: list[Message], one: str
) -> None:
    rows = data.draw(json_objects(report))
    named: dict[str, Any] = {}
    for message, row in zip(report, rows, strict=True):
        status = next(row[name] for name in row if "status" in name.lower())
        line = next(row[name] for name in row if "line" in name.lower())
        own = {"status": status, "idLine": line} if data.draw(st.booleans()) else row
        named.setdefault(f"+{message.mobile}", []).append(own)
    if one == "rows":
        if any(len(parts) > 1 for parts in named.values()):
            return
        named = {number: parts[0] for number, parts in named.items()}
    wrapped = {"data": named} if one == "campaigns" else named
    found = read(json.dumps(wrapped).encode(), "application/json", json_rows)
    assert not isinstance(found, ResponseInvalid), found
    assert sorted(map(shown, found)) == sorted(map(told, report))


@given(
    data=st.data(),
    report=reports(),
    odd=st.sampled_from([None, 17, "Délivré", [], {}, {"status": 16}, [{"item": "+33612345678"}]]),
    total=st.integers(-1, 6),
)
def test_an_odd_row_or_total_hides_no_row(
    data: st.DataObject, report: list[Message], odd: Any, total: int
) -> None:
    rows: list[Any] = data.draw(json_objects(report))
    at = data.draw(st.integers(0, len(rows)))
    rows.insert(at, odd)
    body = {"rows": rows, "totalElements": total}
    found = read(json.dumps(body).encode(), "application/json", json_rows)
    if isinstance(found, ResponseInvalid):
        return
    expected: list[Told] = list(map(told, report))
    expected.insert(at, (None, 16 if odd else None, None))
    assert list(map(shown, found)) == expected
    assert total <= len(rows)


@given(data=st.data(), report=reports(), pad=st.sampled_from([0, 0, 20_000]))
def test_a_json_report_that_is_cut_is_refused(
    data: st.DataObject, report: list[Message], pad: int
) -> None:
    rows = data.draw(json_objects(report))
    wrapped = data.draw(st.sampled_from(list(ENVELOPES.values())))(rows)
    rows[0]["pad"] = "x" * pad
    body = json.dumps(wrapped).encode()
    cut = body[: data.draw(st.integers(0, len(body) - 1))]
    found = read(cut, "application/json", json_rows)
    assert isinstance(found, ResponseInvalid) or cut.strip() == b"", (cut, found)


# --- CSV ------------------------------------------------------------------------------------------

PREAMBLES = (
    "",
    "sep={delimiter}{end}",
    "Rapport SMS{end}",
    "Rapport SMS{end}{end}Campagne{delimiter}943{end}",
    "{end}{end}",
    '"Rapport{delimiter} du 16"{end}',
    "Total{delimiter}3{end}",
    "sep={delimiter}{end}Rapport{end}",
)
ENDINGS = (
    "",
    "TOTAL{delimiter}{count}{end}",
    "Total : {count}{end}",
    "{end}Total{delimiter}{delimiter}{count}{end}",
    "{end}{end}",
    "{header}",
)
CSV_CHARSETS = (
    ("utf-8", "text/csv"),
    ("utf-8-sig", "text/csv; charset=UTF-8"),
    ("utf-16", "text/csv"),
    ("utf-16-le", "text/csv"),
    ("utf-16-be", "application/octet-stream"),
    ("cp1252", "text/csv; charset=ISO-8859-1"),
    ("cp1252", "text/csv"),
    ("utf-8", ""),
)


class Written(NamedTuple):
    """A CSV report: its text, and that of its parts."""

    text: str
    header: str
    delimiter: str
    end: str


@st.composite
def csv_reports(draw: st.DrawFn, report: Sequence[Message], *, end: str = "") -> Written:
    delimiter = draw(st.sampled_from(";,\t|"))
    end = end or draw(st.sampled_from(["\r\n", "\n", "\r"]))
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]))
    spell = draw(spelled)
    own = draw(st.lists(st.sampled_from(["NOM", "STATUS", "Ville", "N°", "TOTAL"]), max_size=2))
    columns = draw(st.permutations([*map(spell, COLUMNS), *own]))
    date = draw(st.sampled_from(DATES))
    mobile = draw(st.sampled_from(["{}", "+{}", " {} ", "{}.0"]))

    how: dict[str, Any] = {"delimiter": delimiter, "lineterminator": end, "quoting": quoting}

    def line_of(cells: Sequence[Any]) -> str:
        text = io.StringIO(newline="")
        csv.writer(text, **how).writerow(cells)
        return text.getvalue()

    lines = []
    for message in report:
        cells = dict.fromkeys(own, message.text) | {
            spell("REF_LIST"): "liste",
            spell("ID_LINE"): message.line,
            spell("INT_MOBILE"): mobile.format(message.mobile),
            spell("STATUS_CODE"): "" if message.status is None else message.status,
            spell("STATUS_TEXT"): message.text,
            spell("DELIVERYDATE"): date,
        }
        lines.append(line_of([cells[name] for name in columns]))
    header = line_of(columns)
    preamble = draw(st.sampled_from(PREAMBLES)).format(delimiter=delimiter, end=end)
    ending = draw(st.sampled_from(ENDINGS)).format(
        delimiter=delimiter, end=end, count=len(report), header=header
    )
    return Written(preamble + header + "".join(lines) + ending, header, delimiter, end)


@given(data=st.data(), report=reports(), charset=st.sampled_from(CSV_CHARSETS))
def test_a_csv_report_in_another_form_is_read(
    data: st.DataObject, report: list[Message], charset: tuple[str, str]
) -> None:
    written = data.draw(csv_reports(report))
    found = read(written.text.encode(charset[0], "replace"), charset[1], csv_rows)
    assert not isinstance(found, ResponseInvalid), found
    assert list(map(shown, found)) == list(map(told, report))
    assert [row.status_text or "" for row in found] == [message.text for message in report]
    assert all(row.delivered_at and row.delivered_at.timestamp() == MOMENT for row in found)


def _is_beginning(found: Sequence[ReportRow], report: Sequence[Message]) -> bool:
    return list(map(shown, found)) == list(map(told, report))[: len(found)]


@given(data=st.data(), report=reports())
def test_no_row_of_a_csv_report_that_is_cut_is_wrong(
    data: st.DataObject, report: list[Message]
) -> None:
    written = data.draw(csv_reports(report))
    at = data.draw(st.integers(0, len(written.text)))
    columns = written.header.split(written.delimiter)
    found = read(written.text[:at].encode(), "text/csv", csv_rows)
    if isinstance(found, ResponseInvalid):
        return
    if found and "DATE" not in columns[-1].upper():
        found.pop()  # whose last cell may be cut
    assert _is_beginning(found, report)


STRAY = (
    "java.lang.NullPointerException: null{end}",
    "\tat fr.mediasflow.Report.write(Report.java:42){end}",
    "<html><body>502 Bad Gateway</body></html>{end}",
    '{{"error": "timeout"}}{end}',
    "ERROR{delimiter}16{end}",
    "Sous-total{delimiter}{delimiter}{delimiter}2{delimiter}{delimiter}{end}",
    "{delimiter}{delimiter}{delimiter}{delimiter}{delimiter}{end}",
    '"{end}',
    '"Zoé" x{delimiter}16{end}',
    "\0{end}",
)


@given(data=st.data(), report=reports(), stray=st.sampled_from(STRAY))
def test_a_stray_line_makes_no_row(data: st.DataObject, report: list[Message], stray: str) -> None:
    written = data.draw(csv_reports(report, end="\n"))
    lines = written.text.splitlines(keepends=True)
    at = data.draw(st.integers(0, len(lines)))
    lines.insert(at, stray.format(delimiter=written.delimiter, end=written.end))
    found = read("".join(lines).encode(), "text/csv", csv_rows)
    assert isinstance(found, ResponseInvalid) or list(map(shown, found)) == list(map(told, report))
    if isinstance(found, ResponseInvalid):
        assert "line " in str(found) or "expected a CSV report" in str(found)


@given(data=st.data(), report=reports())
def test_cells_that_are_not_quoted_displace_nobody(
    data: st.DataObject, report: list[Message]
) -> None:
    delimiter = data.draw(st.sampled_from(";,\t|"))
    columns = data.draw(st.permutations([*COLUMNS, "NOM"]))
    lines = [delimiter.join(columns)]
    for message in report:
        cells = dict(zip(COLUMNS, ("liste", message.line, message.mobile), strict=False))
        cells |= {"STATUS_CODE": message.status, "STATUS_TEXT": "", "DELIVERYDATE": DATES[0]}
        cells |= {data.draw(st.sampled_from(["NOM", "STATUS_TEXT", "REF_LIST"])): message.text}
        lines.append(delimiter.join(str(cells.get(name, "Zoé")) for name in columns))
    found = read("\n".join(lines).encode() + b"\n", "text/csv", csv_rows)
    assert not unlike_csv(found, report), found


def unlike_csv(found: Any, report: Sequence[Message]) -> bool:
    expected = [(f"+{message.mobile}", message.status) for message in report]
    return (
        not isinstance(found, ResponseInvalid)
        and [(row.mobile, row.status_code) for row in found] != expected
    )


# --- The blacklist --------------------------------------------------------------------------------

ENTRY_NAMES = ("item", "ITEM", "Item", "number", "mobile", "phoneNumber", "phone_number")


@given(data=st.data(), numbers=st.lists(numbers, max_size=5), charset=st.sampled_from(CHARSETS))
def test_a_blacklist_in_another_form_is_read(
    data: st.DataObject, numbers: list[str], charset: tuple[str, str]
) -> None:
    form = data.draw(st.sampled_from(["texts", "integers", "objects", "by number"]))
    name = data.draw(st.sampled_from(ENTRY_NAMES))
    junk = data.draw(
        st.dictionaries(st.sampled_from(["brand", "creationDate", "x"]), st.sampled_from(JUNK))
    )
    forms: dict[str, Any] = {
        "texts": [f"+{number}" for number in numbers],
        "integers": list(map(int, numbers)),
        "objects": [{**junk, name: f"+{number}"} for number in numbers],
        "by number": {f"+{number}": dict(junk) for number in numbers},
    }
    body = forms[form]
    if form != "by number":
        body = data.draw(st.sampled_from(list(ENVELOPES.values())[:6]))(body)
    found = read(json.dumps(body).encode(charset[0]), charset[1], entries)
    assert not isinstance(found, ResponseInvalid), found
    wanted = dict.fromkeys(numbers) if form == "by number" else numbers
    assert [entry.number.lstrip("+") for entry in found] == list(wanted)
